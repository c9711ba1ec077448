"""`grekko serve`: the executor as a service on this machine, in simulate mode; nothing can be sent."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from domain.problems import BadInput

DEFAULT_HOME = Path(".grekko") / "two_weeks"


def serve(
    home: Annotated[
        Path | None, typer.Option(help="Data home, where the demo put its hand-over. Default: GREKKO_HOME, else .grekko/two_weeks.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8642,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen beyond this machine. Put TLS and a firewall before it.")
    ] = False,
) -> None:
    """Serve quotes and simulated swaps over HTTP.

    POST /swap wants the token of GREKKO_TOKEN; without one, a token is made up and printed once.
    """
    from executor.api import LOOPBACK, create_app
    from executor.service import ExecutorService

    local = host in LOOPBACK
    if not local and not allow_remote:
        raise BadInput(
            f"{host} can be reached from other machines; listen on 127.0.0.1, or add --allow-remote if you mean it.", field="host"
        )
    token = os.environ.get("GREKKO_TOKEN", "")
    if token and len(token) < 16:
        raise BadInput(
            "GREKKO_TOKEN is shorter than 16 characters; use a longer one, such as `openssl rand -hex 16` gives.", field="GREKKO_TOKEN"
        )
    if not token:
        token = secrets.token_urlsafe(24)
        typer.echo(f"Token for POST /swap, shown this once (set GREKKO_TOKEN to choose your own): {token}", err=True)
    folder = (home or Path(os.environ.get("GREKKO_HOME") or DEFAULT_HOME)) / "executor"
    service = ExecutorService(folder)
    told = service.health()
    if told["status"] == "ok":
        typer.echo(f"Model {told['model_version']} decides, {told['pools']} pools as of {told['as_of']}. Simulation only.", err=True)
    else:
        typer.echo(f"Not ready: {told['reason']}", err=True)
    typer.echo(
        f"Listening on http://{host}:{port} (GET /health, POST /quote, POST /swap, GET /pools, GET /metrics, GET /openapi.json)", err=True
    )

    import uvicorn

    app = create_app(service, token, hosts=LOOPBACK if local else ("*",))
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
