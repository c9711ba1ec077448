"""An order's life, as a value: what was asked, what was decided, what was signed, and what the chain made of it.

    INTENT → ROUTED → SIMULATED → SIGNED → BROADCAST → SEEN → FINAL | REPLACED | ABANDONED
       └────────┴─────────┴── REFUSED                └──── a reorg leads back to BROADCAST

An order is the fold of its journal entries, nothing else: after a crash the same entries give the same order. In the modes
`simulate` and `paper` a life ends at SIMULATED, because nothing is signed. In `live` it ends only when a *finalised* transaction
has consumed its nonce, never by a timeout. A nonce belongs to one order for good: higher fees and a cancellation are further
attempts with the same nonce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, Self

from domain.problems import BadInput, Broken

Mode = Literal["simulate", "paper", "live"]
Purpose = Literal["swap", "cancel"]


class State(StrEnum):
    """How far an order has come."""

    INTENT = "intent"  # accepted and written down, nothing done yet
    ROUTED = "routed"  # legs, call data and minimum output are decided
    SIMULATED = "simulated"  # the call was rehearsed on the newest block and would do what it should
    SIGNED = "signed"  # a transaction exists; from here on the nonce is ours to finish
    BROADCAST = "broadcast"  # some node was given it
    SEEN = "seen"  # it is in a block that may still be taken back
    FINAL = "final"  # its transaction is finalised; `outcome.status` says whether it swapped or reverted
    REPLACED = "replaced"  # a finalised transaction that is not ours consumed the nonce
    ABANDONED = "abandoned"  # cancelled: our own cancellation consumed the nonce, or nothing had been signed
    REFUSED = "refused"  # a rule said no before anything was signed


TERMINAL = frozenset({State.FINAL, State.REPLACED, State.ABANDONED, State.REFUSED})

# Entries beside the states themselves: a block with our transaction was taken back; somebody wants the order cancelled.
UNSEEN, CANCEL_ASKED = "unseen", "cancel_asked"
# A limit of a jurisdiction that the order would have gone beyond. The refusal follows in the same commit, so there is one of an order.
VIOLATION = "compliance_violation"
# Entries about the key and no order: somebody else used it; a nonce that nobody uses was consumed so that later ones can follow.
FOREIGN_NONCE, GAP_FILLED = "foreign_nonce", "gap_filled"

_MAY_FOLLOW: Mapping[str, frozenset[State]] = {
    State.ROUTED: frozenset({State.INTENT, State.ROUTED, State.SIMULATED}),
    State.SIMULATED: frozenset({State.ROUTED}),
    State.SIGNED: frozenset({State.SIMULATED, State.SIGNED, State.BROADCAST, State.SEEN}),
    State.BROADCAST: frozenset({State.SIGNED, State.BROADCAST, State.SEEN}),
    State.SEEN: frozenset({State.SIGNED, State.BROADCAST, State.SEEN}),
    UNSEEN: frozenset({State.SEEN}),
    State.FINAL: frozenset({State.SIGNED, State.BROADCAST, State.SEEN}),
    State.REPLACED: frozenset({State.SIGNED, State.BROADCAST, State.SEEN}),
    State.ABANDONED: frozenset(State) - TERMINAL,
    State.REFUSED: frozenset({State.INTENT, State.ROUTED, State.SIMULATED}),
    CANCEL_ASKED: frozenset(State) - TERMINAL,
    VIOLATION: frozenset({State.INTENT, State.ROUTED, State.SIMULATED}),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: what happened (`kind`: a State, or a word of the desk's own), to which order, and the facts.

    Facts are JSON values; whole numbers may be of any size.
    """

    kind: str
    order_id: str | None
    at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What somebody asks for. `sell` and `buy` are token addresses, amounts are base units, `min_amount_out` is the caller's own floor.

    `client_id` says for whom; None is the firm's own account.
    """

    client_order_id: str
    sell: str
    buy: str
    amount_in: int
    slippage_bps: int = 50
    min_amount_out: int | None = None
    valid_for_seconds: int = 120
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """One pool of a plan. `share_x64` of 2^64 is the part of what is held of `sell` at that moment that goes in; 2^64 is all of it."""

    pool_id: int
    pool: str
    venue: str
    concentrated: bool
    fee_pips: int
    sell: str
    buy: str
    share_x64: int
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class Routed:
    """How the order will be executed: the legs in the order they run, and the call that runs them.

    `certificate_bps` is how far, at most, this is from the best any route could give, gas included. The block is the state it was
    planned on. `spender` is who takes the sold token (the router), `call_data` is 0x text, `min_amount_out` is enforced on chain.
    """

    legs: tuple[PlannedLeg, ...]
    amount_in: int
    amount_out: int
    min_amount_out: int
    certificate_bps: float
    block_number: int
    block_hash: str
    to: str
    spender: str
    call_data: str
    deadline: int  # unix seconds, enforced on chain


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers for gas, wei per gas, and how likely it is then to be in one of the next `blocks` blocks."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    base_fee: int
    inclusion_probability: float
    blocks: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the safety simulation saw on the newest block: amounts that moved, gas used, and the limits set from them."""

    amount_in: int
    amount_out: int
    gas_used: int
    gas_limit: int
    fees: Fees | None
    max_cost_wei: int
    block_number: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signed transaction of an order. `raw` is what goes to the node, as 0x text."""

    purpose: Purpose
    nonce: int
    tx_hash: str
    raw: str
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    signed_at: datetime
    was_broadcast: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the chain has one of our transactions at the moment."""

    tx_hash: str
    block_number: int
    block_hash: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a life ended on the chain; a field is None where it has no meaning (amounts of a cancellation).

    `tx_hash` is the transaction that consumed the nonce, `reason` says why a life was given up before anything was signed.
    """

    tx_hash: str | None
    block_number: int | None
    block_hash: str | None
    status: int | None
    amount_in: int | None = None
    amount_out: int | None = None
    gas_used: int | None = None
    effective_gas_price: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its entries tell it."""

    request: OrderRequest
    mode: Mode
    account: str | None
    accepted_at: datetime
    deadline: datetime
    state: State = State.INTENT
    routed: Routed | None = None
    rehearsed: Rehearsed | None = None
    attempts: tuple[Attempt, ...] = ()
    seen: Seen | None = None
    outcome: Outcome | None = None
    cancel_asked: bool = False
    refusal: Mapping[str, Any] | None = None
    violation: Mapping[str, Any] | None = None

    @property
    def order_id(self) -> str:
        return self.request.client_order_id

    @property
    def nonce(self) -> int | None:
        """The nonce that belongs to this order, once something was signed."""
        return self.attempts[0].nonce if self.attempts else None

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in TERMINAL or (self.mode != "live" and self.state is State.SIMULATED)

    @classmethod
    def begun(cls, entry: Entry) -> Self:
        """The order that an INTENT entry begins. Raises Broken for another kind."""
        if entry.kind != State.INTENT:
            raise Broken(
                f"Order {entry.order_id} begins with {entry.kind} instead of an intent; verify the journal.", order_id=entry.order_id
            )
        facts = entry.facts
        return cls(
            OrderRequest(**facts["request"]),
            facts["mode"],
            facts["account"],
            entry.at,
            datetime.fromtimestamp(facts["deadline"], UTC),
        )

    def after(self, entry: Entry) -> Order:
        """The order after one more entry. Raises Broken when it cannot follow: such a journal must not be acted on."""
        allowed = _MAY_FOLLOW.get(entry.kind)
        if allowed is None or self.state not in allowed or self._is_over_for(entry.kind):
            raise Broken(f"Order {self.order_id}: {entry.kind} cannot follow {self.state}; verify the journal.", order_id=self.order_id)
        facts = entry.facts
        match entry.kind:
            case State.ROUTED:
                legs = tuple(PlannedLeg(**leg) for leg in facts["legs"])
                return replace(self, state=State.ROUTED, routed=Routed(**{**facts, "legs": legs}), rehearsed=None)
            case State.SIMULATED:
                fees = Fees(**facts["fees"]) if facts["fees"] else None
                return replace(self, state=State.SIMULATED, rehearsed=Rehearsed(**{**facts, "fees": fees}))
            case State.SIGNED:
                return self._signed(Attempt(**{**facts, "signed_at": entry.at}))
            case State.BROADCAST:
                told = tuple(replace(one, was_broadcast=one.was_broadcast or one.tx_hash == facts["tx_hash"]) for one in self.attempts)
                return replace(self, state=self.state if self.state is State.SEEN else State.BROADCAST, attempts=told)
            case State.SEEN:
                return replace(self, state=State.SEEN, seen=Seen(**facts))
            case "unseen":
                return replace(self, state=State.BROADCAST, seen=None)
            case "cancel_asked":
                return replace(self, cancel_asked=True)
            case "compliance_violation":
                return replace(self, violation=dict(facts))
            case State.REFUSED:
                return replace(self, state=State.REFUSED, refusal=dict(facts))
        return replace(self, state=State(entry.kind), outcome=Outcome(**facts))

    def _is_over_for(self, kind: str) -> bool:
        """Whether an entry of this kind comes too late. What violates a limit is refused, and nothing else happens to it.

        Without a key a rehearsed order is over, but a rule that is asked right after the rehearsal may still say no.
        """
        if self.violation is not None:
            return kind != State.REFUSED
        return self.is_terminal and (self.state is not State.SIMULATED or kind not in (VIOLATION, State.REFUSED))

    def _signed(self, attempt: Attempt) -> Order:
        if self.nonce is not None and attempt.nonce != self.nonce:
            raise Broken(
                f"Order {self.order_id} owns nonce {self.nonce} and was signed for {attempt.nonce}; do not send it, verify the journal.",
                order_id=self.order_id,
                nonce=attempt.nonce,
            )
        return replace(self, state=self.state if self.state is State.SEEN else State.SIGNED, attempts=(*self.attempts, attempt))


