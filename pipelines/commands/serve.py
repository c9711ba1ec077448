"""`grekko serve`: the executor as a service on this machine; without a desk file it simulates, and nothing can be sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.problems import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from executor.agents.settings import AgentSettings
    from executor.api import Tokens
    from executor.compliance.alerts import Channel
    from executor.desk_file import DeskFile
    from executor.modes import Standing
    from executor.service import ExecutorService

DEFAULT_HOME = Path(".grekko") / "two_weeks"
MEANING = {
    "simulate": "nothing is signed and nothing can be sent",
    "paper": "it follows the chain, no key is loaded and nothing can be sent",
    "live": "orders are signed and sent",
}


def serve(
    home: Annotated[
        Path | None, typer.Option(help="Data home, where the demo put its hand-over. Default: GREKKO_HOME, else .grekko/two_weeks.")
    ] = None,
    desk: Annotated[Path | None, typer.Option(help="Desk file: chain, venues, pools, limits, key. Without: simulate.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Trade for real. The desk file must say mode: live too, and be signed by its key.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8642,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen beyond this machine. Put TLS and a firewall before it.")
    ] = False,
    agents: Annotated[
        str,
        typer.Option("--agents", help="Who may be asked for advice, with commas, or all: technical,onchain,macro,news. Default: nobody."),
    ] = "",
) -> None:
    """Serve quotes, routes and orders over HTTP.

    Without --desk everything is simulated on what the demo handed over. With it, the file says whether orders are tried on a chain
    (mode: paper) or sent (mode: live, only together with --live).

    Tokens come from the environment: GREKKO_TOKEN_VIEWER looks at orders, GREKKO_TOKEN_TRADER (or GREKKO_TOKEN) sends and cancels them
    and may stop everything, GREKKO_TOKEN_COMPLIANCE looks at orders and reads reports, GREKKO_TOKEN_ADMIN also lets go again and loads
    limits. Without any, a trader's is made up and printed once.

    Agents only advise. GREKKO_AGENT_WEIGHTS (journal or redis://...), GREKKO_AGENT_TRANSPORT (in_process, processes or kafka://...),
    GREKKO_AGENT_DEADLINE_MS, GREKKO_AGENT_QUORUM and GREKKO_AGENT_FEEDS say how they are asked; a desk file may name them too.
    """
    from executor.api import LOOPBACK, Tokens, create_app

    local = host in LOOPBACK
    if not local and not allow_remote:
        raise BadInput(
            f"{host} can be reached from other machines; listen on 127.0.0.1, or add --allow-remote if you mean it.", field="host"
        )
    tokens = Tokens.from_environment(os.environ)
    if not tokens.by_role:
        tokens = _made_up()
    folder = (home or Path(os.environ.get("GREKKO_HOME") or DEFAULT_HOME)) / "executor"
    from executor.agents.settings import AgentSettings

    service = _assembled(folder, desk, live, AgentSettings.told(agents, os.environ))
    _tell_model(service)
    listening = f"[{host}]" if ":" in host else host
    typer.echo(
        f"Listening on http://{listening}:{port} (POST /quote, POST /route, POST /swap, /orders, GET /pools, GET /venues, GET /health, "
        "GET /ready, GET /metrics, POST /kill, GET /openapi.json)",
        err=True,
    )

    import uvicorn

    app = create_app(service, tokens, hosts=LOOPBACK if local else ("*",))
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


def _made_up() -> Tokens:
    from executor.api import Role, Tokens

    tokens = Tokens.made_up()
    typer.echo(f"Token of a trader, shown this once (set GREKKO_TOKEN_TRADER to choose your own): {tokens.by_role[Role.TRADER]}", err=True)
    return tokens


def _assembled(folder: Path, desk: Path | None, live: bool, agents: AgentSettings | None = None) -> ExecutorService:
    """The service in the mode that file and flag agree on, and what is told of it before it starts."""
    from executor.assembly import JOURNAL, on_chain, simulation

    if desk is None:
        if live:
            raise BadInput("--live needs --desk FILE: the file says which chain, which limits and which key.", field="desk")
        _tell("simulate", "only the kill switch (a file called KILL in that folder, or POST /kill)", str(folder / JOURNAL))
        _tell_agents(agents)
        return simulation(folder, agents=agents or ())
    from executor.desk_file import load_desk_file
    from executor.modes import take_position

    settings = load_desk_file(desk)
    standing = take_position(settings, os.environ, live=live)
    if standing.mode == "simulate":
        _tell(
            "simulate",
            "the kill switch, and jurisdictions where the file names them: mode: simulate uses nothing else of it",
            str(folder / JOURNAL),
        )
        _tell_agents(agents or settings.agents)
        return _told(
            simulation(
                folder, agents=agents or settings.agents or (), compliance=settings.compliance, cash=settings.dollars, channels=_channels()
            )
        )
    guarded = [name for name, value in settings.limits.to_json().items() if value not in (None, {}, [])]
    _tell(standing.mode, ", ".join(guarded), _place_of(settings.journal))
    if standing.signer is not None:
        typer.echo(f"Account: {standing.signer.address} on chain {settings.chain_id}.", err=True)
    _tell_agents(agents or settings.agents)
    return _told(
        on_chain(settings, folder, signer=standing.signer, approve=_approver(settings, standing), agents=agents, channels=_channels())
    )


def _channels() -> Sequence[Channel]:
    """Where people are told of violations, as the environment says."""
    from executor.compliance.alerts import channels_of

    channels = channels_of(os.environ)
    typer.echo(f"Alerts: {', '.join(one.name for one in channels) or 'none: set GREKKO_ALERT_WEBHOOK or GREKKO_ALERT_SMTP'}.", err=True)
    return channels


def _told(service: ExecutorService) -> ExecutorService:
    """Says which limits of jurisdictions hold, or that none do."""
    rules = service.rules or "none: the desk file names no regulations, parties or lists, so orders are for the firm's own account alone"
    typer.echo(f"Jurisdictions: {rules}.", err=True)
    return service


def _approver(desk: DeskFile, standing: Standing) -> Callable[[bytes], None] | None:
    """In live mode a changed desk file counts only when the key signed it."""
    from executor.desk_signature import check_signature

    signer = standing.signer
    return None if signer is None else lambda content: check_signature(content, desk.path, desk.chain_id, signer.address)


def _tell(mode: str, guarded: str, journal: str) -> None:
    typer.echo(f"Mode: {mode} ({MEANING[mode]}).", err=True)
    typer.echo(f"Guarded: {guarded}.", err=True)
    typer.echo(f"Journal: {journal}.", err=True)


def _tell_agents(agents: AgentSettings | None) -> None:
    if agents is not None:
        kept, lines = _place_of(agents.weights), _place_of(agents.transport)
        typer.echo(f"Agents: {', '.join(agents.names)} may be asked and send nothing (weights: {kept}, transport: {lines}).", err=True)


def _place_of(journal: str) -> str:
    """Where the journal is, without a password that its address may hold."""
    if "://" not in journal:
        return journal
    from urllib.parse import urlsplit

    parts = urlsplit(journal)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _tell_model(service: ExecutorService) -> None:
    told = service.health()
    if "model_version" in told:
        typer.echo(f"Model {told['model_version']} decides swaps, {told['pools']} pools as of {told['as_of']}.", err=True)
    else:
        typer.echo(f"Not ready: {told['reason']}", err=True)
