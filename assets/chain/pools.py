"""Pools: what each pool trades, its fee, and whether a starting state is known."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import raw_logs, tokens
from assets.chain.judging import judge, malformed
from assets.chain.recorded_chain import RecordedChain
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import CHAIN, COUNT, FLAG, POOL, TEXT, Column, Table, columns
from executor.venue import every_venue

TABLE = Table(
    "pools",
    row="One pool.",
    columns=columns(
        CHAIN,
        POOL,
        Column("token0", TEXT, "Address of the pool's first token; empty when unknown."),
        Column("symbol0", TEXT, "Its symbol."),
        Column("decimals0", COUNT, "Its decimals.", nullable=True),
        Column("token1", TEXT, "Address of the pool's second token; empty when unknown."),
        Column("symbol1", TEXT, "Its symbol."),
        Column("decimals1", COUNT, "Its decimals.", nullable=True),
        Column("fee_pips", COUNT, "Fee in hundredths of a basis point: 3000 is 0.30 %."),
        Column("tick_spacing", COUNT, "Ticks between two possible position bounds; concentrated pools only.", nullable=True),
        Column("has_snapshot", FLAG, "Whether the recording tells the pool's state at its start."),
        Column("label", TEXT, "Short name for people, such as uniswap_v3 WETH/USDC 0.05%."),
    ),
    key=("pool",),
)


def pools_of(pools: pl.DataFrame, tokens_: pl.DataFrame, chain_id: int) -> pl.DataFrame:
    """The recorded pools as rows of this table, with `reason` and `detail` where a pool cannot be one of ours."""
    told = tokens_.select("token", "symbol", "decimals")
    joined = pools.with_columns(pl.col("token0", "token1").fill_null(""))
    for side in ("0", "1"):
        named = told.rename({"token": f"token{side}", "symbol": f"symbol{side}", "decimals": f"decimals{side}"})
        joined = joined.join(named, on=f"token{side}", how="left")
    known = [f"{venue.name} {venue.shape}" for venue in every_venue().values()]
    rules = {
        "malformed_pool": malformed(TABLE),
        "unknown_venue": (
            ~pl.format("{} {}", "venue", "protocol").is_in(known),
            pl.format("No venue {} of shape {} is installed; add executor/venues/{}.py.", "venue", "protocol", "venue"),
        ),
    }
    rows = joined.select(
        pl.lit(chain_id, pl.Int64).alias("chain_id"),
        "pool",
        "venue",
        "protocol",
        "token0",
        _symbol("0"),
        "decimals0",
        "token1",
        _symbol("1"),
        "decimals1",
        "fee_pips",
        "tick_spacing",
        has_snapshot="has_state",
        label=pl.format("{} {}/{} {}%", "venue", _symbol("0"), _symbol("1"), _percent(pl.col("fee_pips"))),
    )
    return judge(rows, rules)


def _symbol(side: str) -> pl.Expr:
    """The symbol, else the first characters of the address."""
    address = pl.col(f"token{side}")
    short = pl.when(address == "").then(pl.lit("unknown")).otherwise(address.str.slice(0, 8))
    return pl.coalesce(f"symbol{side}", short).alias(f"symbol{side}")


def _percent(fee_pips: pl.Expr) -> pl.Expr:
    # Pips are hundredths of a basis point: 500 reads 0.05.
    return (fee_pips / 10_000).cast(pl.String).str.strip_suffix(".0")


@whole(TABLE, deps=[tokens.tokens])
def pools(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """What each pool trades, its fee, and if its start is known."""
    recording = recorded_chain.recording()
    told = pools_of(recording.pools(), warehouse.read(tokens.TABLE), recording.chain_id)
    rows = told.filter(pl.col("reason").is_null()).select(TABLE.names)
    per_venue = {venue: float(count) for venue, count in rows["venue"].value_counts().sort("venue").iter_rows()}
    return warehouse.write(
        TABLE,
        rows,
        context,
        pools_per_venue=pictures.bars(per_venue, "pools per venue"),
        without_snapshot=rows.filter(~pl.col("has_snapshot")).height,
    )


@dg.asset_check(asset=pools, additional_deps=[raw_logs.raw_logs])
def every_pool_has_a_snapshot_or_its_first_price(warehouse: Warehouse) -> dg.AssetCheckResult:
    """The state of every pool is known: the recording tells it at the start, or the logs tell its first price or reserves.

    A pool of neither kind is still decoded; its events cannot be proved.
    """
    telling = [venue.topic_of("initialize" if venue.shape == "concentrated" else "sync") for venue in every_venue().values()]
    told = warehouse.scan(raw_logs.TABLE).filter(pl.col("topic0").is_in(telling)).select("address").unique().collect()["address"]
    unknown = warehouse.read(TABLE).filter(~pl.col("has_snapshot") & ~pl.col("pool").is_in(told.implode()))
    return dg.AssetCheckResult(
        passed=unknown.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"unknown": unknown.height, "pools": ", ".join(unknown["label"])},
    )
