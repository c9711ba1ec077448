"""Value transfers: where the tokens that clients bought were sent, and whether that is the client's own wallet or somebody else's.

What a client pays into a pool is an exchange and no transfer: the pool is nobody, and gives the other token in the same transaction. What
the pool gives goes to the recipient that the swap names. When that is the client's wallet, or another wallet of the same client, the client
has moved nothing to anybody. When it is another wallet, the client has sent the tokens to whom that belongs.

A leg in the middle of an order gives to the next pool or to a router that passes the tokens on; it is told by the leg that ends there. When
the last leg gives to the contract that called the pool, the chain's swaps do not show who got the tokens: the beneficiary is that
contract, and not the client, until somebody says who it was.
"""

import dagster as dg
import polars as pl

from assets.chain import reference_prices, swaps
from assets.chain.as_of import price_at, with_the_day_before
from assets.compliance import reportable_trades
from assets.compliance.decimals import float_texts, product_text
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, FLAG, TEXT, TIME, Column, Table, columns
from executor.compliance.parties import FIRM, Parties, load_parties
from executor.compliance.rulebook_file import load_rulebook

TABLE = Table(
    "value_transfers",
    row="One lot of tokens that a client's order sent to a wallet.",
    columns=columns(
        Column("transfer_id", TEXT, "The id of the trade that gave the tokens."),
        CHAIN,
        Column("tx_hash", TEXT, "Hash of the transaction."),
        Column("block_time", TIME, "Time of the block, UTC."),
        Column("token", TEXT, "Address of the token."),
        Column("symbol", TEXT, "Symbol of the token."),
        Column("decimals", COUNT, "Decimals of the token."),
        Column("dti", TEXT, "DTI of the token.", nullable=True),
        Column("amount", AMOUNT, "How much was sent, base units."),
        Column("amount_usd", TEXT, "Its value at the reference price, dollars and cents, half-even.", nullable=True),
        Column(
            "amount_sgd", TEXT, "The same at the rulebook's declared rate, Singapore dollars and cents; null without one.", nullable=True
        ),
        Column("originator_client_id", TEXT, "Client who sent it, by pseudonym."),
        Column("originator_wallet", TEXT, "Wallet that ordered."),
        Column("originator_country", TEXT, "Client's country of residence (ISO 3166-1)."),
        Column("beneficiary_wallet", TEXT, "Address that received it."),
        Column("beneficiary_client_id", TEXT, "Client it belongs to, by pseudonym; null when nobody of ours.", nullable=True),
        Column("beneficiary_kind", TEXT, "wallet, or contract when it is the one that called the pool."),
        Column("beneficiary_is_self", FLAG, "True when it is the client's own wallet."),
        DATE,
    ),
    key=("transfer_id",),
)


def transfers(
    trades: pl.DataFrame, swaps_: pl.DataFrame, prices: pl.DataFrame, parties: Parties, sgd_per_usd: str | None = None
) -> pl.DataFrame:
    """What settled orders of clients sent, by the trade that gave it.

    `trades` are rows of `reportable_trades`, whole orders of them; `sgd_per_usd` is a decimal, None where no rate is declared.
    """
    log = ["block_number", "log_index", "block_hash"]
    sold_later = trades.group_by("order_id", token_out="token_in").agg(last_sold=pl.col("leg").max())
    ours = pl.col("client_id").is_not_null() & (pl.col("client_id") != FIRM) & pl.col("settled") & (pl.col("to_address") != "")
    given = (
        trades.filter(ours)
        .join(sold_later, on=["order_id", "token_out"], how="left", maintain_order="left")
        .filter(pl.col("last_sold").is_null() | (pl.col("last_sold") <= pl.col("leg")))
        .join(swaps_.select(*log, "sender"), on=log, how="left", maintain_order="left")
        .pipe(price_at, prices, token="token_out", at="block_time", name="price_out")
        .join(_wallets(parties), on="to_address", how="left", maintain_order="left")
    )
    whole = pl.col("amount_out").cast(pl.Float64) / 10.0 ** pl.col("decimals_out").cast(pl.Float64)
    told = given.with_columns(
        value=whole * pl.col("price_out"),
        is_self=(pl.col("to_address") == pl.col("wallet")) | (pl.col("beneficiary_client_id") == pl.col("client_id")).fill_null(False),
    )
    usd = list(float_texts(told["value"], 2))
    sgd = [product_text(value, sgd_per_usd, 2) if value is not None and sgd_per_usd is not None else None for value in usd]
    calls = (pl.col("sender") == pl.col("to_address")).fill_null(False)
    return told.with_columns(
        pl.Series("amount_usd", usd, pl.String()),
        pl.Series("amount_sgd", sgd, pl.String()),
        transfer_id="trade_id",
        token="token_out",
        symbol="symbol_out",
        decimals="decimals_out",
        dti="dti_out",
        amount="amount_out",
        originator_client_id="client_id",
        originator_wallet="wallet",
        originator_country="client_country",
        beneficiary_wallet="to_address",
        beneficiary_kind=pl.when(calls & ~pl.col("is_self")).then(pl.lit("contract")).otherwise(pl.lit("wallet")),
        beneficiary_is_self="is_self",
    ).select(TABLE.names)


