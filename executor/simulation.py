"""A swap carried out on paper: decided by the model in force, filled leg by leg on the exact pools, nothing sent and nothing kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from domain.bundles import ACTIONS, MEANING, NOW, SPLIT, WAIT
from domain.features import FEATURES, vector
from domain.market import Market, MarketHistory
from domain.problems import BadInput
from executor.activation import Deployment, Model, ModelName
from executor.decisions import Decision, decide_with
from executor.handover import Handover
from executor.planning import Intent, Options, Plan, cost_bps, options_for, pool_mid, reference_rate, situation_of
from executor.ports import SystemClock
from executor.routing.pool_book import PoolBook, Token

SLIPPAGE_BPS = 50
BPS = 10_000


def intent_of(book: PoolBook, sell: str, buy: str, amount_in: int) -> Intent:
    """The order in the book's tokens; `sell` and `buy` are symbols or addresses. Raises UnknownToken or BadInput."""
    return Intent(book.token(sell), book.token(buy), amount_in)


Decide = Callable[[Sequence[float], Collection[str]], Decision]


class Priced(Protocol):
    """Pools, and the market that they are compared with: a hand-over is one."""

    @property
    def chain_id(self) -> int: ...
    @property
    def as_of(self) -> datetime: ...
    @property
    def book(self) -> PoolBook: ...
    @property
    def history(self) -> MarketHistory: ...


def quote(handover: Priced, intent: Intent) -> dict[str, Any]:
    """What can be had now: the best single path, and the split where there is one, each leg by leg. No model is asked."""
    market, book = _market(handover), handover.book
    options = options_for(book, intent, market)
    rate = reference_rate(book, intent, market)
    plans = {name: plan for name, plan in ((NOW, options.now), (SPLIT, options.split)) if plan}
    return {
        **_order(handover, intent, rate),
        "options": {name: _filled(book, plan, intent, market, rate) for name, plan in plans.items()},
    }


def simulate_swap(
    handover: Handover, intent: Intent, slippage_bps: int = SLIPPAGE_BPS, may_wait: bool = True, *, decide: Decide | None = None
) -> dict[str, Any]:
    """The swap as it would be done: the model's choice with its reasons, and every leg exact to the base unit.

    `decide` makes the decision from the features and the actions that are possible; without it the hand-over's own model does.
    A wait is simulated on the pools as they stand: the amounts are what would be had without it, and the document says so.
    Raises NoRoute when no path takes the whole amount.
    """
    if not 0 <= slippage_bps < BPS:
        raise BadInput(f"slippage_bps is {slippage_bps}; give 0 to {BPS - 1}.", field="slippage_bps")
    market, book = _market(handover), handover.book
    options = options_for(book, intent, market)
    rate = reference_rate(book, intent, market)
    features = vector(situation_of(book, intent, market, options, rate))
    possible = frozenset(action for action in ACTIONS if _possible(action, options, may_wait))
    decision = (decide or deciding_alone(handover))(features, possible)
    action, savings, model = decision.action, decision.answer.savings, decision.answer.model
    plan = _plan(action, options, intent, market, rate)
    filled = _filled(book, plan, intent, market, rate)
    waits = int(model.bundle.wait.total_seconds()) if action == WAIT else 0
    failure = decision.answer.failure
    return {
        "mode": "simulate",
        "sent": False,
        **_order(handover, intent, rate),
        **filled,
        "min_amount_out": str(plan.amount_out * (BPS - slippage_bps) // BPS),
        "slippage_bps": slippage_bps,
        "decision": {
            **decision.to_json(),
            "why": _why(action, savings, waits)
            if failure is None
            else f"{model.name} {model.version} failed, so it is done now: {failure}.",
            "wait_seconds": waits,
            "savings_bps": {name: round(saving, 4) for name, saving in savings.items()},
            "policy": model.bundle.policy,
            "handover_generation": handover.generation,
            "features": {feature.name: value for feature, value in zip(FEATURES, features, strict=True)},
        },
    }


def deciding_alone(handover: Handover) -> Decide:
    """The hand-over's own model decides, in no experiment."""
    model = Model(ModelName(handover.bundle.policy, handover.version, handover.bundle.sha256), handover.bundle)
    alone = Deployment(handover.generation, model)
    return lambda features, possible: decide_with(alone, "simulated", features, SystemClock(), possible=possible)


def _market(handover: Priced) -> Market:
    return handover.history.at(handover.as_of)


def _possible(action: str, options: Options, may_wait: bool) -> bool:
    return action == NOW or (action == SPLIT and options.split is not None) or (action == WAIT and may_wait)


def _plan(action: str, options: Options, intent: Intent, market: Market, rate: float) -> Plan:
    if action == NOW or options.split is None:
        return options.now
    if action == SPLIT:
        return options.split
    return min((options.now, options.split), key=lambda plan: cost_bps(plan, intent, market, rate))


def _why(action: str, savings: Mapping[str, float], waits: int) -> str:
    others = ", ".join(f"{name} {saving:+.2f}" for name, saving in savings.items() if name not in (action, NOW))
    if action == NOW:
        told = f"No other way is expected to be cheaper; expected savings in bps: {others}." if others else "There is no other way."
    else:
        told = f"{MEANING[action][0].upper()}{MEANING[action][1:]}: that is expected to save {savings[action]:.2f} bps"
        told += f" ({others})." if others else "."
    return told + (f" The amounts are those of now; decide again in {waits} s." if waits else "")


def _order(handover: Priced, intent: Intent, rate: float) -> dict[str, Any]:
    return {
        "chain_id": handover.chain_id,
        "as_of": handover.as_of.isoformat(),
        "sell": _token(intent.token_in),
        "buy": _token(intent.token_out),
        "reference_rate": rate,
    }


def _token(token: Token) -> dict[str, Any]:
    return {"symbol": token.symbol, "token": token.address, "decimals": token.decimals}


def _filled(book: PoolBook, plan: Plan, intent: Intent, market: Market, rate: float) -> dict[str, Any]:
    return {
        "amount_in": str(plan.amount_in),
        "amount_out": str(plan.amount_out),
        "cost_bps": round(cost_bps(plan, intent, market, rate), 4),
        "gas_units": plan.gas_units,
        "gas_usd": round(market.gas_usd(plan.gas_units), 4),
        "legs": _legs(book, plan),
    }


def _legs(book: PoolBook, plan: Plan) -> list[dict[str, Any]]:
    """Each leg done for real on the pool's value, so the document shows the state it would leave."""
    done = []
    for path, route in enumerate(plan.routes):
        for leg in route.legs:
            booked = book.pool(leg.pool_id)
            sold, bought = (booked.token0, booked.token1) if booked.sells(leg.sell) else (booked.token1, booked.token0)
            after, swap = booked.pool.swap(booked.sells(leg.sell), leg.amount_in)
            moved = pool_mid(after) / pool_mid(booked.pool) - 1
            done.append(
                {
                    "leg": len(done),
                    "path": path,
                    "pool_id": leg.pool_id,
                    "pool": booked.address,
                    "venue": booked.venue or booked.protocol,
                    "fee_pips": booked.pool.fee_pips,
                    "sell": sold.symbol,
                    "buy": bought.symbol,
                    "amount_in": str(swap.amount_in),
                    "amount_out": str(swap.amount_out),
                    "ticks_crossed": swap.ticks_crossed,
                    # How far the leg moves the pool's price against itself.
                    "price_move_bps": round(BPS * abs(moved), 4),
                }
            )
    return done
