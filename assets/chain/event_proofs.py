"""Event proofs: each swap, mint and burn re-derived from the pool's previous state, to the wei."""

import dagster as dg
import polars as pl

from assets.chain import pools
from assets.partitions import Span
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, POOL, RATIO, TEXT, TICK, TIME, WORD, Column, Table, columns

TABLE = Table(
    "event_proofs",
    row="One event and whether the pool's own mathematics gives the same amounts.",
    columns=columns(
        CHAIN,
        POOL,
        Column("block_number", COUNT, "Height of the block."),
        Column("block_hash", TEXT, "Hash of the block; empty when unknown."),
        Column("log_index", COUNT, "Position of the log in its block."),
        Column("block_time", TIME, "Time of the block, UTC."),
        Column("tx_hash", TEXT, "Hash of the transaction."),
        Column("kind", TEXT, "swap, mint or burn."),
        Column(
            "verdict",
            TEXT,
            "exact, inexact, before_snapshot (older than the state we start from) or no_state (the pool's state is unknown).",
        ),
        Column("how", TEXT, "Which reading of the swap gave its amounts: exact_in, exact_out or price_limit.", nullable=True),
        Column("detail", TEXT, "What was expected and what was found, when inexact.", nullable=True),
        Column("ticks_crossed", COUNT, "Initialised ticks the swap crossed.", nullable=True),
        Column("sqrt_price_before_x96", WORD, "Square root of the price before the event, Q64.96, 32 bytes big-endian.", nullable=True),
        Column("liquidity_before", AMOUNT, "Liquidity in range before the event.", nullable=True),
        Column("tick_before", TICK, "Tick before the event.", nullable=True),
        Column("reserve0_before", AMOUNT, "First reserve before the event; constant-product pools only.", nullable=True),
        Column("reserve1_before", AMOUNT, "Second reserve before the event; constant-product pools only.", nullable=True),
        Column("price_before", RATIO, "Mid price before the event, whole second token per whole first token.", nullable=True),
        Column("price_after", RATIO, "Mid price after the event.", nullable=True),
        DATE,
    ),
    key=(
        "block_number",
        "log_index",
        "block_hash",
    ),
)


SHOWN = 10


def judged(warehouse: Warehouse, inferred: pl.DataFrame, span: Span | None, kinds: list[str]) -> dg.AssetCheckResult:
    """Passes when every event of the kinds follows from the state before it, wherever that state is known.

    A mismatch is an error that stops what follows; in a pool whose starting ticks were only inferred from events it is a
    warning, because there the state itself may lack a tick. `inferred` names those pools in its column `pool`.
    """
    proofs = warehouse.scan(TABLE, span).filter(pl.col("kind").is_in(kinds)).collect()
    inexact = proofs.filter(pl.col("verdict") == "inexact")
    grave = inexact.join(inferred, on="pool", how="anti")
    stateless = proofs.filter(pl.col("verdict") == "no_state")
    labels = dict(warehouse.scan(pools.TABLE).select("pool", "label").collect().iter_rows())
    listed = [
        f"{labels.get(row['pool'], row['pool'])} block {row['block_number']} log {row['log_index']}"
        for row in inexact.head(SHOWN).iter_rows(named=True)
    ]
    return dg.AssetCheckResult(
        passed=inexact.is_empty(),
        severity=dg.AssetCheckSeverity.WARN if grave.is_empty() else dg.AssetCheckSeverity.ERROR,
        description=None if inexact.is_empty() else f"Not re-derived: {'; '.join(listed)}.",
        metadata={
            "events": proofs.height,
            "exact": proofs.filter(pl.col("verdict") == "exact").height,
            "inexact": inexact.height,
            "inexact_in_pools_with_inferred_ticks": inexact.height - grave.height,
            "before_snapshot": proofs.filter(pl.col("verdict") == "before_snapshot").height,
            "no_state": stateless.height,
            "pools_without_state": ", ".join(sorted(labels.get(pool, pool) for pool in stateless["pool"].unique())),
        },
    )


def falling_products(proofs: pl.DataFrame) -> pl.DataFrame:
    """Swaps of constant-product pools that lowered the product of the reserves; the pool's next event tells the reserves after."""
    in_order = proofs.sort("pool", "block_number", "log_index").with_columns(
        reserve0_after=pl.col("reserve0_before").shift(-1).over("pool"), reserve1_after=pl.col("reserve1_before").shift(-1).over("pool")
    )
    told = in_order.filter(pl.col("kind") == "swap").drop_nulls(["reserve0_before", "reserve0_after"])
    names = ("reserve0_before", "reserve1_before", "reserve0_after", "reserve1_after")
    # Products pass 128 bits, so Python multiplies.
    falls = [int(b0) * int(b1) > int(a0) * int(a1) for b0, b1, a0, a1 in told.select(names).iter_rows()]
    return told.filter(pl.Series(falls, dtype=pl.Boolean))
