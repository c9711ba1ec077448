"""`grekko prompt`: versions of the agents' prompts, and which of them is in use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer

if TYPE_CHECKING:
    from models.prompts import PromptRegistry

prompt = typer.Typer(no_args_is_help=True, help="The agents' prompts: register a version, put one in use, list them.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the prompt, such as news_reader.")]
Place = Annotated[Path | None, typer.Option("--home", help="Data home. Default: GREKKO_HOME, else .grekko/two_weeks.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
DEFAULT_HOME = Path(".grekko") / "two_weeks"


@prompt.command()
def register(
    name: Name,
    file: Annotated[Path, typer.Option("--file", help="The template, UTF-8; its variables stand in double braces: {{headline}}.")],
    why: Annotated[str | None, typer.Option("--why", help="What changed, kept with the version.")] = None,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Keep a new version of a prompt. It is in use once an alias points to it.

    The same text again is the same version.
    """
    try:
        template = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read as UTF-8 text ({error}).", field="file", path=str(file)) from error
    made = _registry(home).register(name, template, why)
    told = {"name": name, "version": made.version, "sha256": made.sha256, "variables": list(made.variables)}
    answer(told, json_, [(key, _line(value)) for key, value in told.items()])


@prompt.command()
def point(
    name: Name,
    version: Annotated[int, typer.Option("--version", min=1, help="The version to use.")],
    alias: Annotated[str, typer.Option("--alias", help="Which use; the executor reads production.")] = "production",
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Point an alias at a version. Production is published at once, and the executor reads it within a second."""
    from models.prompts import PRODUCTION
    from models.published_prompts import publish

    registry = _registry(home)
    pointed = registry.point(name, version, alias)
    told = {"name": name, "version": version, "alias": alias, "sha256": pointed.sha256}
    if alias == PRODUCTION:
        told["published"] = publish(registry, _home(home) / "executor").changed
    answer(told, json_, [(key, _line(value)) for key, value in told.items()])


@prompt.command("list")
def list_(home: Place = None, json_: AsJson = False) -> None:
    """Show every prompt with its versions, which one is in production, and what the executor reads."""
    from models.published_prompts import published

    registry = _registry(home)
    in_use = registry.in_use()
    production = {one.name: one.version for one in in_use.prompts}
    read = {name: told["version"] for name, told in published(_home(home) / "executor").items()}
    prompts = [
        {
            "name": name,
            "versions": [one.version for one in registry.versions(name)],
            "production": production.get(name),
            "published": read.get(name),
            "refused": in_use.refused[name].message if name in in_use.refused else None,
        }
        for name in registry.names()
    ]
    rows = [
        (f"{one['name']}, versions {_line(one['versions'])}", one["refused"] or f"production {_line(one['production'])}") for one in prompts
    ]
    answer({"prompts": prompts}, json_, rows or [("no prompt yet", "grekko prompt register NAME --file F")], ("prompt", "in use"))


def _home(home: Path | None) -> Path:
    return home or Path(os.environ.get("GREKKO_HOME") or DEFAULT_HOME)


def _registry(home: Path | None) -> PromptRegistry:
    from models.prompts import PromptRegistry

    return PromptRegistry(_home(home) / "mlflow")


def _line(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "nowhere" if value is None else str(value)
