"""How a command answers: one line of JSON for programs, a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table


def answer(
    document: dict[str, Any],
    as_json: bool,
    rows: Sequence[Sequence[str]],
    header: Sequence[str] = (),
    below: Sequence[str] = (),
    *,
    whole_first: bool = False,
) -> None:
    """Prints the document as one line of JSON, or the rows as a table with the sentences `below` it.

    With `whole_first` the first column is never broken, for names that people copy.
    """
    if as_json:
        typer.echo(json.dumps(document))
        return
    table = Table(show_header=bool(header))
    for place, name in enumerate(header or [""] * len(rows[0])):
        table.add_column(name, overflow="fold", no_wrap=whole_first and place == 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    for sentence in below:
        typer.echo(sentence)
