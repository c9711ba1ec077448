"""The book of what agents earned: every fill with its costs, whose decision it was, and what came of it, divided to the last unit.

A fill is legs (tokens given and received at one value, so the values cancel) and costs: a fee, gas or a rebate in any token, each a
posting of its own at its value. A lot belongs to the agents of the fill that opened it, in the proportion of their shares: what it gains
is theirs, taken or not, and the costs are of the fill that paid them. At any moment, for every way of choosing lots,

    gains taken + gains not taken - costs = the change of equity = the sum over agents        (nothing is left over)

A fill that the chain takes back is undone from a record of what it replaced, so the book is the same as if it had never been.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assets.profit.lots import Change, Lot, LotQueue, Method
from domain.problems import BadInput
from domain.shares import apportion

# What an amount of a token is worth now, in millionths of a dollar; called once a token, with everything that is held of it.
Worth = Callable[[str, int], int]
Parts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Leg:
    """A token that moved: positive received, negative given. The value carries the sign of the amount."""

    token: str
    amount: int
    value_micro_usd: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a fill cost besides, such as "fee" or "gas": positive is paid, negative (a rebate) received, in any token."""

    kind: str
    token: str
    amount: int
    value_micro_usd: int


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade as the chain did it. `shares` are parts of any size per agent, negative for one that was against it, in sum positive."""

    proof: str
    at: datetime
    legs: tuple[Leg, ...]
    costs: tuple[Cost, ...]
    shares: Parts


@dataclass(frozen=True, slots=True)
class Statement:
    """What the book says at one moment, millionths of a dollar. By agent, and costs by kind and agent; paid is positive."""

    realised: Parts
    unrealised: Parts
    costs: Mapping[str, Parts]
    equity: int

    @property
    def credits(self) -> dict[str, int]:
        """What each agent earned, after costs."""
        agents = sorted({*self.realised, *self.unrealised, *(agent for parts in self.costs.values() for agent in parts)})
        paid = {agent: sum(parts.get(agent, 0) for parts in self.costs.values()) for agent in agents}
        return {agent: self.realised.get(agent, 0) + self.unrealised.get(agent, 0) - paid[agent] for agent in agents}

    @property
    def left_over(self) -> int:
        """The part of the change of equity that no agent has: 0, or the book is wrong."""
        return self.equity - sum(self.credits.values())


@dataclass(slots=True)
class _Record:
    """What booking a fill changed, so that it can be undone."""

    fill: Fill
    moves: list[tuple[str, int, tuple[Change, ...]]] = field(default_factory=list)  # token, amount, lots
    owners: list[tuple[str, Parts]] = field(default_factory=list)  # as they were before
    gains: list[Parts] = field(default_factory=list)
    costs: list[tuple[str, Parts]] = field(default_factory=list)


class AttributedBook:
    """The book of one account by one method. The last `reversible` fills can be taken back, older ones are final."""

    def __init__(self, method: Method = Method.FIFO, reversible: int = 10_000) -> None:
        self._method = method
        self._queues: dict[str, LotQueue] = {}
        self._balances: defaultdict[str, int] = defaultdict(int)
        self._shares: dict[str, Parts] = {}  # by proof
        self._owners: dict[str, Parts] = {}  # by token, base units of each agent; of average cost only
        self._realised: defaultdict[str, int] = defaultdict(int)
        self._costs: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._records: deque[_Record] = deque(maxlen=reversible)

    def book(self, fill: Fill) -> None:
        """Books a fill. Raises BadInput, and books nothing, when it was booked before, its values do not cancel, or nobody decided it."""
        if fill.proof in self._shares:
            raise BadInput(f"Fill {fill.proof} is in the book already; book each once.", field="proof")
        if open_value := sum(leg.value_micro_usd for leg in fill.legs):
            message = f"The legs of fill {fill.proof} differ in value by {open_value}; value what it received at what it gave."
            raise BadInput(message, field="legs")
        if sum(fill.shares.values()) <= 0:
            raise BadInput(f"The shares of fill {fill.proof} add up to nothing; name who decided it.", field="shares")
        record = _Record(fill)
        self._shares[fill.proof] = fill.shares
        for leg in fill.legs:
            self._move(record, leg.token, leg.amount, leg.value_micro_usd)
        for cost in fill.costs:
            self._move(record, cost.token, -cost.amount, -cost.value_micro_usd)
            parts = _divided(cost.value_micro_usd, fill.shares)
            _add(self._costs[cost.kind], parts)
            record.costs.append((cost.kind, parts))
        self._records.append(record)

    def take_back(self, proof: str) -> None:
        """Undoes the last fill: the chain took its block back. Raises BadInput when another was booked after it, or it is final."""
        if not self._records or self._records[-1].fill.proof != proof:
            last = self._records[-1].fill.proof if self._records else "none"
            raise BadInput(f"Fill {proof} is not the newest that can be taken back, which is {last}; take that back first.", field="proof")
        record = self._records.pop()
        for kind, parts in record.costs:
            _add(self._costs[kind], parts, -1)
        for parts in record.gains:
            _add(self._realised, parts, -1)
        for token, owners in reversed(record.owners):
            self._owners[token] = owners
        for token, amount, changes in reversed(record.moves):
            self._queues[token].take_back(changes)
            self._balances[token] -= amount
        del self._shares[proof]

    def lots(self, token: str) -> tuple[Lot, ...]:
        """The open lots of a token."""
        return self._queues[token].lots if token in self._queues else ()

    def statement(self, worth: Worth) -> Statement:
        """Gains, costs and equity with tokens worth what `worth` says."""
        unrealised: defaultdict[str, int] = defaultdict(int)
        for token, queue in self._queues.items():
            values = queue.value_of_lots(worth(token, queue.amount)) if queue.lots else ()
            for lot, value in zip(queue.lots, values, strict=True):
                _add(unrealised, _divided(value - lot.cost_micro_usd, self._owners_of(token, lot.opened_by)))
        equity = sum(worth(token, amount) for token, amount in self._balances.items() if amount)
        costs = {kind: dict(parts) for kind, parts in sorted(self._costs.items()) if parts}
        return Statement(dict(self._realised), dict(unrealised), costs, equity)

    def _move(self, record: _Record, token: str, amount: int, value_micro_usd: int) -> None:
        """Books a posting: pieces of lots that it closes are gains of whoever owned them."""
        fill, queue = record.fill, self._queues.get(token)
        if queue is None:
            queue = self._queues[token] = LotQueue(method=self._method)
        for closing in queue.move(amount, value_micro_usd, fill.at, fill.proof):
            if gain := closing.gain_micro_usd:
                parts = _divided(gain, self._owners_of(token, closing.opened_by) if closing.amount else fill.shares)
                _add(self._realised, parts)
                record.gains.append(parts)
        if self._method is Method.AVERAGE:
            self._own(record, token, amount)
        record.moves.append((token, amount, queue.changes))
        self._balances[token] += amount

    def _owners_of(self, token: str, opened_by: str) -> Parts:
        return self._owners[token] if self._method is Method.AVERAGE else self._shares[opened_by]

    def _own(self, record: _Record, token: str, amount: int) -> None:
        """Whose the one lot is after a posting: what is added is the fill's agents', what is taken is everybody's in proportion."""
        before, held = self._owners.get(token, {}), self._balances[token]
        record.owners.append((token, before))
        left = held + amount
        if not left:
            after: Parts = {}
        elif held and (held > 0) == (amount > 0):
            after = dict(before)
            _add(after, _divided(amount, record.fill.shares))
        elif held and (held > 0) == (left > 0):
            after = _divided(left, before)
        else:
            after = _divided(left, record.fill.shares)
        self._owners[token] = after


def _divided(total: int, shares: Parts) -> dict[str, int]:
    """The total by agent, in proportion to the shares."""
    return dict(zip(shares, apportion(total, list(shares.values())), strict=True))


def _add(sums: dict[str, int], parts: Parts, sign: int = 1) -> None:
    """Adds in place. Who has nothing is not there, so that a sum taken back leaves no trace."""
    for agent, part in parts.items():
        if total := sums.get(agent, 0) + sign * part:
            sums[agent] = total
        else:
            sums.pop(agent, None)
