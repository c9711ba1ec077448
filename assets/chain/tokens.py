"""Tokens: symbol and decimals of every token the pools hold."""

import dagster as dg
import polars as pl

from assets.chain.recorded_chain import RecordedChain
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import CHAIN, COUNT, TEXT, Column, Table, columns

TABLE = Table(
    "tokens",
    row="One token.",
    columns=columns(
        CHAIN,
        Column("token", TEXT, "Address of the token."),
        Column("symbol", TEXT, "Symbol, as the contract tells it."),
        Column("name", TEXT, "Name, as the contract tells it."),
        Column("decimals", COUNT, "Base units per whole token, as a power of ten."),
        Column("reference_symbol", TEXT, "What the external market calls it, such as ETH for WETH.", nullable=True),
    ),
    key=("token",),
)


MOST_DECIMALS = 38


def tokens_of(tokens: pl.DataFrame, chain_id: int) -> pl.DataFrame:
    """The recorded tokens as rows of this table, with `reason` and `detail` where the decimals cannot be."""
    wrong = ~pl.col("decimals").is_between(0, MOST_DECIMALS)
    return tokens.select(
        pl.lit(chain_id, pl.Int64).alias("chain_id"),
        pl.col("address").alias("token"),
        "symbol",
        "name",
        "decimals",
        "reference_symbol",
        reason=pl.when(wrong).then(pl.lit("impossible_decimals")),
        detail=pl.when(wrong).then(pl.format("{} says {} decimals; amounts hold at most 38 digits.", "symbol", "decimals")),
    )


@whole(TABLE)
def tokens(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Symbol and decimals of every token our pools hold."""
    recording = recorded_chain.recording()
    rows = tokens_of(recording.tokens(), recording.chain_id).filter(pl.col("reason").is_null()).select(TABLE.names)
    return warehouse.write(TABLE, rows, context, symbols=", ".join(rows["symbol"].sort()))


@dg.asset_check(asset=tokens)
def no_two_tokens_share_a_symbol(warehouse: Warehouse) -> dg.AssetCheckResult:
    """A symbol names one token only: a second one is often an imitation."""
    shared = warehouse.read(TABLE).group_by("symbol").len().filter(pl.col("len") > 1)
    return dg.AssetCheckResult(
        passed=shared.is_empty(), severity=dg.AssetCheckSeverity.WARN, metadata={"shared": ", ".join(shared["symbol"].sort())}
    )
