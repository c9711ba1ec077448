"""Synthetic trades as the table `reportable_trades` holds them, made column by column so that making them costs little memory."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from domain.regulation.report import Heading

LEI = "FICT00GREKKODEMO0005"
CLIENT_LEI = "FICT00NORDLICHT00184"
DAY, NEXT = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
HEADING = Heading("EU.MiCA.transactions", DAY, NEXT, NEXT, "BENCH-1", {"lei": LEI, "country": "FR", "name": "A fictional firm"})
WETH, USDC = "0x" + "c0" * 20, "0x" + "a0" * 20
AMOUNT = pl.Decimal(38, 0)


def synthetic_trades(count: int, seed: int = 7) -> pl.DataFrame:
    """Trades of ether for dollars: half buy, one in twenty is nobody's of ours, one in fifty has no dollar price."""
    chance = random.Random(seed)
    bases = [chance.randrange(10**15, 10**22) for _ in range(count)]
    quotes = [base * chance.randrange(2_000_000, 3_000_000) // 10**15 for base in bases]
    prices = [_half_even(quote * 10**12, base) for base, quote in zip(bases, quotes, strict=True)]
    amounts = {"base_amount": bases, "quote_amount": quotes}
    frame = pl.DataFrame(
        [
            pl.int_range(count, eager=True).alias("number"),
            *(pl.Series(name, [Decimal(value) for value in values], dtype=AMOUNT) for name, values in amounts.items()),
        ]
    )
    number = pl.col("number")
    buys, ours, whole = pl.col("number") % 2 == 0, pl.col("number") % 20 != 0, pl.col("number").cast(pl.String)
    deals = pl.col("number") % 3 == 0
    fixed = {"chain_id": 1, "base_decimals": 18, "quote_decimals": 6, "gas_used": 123_456, "settled": True, "is_derivative": False}
    texts = {
        "protocol": "uniswap_v3",
        "base_token": WETH,
        "quote_token": USDC,
        "base_symbol": "WETH",
        "quote_symbol": "USDC",
        "base_dti": "X9J9K872S",
        "quote_dti": "D5RG2FHH0",
        "dti_basis": "registry",
        "client_kind": "legal",
        "client_country": "DE",
        "client_tax_residence": "DE",
        "firm_lei": LEI,
        "executor_id": "grekko bench",
        "order_id": None,
        "client_national_id": None,
    }
    texts |= dict.fromkeys(("person_first_name", "person_surname", "person_birth_date", "person_national_id", "person_national_id_scheme"))
    return frame.with_columns(
        pl.format("1:{}:{}", 21_000_000 + pl.col("number"), pl.col("number") % 300).alias("trade_id"),
        (21_000_000 + pl.col("number")).alias("block_number"),
        (pl.lit("0x") + whole.str.zfill(64)).alias("block_hash"),
        (pl.lit("0x1") + whole.str.zfill(63)).alias("tx_hash"),
        (pl.lit(DAY) + pl.duration(microseconds=pl.col("number") * 700_001 % 86_400_000_000)).alias("block_time"),
        (pl.col("number") % 300).alias("log_index"),
        *(_address(number % 50 + 1).alias(name) for name in ("wallet", "from_address", "to_address")),
        _address(number % 7 + 100).alias("pool"),
        pl.when(buys).then(pl.lit("BUY")).otherwise(pl.lit("SELL")).alias("side"),
        pl.when(buys).then(pl.lit(USDC)).otherwise(pl.lit(WETH)).alias("token_in"),
        pl.when(buys).then(pl.lit(WETH)).otherwise(pl.lit(USDC)).alias("token_out"),
        pl.when(buys).then("quote_amount").otherwise("base_amount").alias("amount_in"),
        pl.when(buys).then("base_amount").otherwise("quote_amount").alias("amount_out"),
        pl.Series("price", prices),
        pl.when(pl.col("number") % 50 != 1).then(pl.format("{}.12345678", 2600 + pl.col("number") % 7)).alias("price_usd"),
        pl.when(deals).then(pl.lit("DEAL")).otherwise(pl.lit("AOTC")).alias("capacity"),
        pl.when(deals).then(pl.lit("FIRM")).otherwise(pl.lit("C0001")).alias("client_id"),
        pl.when(deals).then(pl.lit(LEI)).otherwise(pl.lit(CLIENT_LEI)).alias("client_lei"),
        pl.when(~deals).then(pl.lit(CLIENT_LEI)).alias("person_lei"),
        pl.when(pl.col("number") % 3 != 0).then(pl.lit("ppo-2026.03.01")).alias("model_version"),
        ours.alias("executed_by_firm"),
        (~ours).alias("decentralised_without_intermediary"),
        pl.lit(Decimal(2_469_120_000_000_000), dtype=AMOUNT).alias("gas_cost_wei"),
        *(pl.lit(value).alias(name) for name, value in fixed.items()),
        *(pl.lit(value, pl.String).alias(name) for name, value in texts.items()),
    )


def _address(number: pl.Expr) -> pl.Expr:
    return pl.lit("0x") + number.cast(pl.String).str.zfill(40)


def _half_even(top: int, bottom: int) -> str:
    size, rest = divmod(top * 10**18, bottom)
    size += rest * 2 > bottom or (rest * 2 == bottom and size % 2)
    return f"{size // 10**18}.{size % 10**18:018d}"