def entry_of(kind: str, order_id: str, at: datetime, value: Any = None) -> Entry:
    """An entry about an order from one of the values above (Routed, Rehearsed, Attempt, Seen, Outcome) or a mapping of facts."""
    facts = dict(value) if isinstance(value, Mapping) else asdict(value) if value is not None else {}
    for name in ("signed_at", "was_broadcast"):  # an attempt's time is its entry's, its broadcast an entry of its own
        facts.pop(name, None)
    return Entry(kind, order_id, at, facts)


def intent_entry(request: OrderRequest, mode: Mode, account: str | None, at: datetime) -> Entry:
    """The first entry of an order. Raises BadInput naming the field when the request makes no sense."""
    if request.sell == request.buy:
        raise BadInput("The same token is sold and bought; name two.", field="buy")
    if request.amount_in <= 0:
        raise BadInput(f"amount_in is {request.amount_in}; sell at least one base unit.", field="amount_in")
    if not 0 <= request.slippage_bps < 10_000:
        raise BadInput(f"slippage_bps is {request.slippage_bps}; give 0 to 9999.", field="slippage_bps")
    if request.valid_for_seconds <= 0:
        raise BadInput(f"valid_for_seconds is {request.valid_for_seconds}; give at least 1.", field="valid_for_seconds")
    deadline = int(at.timestamp()) + request.valid_for_seconds
    return Entry(
        State.INTENT,
        request.client_order_id,
        at,
        {"request": asdict(request), "mode": mode, "account": account, "deadline": deadline},
    )


def fold(entries: Mapping[str, Order] | None, entry: Entry) -> dict[str, Order]:
    """All orders after one more entry; entries that are about no order change nothing."""
    orders = dict(entries or {})
    if entry.order_id is None:
        return orders
    known = orders.get(entry.order_id)
    orders[entry.order_id] = known.after(entry) if known else Order.begun(entry)
    return orders
