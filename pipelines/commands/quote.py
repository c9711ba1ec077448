"""`grekko quote`: what one pool of a file gives for an amount, to the base unit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from executor.routing.pool_files import load_pool_book
from pipelines.commands.answers import answer


def quote_file(pools: Path, ticks: Path, pool_id: int, sell: str, amount: int, exact_out: bool = False) -> dict[str, Any]:
    """The quote as a document of whole numbers; prices and ticks are None for a constant-product pool.

    With `exact_out` the amount is of the token bought. Raises a Refused error when the pool cannot serve it.
    """
    book = load_pool_book(pools, ticks)
    token = book.token_in(pool_id, sell)
    answered = book.quote(pool_id, token.address, amount, exact_out=exact_out)
    return {
        "amount_in": answered.amount_in,
        "amount_out": answered.amount_out,
        "sqrt_price_x96_after": answered.sqrt_price_x96_after,
        "tick_after": answered.tick_after,
        "partial": answered.partial,
    }


def quote(
    pools: Annotated[Path, typer.Option("--pools", help="Parquet file of pools, one row each.")],
    ticks: Annotated[Path, typer.Option("--ticks", help="Parquet file of the concentrated pools' ticks.")],
    pool_id: Annotated[int, typer.Option("--pool-id", help="The pool's id in the file.")],
    sell: Annotated[str, typer.Option("--sell", help="Symbol or address of the token sold.")],
    amount: Annotated[int, typer.Option("--amount", help="Amount in base units of the token sold.")],
    exact_out: Annotated[bool, typer.Option("--exact-out", help="The amount is of the token bought.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; all amounts and prices are JSON integers of any size.")] = False,
) -> None:
    """What one pool gives for an amount, exactly as its contract would.

    `partial` says that the pool ran out: then the amounts are what it could fill. Exit code 2 when it can't answer.
    """
    answered = quote_file(pools, ticks, pool_id, sell, amount, exact_out)
    answer(answered, as_json, [(name, _readable(value)) for name, value in answered.items()])


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:,}"
