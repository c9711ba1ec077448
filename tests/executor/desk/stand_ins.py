"""Stand-ins for what the desk works with: a planner of one simulated swap, a rehearsal that believes it, gas and guards as told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.problems import Refused
from executor.orders import Fees, Order, OrderRequest, PlannedLeg, Rehearsed, Routed
from executor.virtual.chain import GWEI, ROUTER, SimulatedChain
from executor.virtual.transactions import Swap

SELL, BUY = "0x" + "aa" * 20, "0x" + "bb" * 20
ACCOUNT = "0x" + "ac" * 20


def request(order_id: str = "one", amount: int = 1_000, *, valid_for: int = 120) -> OrderRequest:
    """An order of `amount` base units."""
    return OrderRequest(order_id, SELL, BUY, amount, valid_for_seconds=valid_for)


@dataclass
class OneSwap:
    """Plans every order as one swap through the simulated router, for twice the amount."""

    chain: SimulatedChain
    planned: int = 0
    plans_block: int | None = None
    fails: list[Exception] = field(default_factory=list)

    async def plan(self, request: OrderRequest, account: str | None, deadline: int) -> Routed:
        if self.fails:
            raise self.fails.pop(0)
        self.planned += 1
        amount, bought = request.amount_in, 2 * request.amount_in
        head = self.chain.head
        leg = PlannedLeg(1, ROUTER, "simulated", False, 3000, request.sell, request.buy, 2**64, amount, bought)
        call = Swap(request.sell, request.buy, amount, bought, deadline, request.client_order_id).call_data
        block = head.number if self.plans_block is None else self.plans_block
        return Routed((leg,), amount, bought, bought, 0.0, block, head.hash, ROUTER, ROUTER, call, deadline)


@dataclass
class MarketGas:
    """Offers double the base fee and a tip; `budget_wei` is what one transaction may cost."""

    chain: SimulatedChain
    tip: int = GWEI
    budget_wei: int = 10**18

    async def fees(self) -> Fees:
        return Fees(2 * self.chain.base_fee + self.tip, self.tip, self.chain.base_fee, 0.99, 3)

    def check_budget(self, symbol: str, gas_limit: int, fees: Fees) -> None:
        if gas_limit * fees.max_fee_per_gas > self.budget_wei:
            raise Refused("over budget", rule="gas_budget", symbol=symbol)


@dataclass
class Believes:
    """A rehearsal in which every plan does what it says."""

    gas: MarketGas
    fails: list[Exception] = field(default_factory=list)

    async def rehearse(self, request: OrderRequest, routed: Routed, account: str | None) -> Rehearsed:
        if self.fails:
            raise self.fails.pop(0)
        fees = await self.gas.fees() if account else None
        head = self.gas.chain.head
        cost = 120_000 * fees.max_fee_per_gas if fees else 0
        return Rehearsed(routed.amount_in, routed.amount_out, 90_000, 120_000, fees, cost, head.number, head.hash)


@dataclass
class SaysNo:
    """Guards that refuse at the stages they are told to."""

    at: set[str] = field(default_factory=set)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def check(self, stage: Any, order: Order, orders: Mapping[str, Order], now: datetime) -> None:
        self.asked.append((stage, len(orders)))
        if stage in self.at:
            raise Refused(f"not at {stage}", rule="kill_switch", stage=stage)
