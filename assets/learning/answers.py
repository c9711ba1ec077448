"""What each order could have had: the plans on the pools as they stood when it arrived, and again once the wait was over."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from assets.learning.order_stream import Arrival, arrivals, sized
from assets.learning.replay import Tape
from domain.features import NAMES, vector
from domain.market import BPS, Market
from domain.problems import NoRoute
from executor.planning import Intent, Plan, cost_bps, options_for, reference_rate, situation_of
from executor.routing.pool_book import PoolBook

# How long the action "wait" waits. Long enough for arbitrage to bring a pool back after a large trade, short enough that the market's
# own drift, which comes with it, stays small beside what is gained.
WAIT = timedelta(seconds=60)
# An order that nobody takes after the wait is charged this: what giving up ten percent would cost.
UNFILLED_BPS = 1_000.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The orders that could be asked, one row each, and how many could not, by reason."""

    rows: list[dict[str, Any]]
    unaskable: Counter[str]


def ask(tape: Tape, days: list[date]) -> Asked:
    """Every order of the days: its plans' exact amounts, and the features as they were known when it arrived."""
    history = tape.history()
    expected = [arrival for day in days for arrival in arrivals(day, tape.swaps, tape.pools, WAIT)]
    by_time = {arrival.arrived_at: arrival for arrival in expected}
    rows: list[dict[str, Any]] = []
    unaskable: Counter[str] = Counter()
    for moment, book in tape.books_at(by_time):
        arrival, market = by_time[moment], history.at(moment)
        intent = sized(arrival, book, market)
        if intent is None:
            unaskable["no_quotable_pool_of_the_pair"] += 1
            continue
        try:
            rows.append(_asked(arrival, intent, book, market))
        except NoRoute:
            unaskable["no_path_takes_it_whole"] += 1
    return Asked(rows, unaskable)


def _asked(arrival: Arrival, intent: Intent, book: PoolBook, market: Market) -> dict[str, Any]:
    options = options_for(book, intent, market)
    rate = reference_rate(book, intent, market)
    situation = situation_of(book, intent, market, options, rate)
    return {
        "order_id": arrival.order_id,
        "arrived_at": arrival.arrived_at,
        "known_at": situation.known_at,
        "block_number": arrival.block_number,
        "token_in": intent.token_in.address,
        "symbol_in": intent.token_in.symbol,
        "token_out": intent.token_out.address,
        "symbol_out": intent.token_out.symbol,
        "amount_in": Decimal(intent.amount_in),
        "amount_out_now": Decimal(options.now.amount_out),
        "amount_out_split": Decimal(options.split.amount_out) if options.split else None,
        "pools_now": len(options.now.legs),
        "pools_split": len(options.split.legs) if options.split else None,
        "reference_rate": rate,
        **dict(zip(NAMES, vector(situation), strict=True)),
        "day": arrival.arrived_at.date(),
    }


def outcome_rows(tape: Tape, orders: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """One row per order of `features`: what every action would have cost, against the reference at arrival."""
    history = tape.history()
    due: dict[datetime, list[dict[str, Any]]] = {}
    for row in orders.sort("arrived_at", "order_id").iter_rows(named=True):
        due.setdefault(row["arrived_at"] + WAIT, []).append(row)
    for moment, book in tape.books_at(due):
        market = history.at(moment)
        tokens = {token.address: token for token in book.tokens}
        for row in due[moment]:
            intent = Intent(tokens[row["token_in"]], tokens[row["token_out"]], int(row["amount_in"]))
            now, split = row["quoted_now_bps"], row["quoted_now_bps"] - row["split_saving_bps"]
            plan = _better(book, intent, market)
            later_rate = reference_rate(book, intent, market) if plan else row["reference_rate"]
            # What the market itself did while the order waited, against or for it.
            drift = BPS * (1 - later_rate / row["reference_rate"])
            waited = cost_bps(plan, intent, market, row["reference_rate"]) if plan else UNFILLED_BPS
            yield {
                "order_id": row["order_id"],
                "arrived_at": row["arrived_at"],
                "waited_until": moment,
                "amount_out_wait": Decimal(plan.amount_out) if plan else None,
                "cost_now_bps": now,
                "cost_split_bps": split,
                "cost_wait_bps": waited,
                "drift_bps": drift if plan else 0.0,
                # The market's drift is in it: where the reference lags the pools, leaving it out would teach the lag.
                "wait_residual_bps": min(now, split) - waited,
                "day": row["day"],
            }


def _better(book: PoolBook, intent: Intent, market: Market) -> Plan | None:
    try:
        options = options_for(book, intent, market)
        rate = reference_rate(book, intent, market)
    except NoRoute:
        return None
    plans = [options.now, *([options.split] if options.split else [])]
    return min(plans, key=lambda plan: cost_bps(plan, intent, market, rate))
