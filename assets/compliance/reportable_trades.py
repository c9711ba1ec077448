"""Reportable trades: every trade of the ledger with who it was for, what was traded under which codes, and at which exact price."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import reference_prices, swaps
from assets.chain.as_of import price_at, with_the_day_before
from assets.compliance import token_identifiers
from assets.compliance.decimals import float_texts
from assets.compliance.owners import OWNER, with_owner
from assets.compliance.pairs import with_pair
from assets.ledger import trade_ledger
from assets.ledger.profit_centers import UNASSIGNED
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, FLAG, LOG_KEY, RATIO, TEXT, Column, Table, columns
from executor.compliance.parties import Parties, load_parties

DTIS = (
    Column("base_dti", TEXT, "DTI of the base.", nullable=True),
    Column("quote_dti", TEXT, "DTI of the quote.", nullable=True),
    Column("dti_basis", TEXT, "registry when both codes are the tokens' own, stand_in when one is of the token it plays.", nullable=True),
    Column("dti_reason", TEXT, "Why a token has no DTI.", nullable=True),
)
MODEL = (
    Column("model_version", TEXT, "Model that decided; null when none did, or nobody of ours traded.", nullable=True),
    Column(
        "executor_id",
        TEXT,
        "Algorithm that executed: grekko, and the profit centre where there is one; null when nobody of ours traded.",
        nullable=True,
    ),
)

TABLE = Table(
    "reportable_trades",
    row="One trade of the ledger, as reports need it.",
    columns=columns(
        Column("trade_id", TEXT, "chain:block:log, the key of the log that proves the trade."),
        LOG_KEY,
        Column("order_id", TEXT, "Order the trade belongs to."),
        Column("leg", COUNT, "Position in its order, from 0."),
        Column("origin", TEXT, "observed, simulated, paper or live."),
        Column("settled", FLAG, "True when a chain settled it: observed and live trades."),
        Column("wallet", TEXT, "Wallet that ordered."),
        Column("center", TEXT, "Profit centre."),
        Column("protocol", TEXT, "Exchange the pool belongs to."),
        Column("pool", TEXT, "Address of the pool."),
        Column("from_address", TEXT, "Wallet that what was sold came from: the one that ordered."),
        Column("to_address", TEXT, "Address that received what was bought; of a leg in the middle it is the next pool or a router."),
        Column("token_in", TEXT, "Address of the token sold."),
        Column("token_out", TEXT, "Address of the token bought."),
        Column("symbol_in", TEXT, "Symbol of the token sold."),
        Column("symbol_out", TEXT, "Symbol of the token bought."),
        Column("decimals_in", COUNT, "Decimals of the token sold."),
        Column("decimals_out", COUNT, "Decimals of the token bought."),
        Column("amount_in", AMOUNT, "Sold, base units."),
        Column("amount_out", AMOUNT, "Bought, base units."),
        Column("dti_in", TEXT, "DTI of the token sold.", nullable=True),
        Column("dti_out", TEXT, "DTI of the token bought.", nullable=True),
        Column("side", TEXT, "BUY or SELL of the base, seen from whom the trade is for."),
        Column("base_token", TEXT, "Address of the token that was traded."),
        Column("quote_token", TEXT, "Address of the token that the price is told in."),
        Column("base_symbol", TEXT, "Symbol of the base."),
        Column("quote_symbol", TEXT, "Symbol of the quote."),
        Column("base_decimals", COUNT, "Decimals of the base."),
        Column("quote_decimals", COUNT, "Decimals of the quote."),
        Column("base_amount", AMOUNT, "Quantity of the base, base units."),
        Column("quote_amount", AMOUNT, "Quantity of the quote, base units."),
        DTIS,
        Column("price", TEXT, "Whole quote for one whole base, 18 places, half-even, exact from the amounts.", nullable=True),
        Column("price_usd", TEXT, "Dollars for one whole base at the reference price, 8 places, half-even.", nullable=True),
        Column("notional_usd", TEXT, "Value sold at the block's reference price, dollars and cents, half-even.", nullable=True),
        OWNER,
        Column("is_derivative", FLAG, "False: exchanging one token for another at once is a spot trade."),
        MODEL,
        Column("gas_used", COUNT, "Gas of the transaction that falls on this trade.", nullable=True),
        Column("gas_cost_wei", AMOUNT, "Its cost, wei.", nullable=True),
        Column("gas_cost_usd", RATIO, "Its cost in dollars at the block's reference price.", nullable=True),
        DATE,
    ),
    key=("block_number", "log_index", "block_hash"),
)


def reportable(
    ledger: pl.DataFrame, swaps_: pl.DataFrame, identifiers: pl.DataFrame, prices: pl.DataFrame, parties: Parties
) -> pl.DataFrame:
    """The ledger's trades with pair, price, owner and receiver; no row comes or goes."""
    log = ["block_number", "log_index", "block_hash"]
    told = (
        ledger.join(swaps_.select(*log, to_address="recipient"), on=log, how="left", maintain_order="left")
        .pipe(with_pair, identifiers)
        .pipe(price_at, prices, token="base_token", at="block_time", name="base_price_usd")
        .pipe(with_owner, parties)
        .pipe(with_executor)
    )
    return told.with_columns(
        pl.Series("price_usd", list(float_texts(told["base_price_usd"], 8)), pl.String()),
        pl.Series("notional_usd", list(float_texts(told["notional_usd"], 2)), pl.String()),
        from_address="wallet",
        to_address=pl.col("to_address").fill_null(""),
        settled=pl.col("origin").is_in(["observed", "live"]),
        is_derivative=pl.lit(False),
    ).select(TABLE.names)


