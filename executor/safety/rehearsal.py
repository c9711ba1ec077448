"""The safety simulation: an order's call runs on the newest block without being sent, and only a call that does what was asked passes.

An account is taken as it is: a balance or allowance that is too low is found here and not on the chain. Without an account (in the
modes that sign nothing) a stand-in is given the sold token by a state override, and everything else is the chain's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from domain.problems import CannotRehearse, InsufficientBalance, StaleState, Unavailable, WouldRevert
from executor.chain.abi import address_word, word
from executor.chain.node import Node
from executor.orders import Fees, OrderRequest, Rehearsed, Routed
from executor.ports import Clock
from executor.safety.call_bundle import Answered
from executor.safety.running import Head, Played, Runner
from executor.safety.token_slots import BALANCE_OF, TokenSlots
from executor.safety.verdict import Change, Scene, check_plan, judge

# Who trades where nobody does: an address without a key. Plans for no account must pay it.
STAND_IN = "0x00000000000000000000000000000000057a9d19"
ALLOWANCE, APPROVE = bytes.fromhex("dd62ed3e"), bytes.fromhex("095ea7b3")
STAND_IN_FUNDS = 10**24


@dataclass(frozen=True, slots=True)
class SafetySettings:
    """When a rehearsal may be believed, and how much more gas than it used a transaction is given; what is not used is not paid.

    The share: up to a fifth of a transaction's gas is given back at its end (EIP-3529), and must be there until then. The rest is for
    what may change before the swap is mined, such as a tick more to cross.
    """

    max_block_age_seconds: float = 60.0
    least_seconds_left: int = 12  # until the deadline: one block of Ethereum
    gas_margin_share: float = 0.25
    gas_margin: int = 40_000


class SafetySimulation:
    """Rehearses orders on one node.

    `fees` tells what gas costs; with it the worst cost is part of the answer, and an account that could not pay it is refused.
    """

    def __init__(
        self,
        node: Node,
        clock: Clock,
        slots: TokenSlots,
        settings: SafetySettings | None = None,
        fees: Callable[[], Awaitable[Fees]] | None = None,
    ) -> None:
        self.settings = settings or SafetySettings()
        self._clock = clock
        self._slots = slots
        self._runner = Runner(node)
        self._fees = fees

    async def rehearse(self, request: OrderRequest, routed: Routed, account: str | None) -> Rehearsed:
        """What the planned call does on the newest block, and the gas limit for it.

        Raises WouldRevert (InsufficientBalance, InsufficientAllowance), WouldMissOrder or CannotRehearse when it must not be signed,
        StaleState when the newest block is too old, older than the plan's or cannot be had, Unavailable when the node runs no calls.
        """
        check_plan(request, routed)
        self._check_deadline(routed, self._now())
        asked = _Questions(request, routed, account or STAND_IN)
        if account is None:
            played = await self._play_for_nobody(request, routed, asked)
        else:
            played = await self._runner.play(account, asked.calls, {}, self._now(), routed.block_number)
        self._check_block(routed, played)
        self._check_deadline(routed, max(self._now(), played.head.timestamp))
        spent, received = judge(request, routed, asked.scene(played.answers))
        used = asked.swap(played.answers).gas_used
        gas_limit = ceil(used * (1 + self.settings.gas_margin_share)) + self.settings.gas_margin
        fees = await self._fees() if self._fees else None
        if account is not None:
            _check_funds(account, played, gas_limit, fees)
        cost = gas_limit * fees.max_fee_per_gas if fees else 0
        return Rehearsed(spent, received, used, gas_limit, fees, cost, played.head.number, played.head.hash)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    async def _play_for_nobody(self, request: OrderRequest, routed: Routed, asked: _Questions) -> Played:
        """Run the calls of an account that is given what the order sells; where it is put was found before, so look whether it is there."""
        for attempt in range(2):
            try:
                planted = await self._slots.planted(request.sell, STAND_IN, routed.spender, request.amount_in)
            except Unavailable as silent:
                raise StaleState(f"The order cannot be rehearsed: {silent.message}", rule="stale_state") from silent
            asked.approves = not planted.includes_allowance
            overrides = {**planted.overrides, STAND_IN: {"balance": hex(STAND_IN_FUNDS)}}
            played = await self._runner.play(STAND_IN, asked.calls, overrides, self._now(), routed.block_number)
            scene = asked.scene(played.answers)
            if scene.sold.before == request.amount_in and scene.allowed >= request.amount_in:
                return played
            self._slots.forget(request.sell)  # the token's code may have changed
            if attempt:
                break
        raise CannotRehearse(
            f"The stand-in cannot be given {request.amount_in} base units of {request.sell}, so the order cannot be rehearsed without an "
            "account; trade it in live mode only, or restrict it.",
            rule="token_not_rehearsable",
            token=request.sell,
        )

    def _check_deadline(self, routed: Routed, now: int) -> None:
        left = routed.deadline - now
        if left < self.settings.least_seconds_left:
            raise WouldRevert(
                f"The deadline is {left} seconds away, and a block may take {self.settings.least_seconds_left}; submit the order again.",
                rule="deadline_passed",
                deadline=routed.deadline,
                now=now,
            )

    def _check_block(self, routed: Routed, played: Played) -> None:
        head, age = played.head, self._clock.now().timestamp() - played.head.timestamp
        if age > self.settings.max_block_age_seconds:
            raise _stale(f"The node's newest block {head.number} is {age:.0f} seconds old; check the node, or ask another.", head, age=age)
        if head.number < routed.block_number:
            raise _stale(
                f"The node's newest block is {head.number}, and the order was planned on {routed.block_number}; the node is behind.",
                head,
                planned_on=routed.block_number,
            )
        if played.planned_hash is not None and routed.block_hash and played.planned_hash.lower() != routed.block_hash.lower():
            raise _stale(
                f"Block {routed.block_number}, on which the order was planned, is no longer part of the chain; plan it again.",
                head,
                planned_on=routed.block_number,
            )


class _Questions:
    """The calls of a rehearsal in their order, and what their answers mean."""

    def __init__(self, request: OrderRequest, routed: Routed, account: str) -> None:
        self._account = account
        self._sell, self._buy, self._spender = request.sell, request.buy, routed.spender
        self._approval = (request.sell, APPROVE + address_word(routed.spender) + word(request.amount_in))
        self._swap = (routed.to, bytes.fromhex(routed.call_data[2:]))
        self._paid = sorted({leg.pool for leg in routed.legs if leg.sell == request.sell})
        self._paying = sorted({leg.pool for leg in routed.legs if leg.buy == request.buy})
        self.approves = False

    @property
    def calls(self) -> list[tuple[str, bytes]]:
        """(address, data) in order: approve where the allowance could not be planted, read, swap, read again."""
        allowed = (self._sell, ALLOWANCE + address_word(self._account) + address_word(self._spender))
        return [*([self._approval] if self.approves else []), allowed, *self._balances(), self._swap, *self._balances()]

    def _balances(self) -> list[tuple[str, bytes]]:
        owners = [(self._sell, self._account), (self._buy, self._account)]
        owners += [(self._sell, pool) for pool in self._paid] + [(self._buy, pool) for pool in self._paying]
        return [(token, BALANCE_OF + address_word(owner)) for token, owner in owners]

    def swap(self, answers: Sequence[Answered]) -> Answered:
        """What the order's own call did."""
        return answers[-len(self._balances()) - 1]

    def scene(self, answers: Sequence[Answered]) -> Scene:
        """The answers as balances before and after. Raises CannotRehearse when a token does not tell a balance."""
        count = len(self._balances())
        before = [self._number(one) for one in answers[-2 * count - 1 : -count - 1]]
        after = [self._number(one) for one in answers[-count:]]
        changes = [Change(one, other) for one, other in zip(before, after, strict=True)]
        allowed = self._number(answers[-2 * count - 2])
        paid = changes[2 : 2 + len(self._paid)]
        return Scene(self.swap(answers), self._account, allowed, changes[0], changes[1], paid, changes[2 + len(self._paid) :])

    def _number(self, answer: Answered) -> int:
        if not answer.succeeded or len(answer.returned) < 32:
            raise CannotRehearse(
                f"{self._sell} or {self._buy} does not tell balances and allowances as tokens do; check the addresses.",
                rule="token_not_rehearsable",
                sell=self._sell,
                buy=self._buy,
            )
        return int.from_bytes(answer.returned[:32], "big")


def _check_funds(account: str, played: Played, gas_limit: int, fees: Fees | None) -> None:
    """Raises InsufficientBalance when the account cannot offer the gas; without fees, at the price of the newest block."""
    needed = gas_limit * (fees.max_fee_per_gas if fees else played.head.base_fee)
    if played.funds < needed:
        raise InsufficientBalance(
            f"{account} holds {played.funds} wei, and the gas may cost {needed}; send it {needed - played.funds} more.",
            rule="insufficient_balance",
            token="gas",
            held=played.funds,
            needed=needed,
        )


def _stale(message: str, head: Head, **facts: Any) -> StaleState:
    return StaleState(message, rule="stale_state", block_number=head.number, **facts)
