"""Orders before the rules: a desk that sells WETH (2000 USD) for USDC, and whatever a test changes about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from executor.guards import Guards, Jurisdictions, KillSwitch, Limits, Newest
from executor.orders import Attempt, Order, OrderRequest, Outcome, PlannedLeg, Rehearsed, Routed, State
from executor.routing.pool_book import Token

WETH, USDC, ODD = "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "33" * 20
POOL, ROUTER, ACCOUNT = "0x" + "44" * 20, "0x" + "55" * 20, "0x" + "ac" * 20
TOKENS = {WETH: Token(WETH, "WETH", 18), USDC: Token(USDC, "USDC", 6), ODD: Token(ODD, "ODD", 18)}
ONE = 10**18
NOON = datetime(2026, 1, 19, 12, tzinfo=UTC)
BLOCK = 1_000


@dataclass
class Prices:
    """Prices as told."""

    told: dict[str, float | None] = field(default_factory=lambda: {WETH: 2000.0, USDC: 1.0})

    def usd(self, token: str) -> float | None:
        return self.told.get(token)


def desk_limits(**changed: object) -> Limits:
    """The limits of the desk: its tokens, pool and router, 5000 USD an order, 10000 a day, 8000 a market."""
    limits = Limits(
        max_notional_per_order_usd=Decimal(5000),
        max_notional_per_day_usd=Decimal(10_000),
        max_notional_per_symbol_usd={"*": Decimal(8000)},
        max_slippage_bps=50,
        max_certificate_bps=Decimal(10),
        max_open_orders=4,
        allowed_tokens=frozenset((WETH, USDC)),
        allowed_pools=frozenset((POOL,)),
        allowed_routers=frozenset((ROUTER,)),
    )
    return replace(limits, **changed)


def order(name: str = "one", amount: int = ONE, *, at: datetime = NOON, mode: str = "live", **request: object) -> Order:
    """An order to sell WETH for USDC, just accepted."""
    asked = replace(OrderRequest(name, WETH, USDC, amount), **request)
    return Order(asked, mode, ACCOUNT if mode == "live" else None, at, at + timedelta(seconds=asked.valid_for_seconds))  # type: ignore[arg-type]


def routed(one: Order, **changed: object) -> Order:
    """The order with a plan through the desk's pool: 2000 USDC for a WETH, half a percent less at the worst."""
    out = max(one.request.amount_in * 2000 // 10**12, 1)
    least = max(out * 9950 // 10_000, 1)
    leg = PlannedLeg(1, POOL, "uniswap_v3", True, 500, one.request.sell, one.request.buy, 1 << 64, one.request.amount_in, out)
    plan = Routed(
        (leg,), one.request.amount_in, out, least, 0.5, BLOCK, "0x" + "b1" * 32, ROUTER, ROUTER, "", int(one.deadline.timestamp())
    )
    plan = replace(plan, **changed)
    if "call_data" not in changed:
        plan = replace(plan, call_data=call(plan.min_amount_out, one.account))
    return replace(one, state=State.ROUTED, routed=plan)


def call(least: int, account: str | None) -> str:
    """A call that carries its minimum and its recipient."""
    return "0x12345678" + f"{least:064x}" + (account or ACCOUNT)[2:].rjust(64, "0")


def rehearsed(one: Order, **plan: object) -> Order:
    """The order after a rehearsal that went as planned."""
    planned = routed(one, **plan)
    assert planned.routed is not None
    seen = Rehearsed(planned.routed.amount_in, planned.routed.amount_out, 90_000, 120_000, None, 0, BLOCK, "0x" + "b1" * 32)
    return replace(planned, state=State.SIMULATED, rehearsed=seen)


def signed(one: Order, at: datetime | None = None) -> Order:
    """The order with a signed transaction."""
    attempt = Attempt("swap", 7, "0x" + "77" * 32, "0x02", 120_000, 10**9, 1, at or one.accepted_at)
    return replace(rehearsed(one), state=State.SIGNED, attempts=(attempt,))


def final(one: Order, *, got: int | None = None, status: int = 1, gas: int = 100_000, price: int = 10**9) -> Order:
    """The order as it ended on the chain; `got` less than planned is a loss."""
    done = signed(one)
    assert done.routed is not None
    out = done.routed.amount_out if got is None else got
    outcome = Outcome("0x" + "77" * 32, BLOCK + 1, "0x" + "b2" * 32, status, one.request.amount_in, out if status else None, gas, price)
    return replace(done, state=State.FINAL, outcome=outcome)


def refused(one: Order, rule: str = "no_route") -> Order:
    """The order after a rule said no."""
    return replace(one, state=State.REFUSED, refusal={"rule": rule})


def by_id(*orders: Order) -> Mapping[str, Order]:
    """Orders as the desk holds them."""
    return {one.order_id: one for one in orders}


@dataclass
class Floor:
    """Guards over a folder, with limits, prices and a chain that a test may change."""

    folder: Path
    limits: Limits = field(default_factory=desk_limits)
    prices: Prices = field(default_factory=Prices)
    newest: Newest | None = field(default_factory=lambda: Newest(BLOCK, NOON))
    jurisdictions: Jurisdictions | None = None

    def __post_init__(self) -> None:
        self.switch = KillSwitch(self.folder)
        self.guards = self.fresh_guards()

    def fresh_guards(self) -> Guards:
        """Guards as after a restart: they remember nothing."""
        return Guards(
            limits=lambda: self.limits,
            switch=KillSwitch(self.folder),
            prices=self.prices,
            tokens=TOKENS,
            newest=lambda: self.newest,
            wrapped_native=WETH,
            jurisdictions=self.jurisdictions,
        )
