"""`grekko route`: the best way from one token to another through the pools of a file, leg by leg, with its certificate."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from executor.routing.pool_book import PoolBook
from executor.routing.pool_files import load_pool_book
from executor.routing.single_path import MOST_HOPS, Route, best_path
from executor.routing.split import MAX_LEGS, SplitRoute, split_route
from pipelines.commands.answers import answer


def as_document(found: Route) -> dict[str, Any]:
    """A single path as a document of whole numbers."""
    return {
        "amount_out": found.amount_out,
        "legs": [{"pool_id": leg.pool_id, "amount_in": leg.amount_in, "amount_out": leg.amount_out} for leg in found.legs],
    }


def as_split_document(found: SplitRoute) -> dict[str, Any]:
    """A split as a document: amounts and shares are whole numbers, a share is of 2^64."""
    return {
        "amount_out": found.amount_out,
        "amount_out_after_gas": found.amount_out_after_gas,
        "upper_bound": found.upper_bound,
        "certificate_bps": found.certificate_bps,
        "legs": [
            {
                "pool_id": leg.pool_id,
                "sell": leg.sell,
                "buy": leg.buy,
                "share_x64": leg.share_x64,
                "amount_in": leg.amount_in,
                "amount_out": leg.amount_out,
            }
            for leg in found.legs
        ],
    }


def route(
    pools: Annotated[Path, typer.Option("--pools", help="Parquet file of pools, one row each.")],
    ticks: Annotated[Path, typer.Option("--ticks", help="Parquet file of the concentrated pools' ticks.")],
    sell: Annotated[str, typer.Option("--sell", help="Symbol or address of the token sold.")],
    buy: Annotated[str, typer.Option("--buy", help="Symbol or address of the token bought.")],
    amount: Annotated[int, typer.Option("--amount", help="Amount in base units of the token sold.")],
    gas_per_leg: Annotated[int, typer.Option("--gas-per-leg", help="What one pool costs, in base units of the token bought.", min=0)] = 0,
    max_legs: Annotated[int, typer.Option("--max-legs", help="Most pools of a split.", min=1)] = MAX_LEGS,
    max_hops: Annotated[
        int | None,
        typer.Option(
            "--max-hops",
            help=f"Most pools one after the other. By default a split is limited by its legs only, and one path has {MOST_HOPS}.",
            min=1,
            max=MOST_HOPS,
        ),
    ] = None,
    no_split: Annotated[bool, typer.Option("--no-split", help="Use one path only, the one that gives the most before gas.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; all amounts are JSON integers of any size.")] = False,
) -> None:
    """The route that gives the most after gas, over all venues of the file, exact to the base unit.

    Legs run in order; each takes its share of what is held of its token by then, the last one all of it. `amount_out` is before gas.
    No route of any number of legs and hops gives more than `upper_bound` after gas, `certificate_bps` is the distance to it.
    A pool that could take only a part of its leg is never used. Exit code 2 when there is no route.
    """
    book = load_pool_book(pools, ticks)
    if no_split:
        single = best_path(book, sell, buy, amount, max_hops or MOST_HOPS)
        answer(as_document(single), as_json, _lines(book, single), ("pool", "protocol", "pays", "receives"))
        return
    split = split_route(book, sell, buy, amount, gas_per_leg=gas_per_leg, max_legs=max_legs, max_hops=max_hops)
    header = ("pool", "protocol", "share", "pays", "receives")
    answer(as_split_document(split), as_json, _split_lines(book, split), header, _split_told(book, split))


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


def _split_lines(book: PoolBook, found: SplitRoute) -> list[tuple[str, ...]]:
    """A line for each leg; its share is that of everything the route sells of the leg's token."""
    sold: dict[str, int] = defaultdict(int)
    for leg in found.legs:
        sold[leg.sell] += leg.amount_in
    return [
        (
            str(leg.pool_id),
            book.pool(leg.pool_id).protocol,
            f"{leg.amount_in / sold[leg.sell]:.2%}",
            f"{leg.amount_in:,} {book.token(leg.sell).symbol}",
            f"{leg.amount_out:,} {book.token(leg.buy).symbol}",
        )
        for leg in found.legs
    ]


def _split_told(book: PoolBook, found: SplitRoute) -> list[str]:
    bought = book.token(found.legs[-1].buy).symbol
    told = [
        f"All together {found.amount_out:,} base units of {bought}, "
        f"at most {found.certificate_bps:.3f} bps below the best that any route could give."
    ]
    return told + ([f"After gas: {found.amount_out_after_gas:,} base units."] if found.gas_per_leg else [])
