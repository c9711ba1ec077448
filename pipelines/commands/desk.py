"""`grekko desk`: the executor's settings and its key: an example to start from, a check, a keystore, and the owner's signature."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer

if TYPE_CHECKING:
    from executor.desk_file import DeskFile

desk = typer.Typer(no_args_is_help=True, help="The desk file, which the executor trades by: write one, check it, sign it for live.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The desk file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
EXAMPLE = "desk_example.yaml"


@desk.command()
def example(
    to: Annotated[Path | None, typer.Option("--to", help="The file to write; standard output without it.")] = None,
) -> None:
    """Show a desk file to start from; it is in simulate mode."""
    import executor

    text = (Path(executor.__path__[0]) / EXAMPLE).read_text()
    if to is None:
        typer.echo(text, nl=False)
        return
    try:
        with to.open("x") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{to} cannot be written ({error.strerror}); name a new file.", field="to", path=str(to)) from error
    typer.echo(f"Written to {to}; change it, then `grekko desk check {to}`.", err=True)


@desk.command()
def check(
    file: File,
    live: Annotated[bool, typer.Option("--live", help="Also everything that live trading asks for.")] = False,
    json_: AsJson = False,
) -> None:
    """Say what is wrong with a desk file, or what is in force with it. Neither the chain nor a key is asked.

    Exit code 0 when it may be used, 1 when something is missing for --live, 2 when it cannot be read.
    """
    from executor.desk_file import load_desk_file

    loaded = load_desk_file(file)
    missing = _missing_for_live(loaded) if live else []
    document = {**_told(loaded), **({"missing_for_live": missing} if live else {})}
    rows = [(name, _line(value)) for name, value in _flat(document) if name != "missing_for_live"]
    answer(document, json_, rows, ("setting", "in force"))
    if not json_:
        for sentence in missing:
            typer.echo(f"missing for live: {sentence}")
    if missing:
        raise typer.Exit(1)


@desk.command()
def sign(file: File) -> None:
    """Let this very file trade live, by the signature of the key that it names. Any later change needs it again.

    The password comes from GREKKO_KEYSTORE_PASSWORD, the file that GREKKO_KEYSTORE_PASSWORD_FILE names, or the terminal.
    """
    from executor.desk_file import content_of, read_desk_file
    from executor.desk_signature import sign_desk_file
    from executor.modes import missing_for_live, open_signer

    content = content_of(file)
    loaded = read_desk_file(content, file)
    if loaded.mode != "live":
        raise BadInput(f"{file} says mode: {loaded.mode}; only a file that says mode: live is signed.", field="mode")
    if missing := missing_for_live(loaded):
        raise BadInput(f"{file} is not ready for live. {' '.join(missing)}", field="limits", missing=missing)
    signer = open_signer(loaded, os.environ, None, ask=True)
    where = sign_desk_file(content, file, loaded.chain_id, signer)
    typer.echo(f"Signed by {signer.address} for chain {loaded.chain_id}: {where}")


@desk.command()
def keystore(
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not be there yet.")],
    from_environment: Annotated[
        bool, typer.Option("--from-environment", help="Take the key from GREKKO_PRIVATE_KEY instead of drawing a new one.")
    ] = False,
    json_: AsJson = False,
) -> None:
    """Make an encrypted keystore that only you can read.

    The password comes from GREKKO_KEYSTORE_PASSWORD, the file that GREKKO_KEYSTORE_PASSWORD_FILE names, or the terminal.
    """
    from executor.signers.environment import VARIABLE, secret_from
    from executor.signers.keystore import PASSWORD, PASSWORD_FILE, password_from, write_keystore
    from executor.signers.local import Secret

    key = secret_from(os.environ, VARIABLE) if from_environment else None
    if os.environ.get(PASSWORD) or os.environ.get(PASSWORD_FILE):
        password = password_from(os.environ)
    else:
        password = Secret(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True).encode())
    address = write_keystore(out, password, key)
    answer({"address": address, "path": str(out)}, json_, [("address", address), ("keystore", str(out))])


def _missing_for_live(loaded: DeskFile) -> list[str]:
    """What the file lacks, and what is wrong with its signature as far as that can be told without the password."""
    from executor.desk_file import content_of
    from executor.desk_signature import check_signature
    from executor.modes import missing_for_live
    from executor.signers import keystore_address

    missing = missing_for_live(loaded)
    if loaded.mode != "live":
        missing.insert(0, f"The file says mode: {loaded.mode}; write mode: live.")
    address = None
    if loaded.key is not None and loaded.key.keystore is not None:
        try:
            address = keystore_address(loaded.key.keystore)
        except BadInput as problem:
            missing.append(problem.message)
    try:
        check_signature(content_of(loaded.path), loaded.path, loaded.chain_id, address)
    except BadInput as problem:
        missing.append(problem.message)
    return missing


def _told(loaded: DeskFile) -> dict[str, Any]:
    """What is in force, without anything that may hold a secret."""
    from urllib.parse import urlsplit

    names = {address: token.symbol for address, token in loaded.tokens.items()}
    pools = len(loaded.pools) if loaded.discover_from_block is None else f"discovered from block {loaded.discover_from_block} on"
    return {
        "file": str(loaded.path),
        "sha256": loaded.sha256,
        "mode": loaded.mode,
        "chain_id": loaded.chain_id,
        "node": urlsplit(loaded.node.http).hostname,
        "finality": "finalized" if loaded.finality_depth is None else f"{loaded.finality_depth} blocks",
        "tokens": sorted(names.values()),
        "pools": pools,
        "venues": {name: place.router or "no router" for name, place in sorted(loaded.deployments.items())},
        "split_router": loaded.split_router,
        "journal": "PostgreSQL" if loaded.journal.startswith("postgres") else loaded.journal,
        "stream": loaded.stream.partition(":")[0],
        "gas_budgets_wei": {symbol: str(wei) for symbol, wei in loaded.gas.budgets.items()},
        "limits": loaded.limits.to_json(),
        "key": None if loaded.key is None else "a keystore" if loaded.key.keystore else "the environment, for development",
    }


def _flat(document: dict[str, Any], within: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in document.items():
        rows.extend(_flat(value, f"{within}{name}.") if isinstance(value, dict) and value else [(within + name, value)])
    return rows


def _line(value: Any) -> str:
    if value is None or value == {}:
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
