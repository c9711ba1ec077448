"""Which of a trade's two tokens is traded and which one the price is told in, and the price itself.

The quote is the token that stands first in this list: the dollars USDC, USDT and DAI, then wrapped ether. The other one is the base. Where
neither is in the list the token with the lower address is the base, as pools order them. Seen from whom the trade is for, selling the base
is a SELL.
"""

from __future__ import annotations

import polars as pl

from assets.compliance.decimals import ratio_texts
from domain.schemas import AMOUNT

QUOTES = ("CK9PW1MFH", "2QWSBDMNC", "X8N7P3B1M", "V2N9ZRBHG")

_LAST = 1 << 32
# Facts of a token that are told of the one sold, the one bought, the base and the quote.
FACTS = ("symbol", "decimals", "dti", "dti_basis", "dti_reason", "quote_rank")


def with_pair(trades: pl.DataFrame, identifiers: pl.DataFrame) -> pl.DataFrame:
    """Rows with token_in, token_out, amount_in and amount_out get their DTIs, the side, base and quote with amounts, and the price.

    `identifiers` are rows of `token_identifiers`. Where a token is null all of it is; where both are one token it is base and quote, and
    the side is SELL: what came back was first given.
    """
    known = identifiers.select("chain_id", "token", *FACTS)
    told = trades
    for end in ("in", "out"):
        names = {"token": f"token_{end}"} | {fact: f"{fact}_{end}" for fact in FACTS}
        told = told.drop(*(name for name in names.values() if name in told.columns and name != f"token_{end}"))
        told = told.join(known.rename(names), on=["chain_id", f"token_{end}"], how="left", maintain_order="left")
    rank_in, rank_out = (pl.col(f"quote_rank_{end}").fill_null(_LAST) for end in ("in", "out"))
    sells = pl.when(rank_in == rank_out).then(pl.col("token_in") <= pl.col("token_out")).otherwise(rank_in > rank_out)
    sells = pl.when(pl.col("token_in").is_not_null() & pl.col("token_out").is_not_null()).then(sells)
    told = told.with_columns(_sells=sells).with_columns(
        side=pl.when("_sells").then(pl.lit("SELL")).when(~pl.col("_sells")).then(pl.lit("BUY")),
        **{f"base_{fact}": _of("in", "out", fact) for fact in ("token", "symbol", "decimals", "dti", "amount")},
        **{f"quote_{fact}": _of("out", "in", fact) for fact in ("token", "symbol", "decimals", "dti", "amount")},
        dti_basis=pl.when(pl.col("dti_basis_in").is_not_null() & pl.col("dti_basis_out").is_not_null()).then(
            pl.when((pl.col("dti_basis_in") == "stand_in") | (pl.col("dti_basis_out") == "stand_in"))
            .then(pl.lit("stand_in"))
            .otherwise(pl.lit("registry"))
        ),
        dti_reason=pl.coalesce("dti_reason_in", "dti_reason_out"),
    )
    prices = ratio_texts(told["quote_amount"], told["quote_decimals"], told["base_amount"], told["base_decimals"])
    return told.with_columns(pl.Series("price", prices, pl.String()), pl.col("base_amount", "quote_amount").cast(AMOUNT))


def _of(when_sold: str, when_bought: str, fact: str) -> pl.Expr:
    return pl.when("_sells").then(f"{fact}_{when_sold}").when(~pl.col("_sells")).then(f"{fact}_{when_bought}")
