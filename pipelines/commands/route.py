"""`grekko route`: the best path from one token to another through the pools of a file, leg by leg."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from executor.routing.pool_book import PoolBook
from executor.routing.pool_files import load_pool_book
from executor.routing.single_path import MOST_HOPS, Route, best_path
from pipelines.commands.answers import answer


def as_document(found: Route) -> dict[str, Any]:
    """The route as a document of whole numbers."""
    return {
        "amount_out": found.amount_out,
        "legs": [{"pool_id": leg.pool_id, "amount_in": leg.amount_in, "amount_out": leg.amount_out} for leg in found.legs],
    }


def route(
    pools: Annotated[Path, typer.Option("--pools", help="Parquet file of pools, one row each.")],
    ticks: Annotated[Path, typer.Option("--ticks", help="Parquet file of the concentrated pools' ticks.")],
    sell: Annotated[str, typer.Option("--sell", help="Symbol or address of the token sold.")],
    buy: Annotated[str, typer.Option("--buy", help="Symbol or address of the token bought.")],
    amount: Annotated[int, typer.Option("--amount", help="Amount in base units of the token sold.")],
    max_hops: Annotated[int, typer.Option("--max-hops", help="Most pools on the path.", min=1, max=MOST_HOPS)] = MOST_HOPS,
    no_split: Annotated[bool, typer.Option("--no-split", help="Use one path only; today this is the only way.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; all amounts are JSON integers of any size.")] = False,
) -> None:
    """The path that gives the most, over all venues of the file, exact to the base unit.

    A pool that could take only a part of the amount is never on it. Exit code 2 when there is no path.
    """
    book = load_pool_book(pools, ticks)
    found = best_path(book, sell, buy, amount, max_hops)
    answer(as_document(found), as_json, _lines(book, found), ("pool", "protocol", "pays", "receives"))


def _lines(book: PoolBook, found: Route) -> list[tuple[str, ...]]:
    return [
        (
            str(leg.pool_id),
            book.pool(leg.pool_id).protocol,
            f"{leg.amount_in:,} {book.token(leg.sell).symbol}",
            f"{leg.amount_out:,} {book.token(leg.buy).symbol}",
        )
        for leg in found.legs
    ]
