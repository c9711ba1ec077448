"""`grekko demo`: from a chain's logs to a promoted model and a simulated swap, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    recording: Annotated[Path | None, typer.Option(help="Recording to build from; the shipped one by default.")] = None,
    home: Annotated[Path | None, typer.Option(help="Data folder; .grekko/<recording's name> by default.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Rebuild even when nothing changed.")] = False,
) -> None:
    """Build every table from the recording, judge the models, and show a simulated swap.

    A second run finds nothing to do and changes no table.
    """
    from pipelines.home import Home

    # The settings must stand before the graph is imported: its partitions are the recording's days.
    place = Home.here(recording, home)
    place.settle()
    from pipelines.demo import run_demo

    if not run_demo(place, again=again):
        raise typer.Exit(1)