def with_executor(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `executor_id` and `model_version`: what is read off the chain shows no model."""
    algorithm = pl.when(pl.col("center") == UNASSIGNED).then(pl.lit("grekko")).otherwise(pl.format("grekko {}", "center"))
    return rows.with_columns(executor_id=pl.when("executed_by_firm").then(algorithm), model_version=pl.lit(None, pl.String()))


@daily(TABLE, deps=[trade_ledger.trade_ledger, swaps.swaps, token_identifiers.token_identifiers, with_the_day_before("reference_prices")])
def reportable_trades(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Every trade of the ledger with who it was for and the codes and figures that reports print.

    Who owns which wallet is read from the file of parties; names and days of birth stay there.
    """
    span = Span.of(context)
    rows = reportable(
        warehouse.read(trade_ledger.TABLE, span),
        warehouse.read(swaps.TABLE, span),
        warehouse.read(token_identifiers.TABLE),
        warehouse.read(reference_prices.TABLE, span and span.widened(before=1)),
        load_parties(),
    )
    per_country = rows.filter("executed_by_firm")["client_country"].value_counts().sort("client_country")
    return warehouse.write(
        TABLE,
        rows,
        context,
        for_clients=int(rows["executed_by_firm"].sum()),
        without_a_code=rows["dti_reason"].count(),
        with_codes_of_stand_ins=rows.filter(pl.col("dti_basis") == "stand_in").height,
        trades_per_country=pictures.bars(
            {country: float(count) for country, count in per_country.iter_rows()}, "trades per country of client"
        ),
    )


@dg.asset_check(asset=reportable_trades, blocking=True)
def every_trade_of_the_ledger_is_reportable_once(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each trade of the ledger is here once, with the same tokens and amounts to the unit."""
    span = Span.of(context)
    same = ["trade_id", "block_hash", "order_id", "token_in", "token_out", "amount_in", "amount_out"]
    booked, told = (warehouse.scan(table, span).select(same) for table in (trade_ledger.TABLE, TABLE))
    missing = booked.join(told, on=same, how="anti").select(pl.len()).collect().item()
    trades, rows = warehouse.count(trade_ledger.TABLE, "true", span), warehouse.count(TABLE, "true", span)
    return dg.AssetCheckResult(passed=missing == 0 and trades == rows, metadata={"trades": trades, "rows": rows, "missing": missing})


@dg.asset_check(asset=reportable_trades, blocking=True)
def base_and_quote_are_the_two_tokens_of_the_trade(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """What is sold and bought by side is what went in and came out, to the unit."""
    sold = "side = 'SELL' and base_token = token_in and quote_token = token_out and base_amount = amount_in and quote_amount = amount_out"
    bought = "side = 'BUY' and base_token = token_out and quote_token = token_in and base_amount = amount_out and quote_amount = amount_in"
    wrong = warehouse.count(TABLE, f"not (({sold}) or ({bought}))", Span.of(context))
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"swapped": wrong})