def _wallets(parties: Parties) -> pl.DataFrame:
    owned = [{"to_address": wallet, "beneficiary_client_id": party.id} for party in parties for wallet in party.wallets]
    return pl.DataFrame(owned, schema={"to_address": pl.String(), "beneficiary_client_id": pl.String()})


def declared_rate(currency: str) -> str | None:
    """What the rulebook declares one dollar to be worth in that currency, as a decimal; None when it declares nothing."""
    declared = load_rulebook().rates.get(currency)
    return None if declared is None else str(declared["per_usd"])


@daily(TABLE, deps=[reportable_trades.reportable_trades, swaps.swaps, with_the_day_before("reference_prices")])
def value_transfers(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Where the tokens that clients bought were sent: to the client's own wallet, to somebody else's, or to a contract.

    Paying into a pool is an exchange and no transfer. Singapore dollars are counted at the rate that the rulebook declares.
    """
    span = Span.of(context)
    rate = declared_rate("SGD")
    rows = transfers(
        warehouse.read(reportable_trades.TABLE, span),
        warehouse.read(swaps.TABLE, span),
        warehouse.read(reference_prices.TABLE, span and span.widened(before=1)),
        load_parties(),
        rate,
    )
    others = rows.filter(~pl.col("beneficiary_is_self"))
    return warehouse.write(
        TABLE,
        rows,
        context,
        sgd_per_usd=rate or "none declared",
        to_somebody_else=others.height,
        of_these_to_contracts=others.filter(pl.col("beneficiary_kind") == "contract").height,
    )


@dg.asset_check(asset=value_transfers, blocking=True)
def every_transfer_is_what_a_trade_gave_to_its_recipient(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse
) -> dg.AssetCheckResult:
    """Each transfer is the token and the amount that its trade bought, to the unit, and went where that trade sent it."""
    span = Span.of(context)
    same = ["transfer_id", "token", "amount", "beneficiary_wallet"]
    given = warehouse.scan(reportable_trades.TABLE, span).select(
        transfer_id="trade_id", token="token_out", amount="amount_out", beneficiary_wallet="to_address"
    )
    wrong = warehouse.scan(TABLE, span).select(same).join(given, on=same, how="anti").select(pl.len()).collect().item()
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"transfers_that_differ": wrong})


@dg.asset_check(asset=value_transfers, blocking=True)
def every_order_of_a_client_ends_in_a_transfer(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """No settled order of a client gives its tokens to nobody: the last leg of each is a transfer."""
    span = Span.of(context)
    ours = pl.col("client_id").is_not_null() & (pl.col("client_id") != FIRM) & pl.col("settled") & (pl.col("to_address") != "")
    trades = warehouse.scan(reportable_trades.TABLE, span).filter(ours)
    last = trades.sort("leg").group_by("order_id").agg(pl.col("trade_id").last())
    told = warehouse.scan(TABLE, span).select(trade_id="transfer_id")
    missing = last.join(told, on="trade_id", how="anti").select(pl.len()).collect().item()
    return dg.AssetCheckResult(passed=missing == 0, metadata={"orders_without_a_transfer": missing})
