"""`grekko evidence`: is the challenger really better? Judges paired experiments from files."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.problems import BadInput

if TYPE_CHECKING:
    from models.experiments.files import Judgement
    from models.experiments.policy import PromotionPolicy

# Below this a second process costs more to start than it saves.
MANY = 400
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def evidence(
    files: Annotated[list[str], typer.Argument(help="Parquet files, folders of them, or patterns.", metavar="FILES...")],
    peek: Annotated[
        str | None, typer.Option(help="Look at every such step (30m, 1h, 1d) with the data up to then; stop at the first decision.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="A promotion policy as strict as the shipped one, or stricter.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="One line of JSON per file.")] = False,
) -> None:
    """Judge paired experiments: PROMOTE, ROLLBACK, HOLD, FUTILE or INVALID, each with its evidence.

    A file holds one row an order that both arms answered: [bold]ts, order_id, champion, challenger[/bold], costs in bps.
    Exit code 0 when every file could be read, 1 when one could not (it is told as INVALID), 2 when nothing could be judged.
    """
    from models.experiments.policy import PromotionPolicy

    step = _step(peek) if peek is not None else None
    rule = PromotionPolicy.read() if policy is None else PromotionPolicy.read_stricter(policy)
    paths = _paths(files)
    if not paths:
        raise BadInput(f"No Parquet file at {', '.join(files)}; name files, folders that hold *.parquet, or patterns.", field="files")
    readable = True
    told = []
    for done, judgement in enumerate(_judge(paths, rule, step), 1):
        readable = readable and judgement.readable
        if json_:
            print(json.dumps(judgement.record))
        else:
            told.append(judgement.record)
        if done % 500 == 0 and done < len(paths):
            print(f"{done:,} of {len(paths):,} files judged", file=sys.stderr, flush=True)
    if not json_:
        _show(told)
    if not readable:
        raise typer.Exit(1)


def _step(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+)\s*([mhd])", text.strip())
    if not found or int(found[1]) == 0:
        raise BadInput(f"--peek {text!r} is no step; write minutes, hours or days, such as 30m, 1h or 1d.", field="peek")
    step = int(found[1]) * UNITS[found[2]]
    if step > timedelta(days=365):
        raise BadInput(f"--peek {text!r} is longer than a year; write a step such as 30m, 1h or 1d.", field="peek")
    return step


def _paths(given: list[str]) -> list[Path]:
    """The files meant, each once, in the order given; a name that fits nothing stays, so that its line can say so."""
    found: dict[Path, None] = {}
    for name in given:
        path = Path(name)
        if path.is_dir():
            inside = sorted(path.rglob("*.parquet"))
        elif path.exists() or not any(mark in name for mark in "*?["):
            inside = [path]
        else:
            # A pattern in quotes, which the shell left to us.
            root = Path(path.anchor or ".")
            inside = sorted(one for one in root.glob(str(path.relative_to(root))) if one.is_file())
        found.update(dict.fromkeys(inside))
    return list(found)


def _judge(paths: list[Path], rule: PromotionPolicy, step: timedelta | None) -> Iterator[Judgement]:
    from models.experiments.files import judge

    one = partial(judge, policy=rule, step=step)
    workers = min(os.cpu_count() or 1, 4)
    if len(paths) < MANY or workers < 2:
        yield from map(one, paths)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Polars has threads of its own, which a fork would leave behind in the middle of what they do.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(one, paths, chunksize=16)


def _show(records: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for name, side in (
        ("file", "left"),
        ("verdict", "left"),
        ("e-value", "right"),
        ("lift", "right"),
        ("blocks", "right"),
        ("decided at", "left"),
        ("why", "left"),
    ):
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    for one in records:
        at = (one["decided_at"] or "–")[:16]
        table.add_row(one["file"], one["verdict"], f"{one['e_value']:.3g}", f"{one['lift']:+.1%}", str(one["blocks"]), at, one["reason"])
    Console(width=None if sys.stdout.isatty() else 200).print(table)
