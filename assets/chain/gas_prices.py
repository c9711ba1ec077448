"""Gas prices: what a unit of gas cost in each block."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import blocks, reference_prices, tokens, transactions
from assets.chain.as_of import price_at, with_the_day_before
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, RATIO, TIME, Column, Table, columns

TABLE = Table(
    "gas_prices",
    row="One canonical block.",
    columns=columns(
        CHAIN,
        Column("block_number", COUNT, "Height of the block."),
        Column("block_time", TIME, "Time of the block, UTC."),
        Column("base_fee_per_gas", AMOUNT, "Base fee, wei per gas.", nullable=True),
        Column("base_fee_gwei", RATIO, "Base fee in gwei.", nullable=True),
        Column("median_effective_gas_price", AMOUNT, "Median price paid by the transactions we keep, wei per gas.", nullable=True),
        Column("native_price_usd", RATIO, "Dollars per whole native token.", nullable=True),
        DATE,
    ),
    key=("block_number",),
)


# What the chain pays its gas in, as the external market calls it; Ether where nothing else is said.
NATIVE_SYMBOL = {56: "BNB", 100: "XDAI", 137: "POL", 43114: "AVAX"}


def native_token(tokens_: pl.DataFrame) -> str | None:
    """The address of the wrapped native token: its price is that of gas. None when no pool holds it."""
    for chain_id, token, symbol, reference in tokens_.sort("token").select("chain_id", "token", "symbol", "reference_symbol").iter_rows():
        native = NATIVE_SYMBOL.get(chain_id, "ETH")
        if (reference or "").partition("/")[0] == native or symbol == f"W{native}":
            return token
    return None


def gas_prices_of(blocks_: pl.DataFrame, transactions_: pl.DataFrame, prices: pl.DataFrame, native: str | None) -> pl.DataFrame:
    """One row per canonical block: base fee, the lower median of what was paid, and the native token's price then."""
    # The lower of the two middle prices: a mean of two could fall between two wei.
    middle = pl.col("effective_gas_price").sort().get((pl.len() - 1) // 2)
    paid = transactions_.filter(pl.col("effective_gas_price").is_not_null()).group_by("block_number").agg(median_effective_gas_price=middle)
    canonical = (
        blocks_.filter(pl.col("is_canonical")).join(paid, on="block_number", how="left").with_columns(native=pl.lit(native, pl.String))
    )
    priced = price_at(canonical, prices, token="native", at="block_time", name="native_price_usd")
    return priced.with_columns(base_fee_gwei=pl.col("base_fee_per_gas").cast(pl.Float64) / 1e9).select(TABLE.names)


@daily(TABLE, deps=[blocks.blocks, transactions.transactions, tokens.tokens, with_the_day_before("reference_prices")])
def gas_prices(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """What a unit of gas cost in each block."""
    span = Span.of(context)
    rows = gas_prices_of(
        warehouse.read(blocks.TABLE, span),
        warehouse.read(transactions.TABLE, span),
        warehouse.read(reference_prices.TABLE, span and span.widened(before=1)),
        native_token(warehouse.read(tokens.TABLE)),
    )
    fees = rows.sort("block_number")["base_fee_gwei"].drop_nulls()
    return warehouse.write(
        TABLE,
        rows,
        context,
        base_fee_gwei=pictures.sparkline(fees.to_list(), "base fee in gwei"),
        highest_base_fee_gwei=fees.max() if fees.len() else 0.0,
    )


@dg.asset_check(asset=gas_prices)
def nobody_paid_less_than_the_base_fee(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """No transaction paid less per gas than its block's base fee."""
    span = Span.of(context)
    fees = warehouse.scan(TABLE, span).select("block_number", "base_fee_per_gas")
    less = (
        warehouse.scan(transactions.TABLE, span)
        .join(fees, on="block_number")
        .filter(pl.col("effective_gas_price") < pl.col("base_fee_per_gas"))
    )
    wrong = less.select("tx_hash").collect()
    return dg.AssetCheckResult(
        passed=wrong.is_empty(), metadata={"paid_less": wrong.height, "first": str(wrong["tx_hash"].head(3).to_list())}
    )
