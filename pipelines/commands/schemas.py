"""`grekko schemas`: which pinned schemas of others are here, and getting those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.answers import answer

schemas = typer.Typer(no_args_is_help=True, help="The schemas of others that reports are checked against: install them, list them.")

Folder = Annotated[Path | None, typer.Option("--into", help="Schema folder. Default: GREKKO_SCHEMAS, else .grekko/schemas.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


@schemas.command()
def install(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which ones; all when none is named.")] = None,
    origin: Annotated[str | None, typer.Option("--from", help="A folder that holds them, or an https address they lie below.")] = None,
    into: Folder = None,
    json_: AsJson = False,
) -> None:
    """Put the pinned schemas into the schema folder, each compared with its pinned SHA-256.

    Exit code 0 when all that were asked for are there, 1 when some are not; those that came stay.
    """
    from executor.compliance.schema_folder import OfficialSchema, folder_of_official
    from executor.compliance.schema_install import install as installed

    def progress(schema: OfficialSchema, what: str) -> None:
        if not json_:
            typer.echo(f"{schema.name}: {what}")

    folder = folder_of_official(into)
    done = installed(folder, origin, names or [], progress)
    if json_:
        answer({"folder": str(folder), "installed": done.taken, "already": done.already, "missing": done.missing}, True, [])
    else:
        typer.echo(f"{folder}: {len(done.taken)} installed, {len(done.already)} already there, {len(done.missing)} missing")
        for name, reason in done.missing.items():
            typer.echo(f"missing  {name}: {reason}")
    if done.missing:
        raise typer.Exit(1)


@schemas.command("list")
def list_(into: Folder = None, json_: AsJson = False) -> None:
    """Show every pinned schema: whether it is here, and what may be claimed of a document that is valid against it."""
    from executor.compliance.schema_folder import folder_of_official, official_schemas

    folder = folder_of_official(into)
    found = [
        {
            "name": one.name,
            "state": one.state_in(folder),
            "version": one.version,
            "source": one.source,
            "sha256": one.sha256,
            "claim": one.claim,
        }
        for one in official_schemas().values()
    ]
    rows = [(str(one["name"]), str(one["state"]), str(one["claim"])) for one in found]
    answer({"folder": str(folder), "schemas": found}, json_, rows, ("schema", "state", "may be claimed of a valid document"))
