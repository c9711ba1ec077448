"""The gates of the published tables: Great Expectations suites that keep anything downstream from using rows that break a promise."""

from collections.abc import Iterator, Mapping

import dagster as dg
import polars as pl

from assets.enrichment import execution_quality
from assets.learning import ab_evaluation, shadow_trials
from assets.ledger import trade_ledger
from assets.partitions import Span
from assets.profit import profit_center_daily
from assets.service.gate_runs import Judgement, judge
from assets.service.suites import (
    ADDRESS,
    HASH,
    ORIGINS,
    WHOLE_BPS,
    Suite,
    between,
    matches,
    one_of,
    unique,
    unique_together,
)
from assets.warehouse import Warehouse

SUITES = [
    Suite(
        trade_ledger.TABLE,
        (
            unique("no_trade_is_listed_twice", "Every trade has a trade_id of its own.", "trade_id"),
            matches("every_trade_has_the_hash_that_proves_it", "Every tx_hash is the hash of a transaction.", "tx_hash", HASH),
            matches("every_trade_has_a_wallet", "Every wallet is an address.", "wallet", ADDRESS),
            one_of("every_origin_is_known", "A trade was observed, simulated, on paper or live.", "origin", ORIGINS),
            one_of("every_venue_is_known", "A trade was made on a decentralised exchange.", "venue", [trade_ledger.VENUE]),
            one_of("no_token_is_traded_for_itself", "A trade sells one token and buys another.", "sells_what_it_buys", [False]),
            between("nothing_negative_is_sold", "amount_in is not negative.", "amount_in", 0),
            between("nothing_negative_is_bought", "amount_out is not negative.", "amount_out", 0),
            between("gas_is_not_negative", "Gas cost, where it is known, is not negative.", "gas_cost_wei", 0),
        ),
        # Empty stands for a token whose address the recording does not tell.
        derived={"sells_what_it_buys": (pl.col("token_in") == pl.col("token_out")) & (pl.col("token_in") != "")},
    ),
    Suite(
        execution_quality.TABLE,
        (
            unique("no_trade_is_measured_twice", "Every trade_id appears once.", "trade_id"),
            between(
                "arrival_slippage_is_possible",
                "Nobody loses more than the whole trade against the pool's price.",
                "arrival_slippage_bps",
                None,
                WHOLE_BPS,
            ),
            between(
                "reference_slippage_is_possible",
                "Nobody loses more than the whole trade against the market.",
                "reference_slippage_bps",
                None,
                WHOLE_BPS,
            ),
            between("markouts_are_possible", "Nobody loses more than the whole trade within the hour.", "markout_1h_bps", -WHOLE_BPS),
            between("gas_is_not_negative", "Gas in basis points is not negative.", "gas_bps", 0),
            between("fill_rate_is_a_share", "The filled part lies between 0 and 1.", "fill_rate", 0, 1),
        ),
    ),
    Suite(
        profit_center_daily.TABLE,
        (
            unique_together("one_row_per_center_and_day", "Each profit centre has one row a day.", ["day", "center"]),
            between("trades_are_not_negative", "No centre has fewer than no trades.", "trades", 0),
            between("gas_is_not_negative", "Gas paid is not negative.", "gas_micro_usd", 0),
            between("turnover_is_not_negative", "Turnover is not negative.", "turnover_micro_usd", 0),
            between(
                "net_pnl_adds_up",
                "Net P&L is realised plus unrealised minus gas, to a millionth of a dollar.",
                "net_pnl_gap_micro_usd",
                0,
                0,
            ),
        ),
        derived={
            "net_pnl_gap_micro_usd": pl.col("net_pnl_micro_usd")
            - (pl.col("realised_pnl_micro_usd") + pl.col("unrealised_pnl_micro_usd") - pl.col("gas_micro_usd"))
        },
    ),
    Suite(
        shadow_trials.TABLE,
        (
            unique("no_order_is_answered_twice", "Every order_id appears once.", "order_id"),
            one_of("the_champion_acts_at_once", "The champion's action is always now.", "champion_action", ["now"]),
            one_of("every_action_is_known", "The challenger trades now, splits or waits.", "challenger_action", ["now", "split", "wait"]),
            between(
                "the_saving_adds_up",
                "Saving is the champion's cost minus the challenger's, to a millionth of a basis point.",
                "gap_bps",
                0,
                1e-6,
            ),
            matches("every_answer_names_its_bundle", "Every bundle_sha256 is a hash.", "bundle_sha256", "^[0-9a-f]{64}$"),
        ),
        derived={"gap_bps": (pl.col("saving_bps") - (pl.col("champion_cost_bps") - pl.col("challenger_cost_bps"))).abs()},
    ),
    Suite(
        ab_evaluation.TABLE,
        (
            unique("no_block_counts_twice", "Every block appears once.", "block"),
            between("evidence_is_not_negative", "An e-value is never below zero.", "e_value", 0),
            one_of(
                "every_verdict_is_known",
                "A block promotes, holds, is futile or invalid.",
                "verdict",
                ["PROMOTE", "ROLLBACK", "HOLD", "FUTILE", "INVALID"],
            ),
        ),
    ),
]


def gate(suite: Suite) -> dg.AssetChecksDefinition:
    """One blocking check for each promise of the suite, judged together on the run's days."""
    table = suite.table
    specs = [dg.AssetCheckSpec(one.name, asset=table.name, description=one.says, blocking=True) for one in suite.expectations]

    @dg.multi_asset_check(name=f"{table.name}_gate", specs=specs)
    def check(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
        judgements = judge(suite, warehouse.read(table, Span.of(context)))
        for one in suite.expectations:
            yield dg.AssetCheckResult(
                asset_key=table.name, check_name=one.name, passed=judgements[one.name].holds, metadata=facts_of(judgements[one.name])
            )

    return check


def facts_of(judgement: Judgement) -> Mapping[str, dg.MetadataValue]:
    """What the check's page shows: how many rows were judged, and some that break the promise."""
    facts = {"rows": dg.MetadataValue.int(judgement.rows), "unexpected": dg.MetadataValue.int(judgement.unexpected)}
    return facts if not judgement.examples else {**facts, "examples": dg.MetadataValue.text(", ".join(judgement.examples))}


gates = [gate(suite) for suite in SUITES]
