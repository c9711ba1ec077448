"""What the desk needs from others, as small protocols, and the settings of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from executor.orders import Fees, Order, OrderRequest, Rehearsed, Routed

Stage = Literal["intent", "routed", "simulated", "sign"]


class Planner(Protocol):
    """Decides how an order is executed."""

    async def plan(self, request: OrderRequest, account: str | None, deadline: int) -> Routed:
        """Legs, call data and minimum output; `deadline` is unix seconds. Raises Refused kinds such as NoRoute, Unavailable."""
        ...


class Rehearsal(Protocol):
    """Runs the planned call on the newest block without sending it."""

    async def rehearse(self, request: OrderRequest, routed: Routed, account: str | None) -> Rehearsed:
        """What the call would do. Raises Refused kinds when it would not do what it should, Unavailable without an answer."""
        ...


class Gas(Protocol):
    """Knows what gas costs now, and what may be spent on it."""

    async def fees(self) -> Fees:
        """What a transaction should offer now. Raises Unavailable."""
        ...

    def check_budget(self, symbol: str, gas_limit: int, fees: Fees) -> Any:
        """Raises OverGasBudget when it could cost more than the budget of the symbol."""
        ...


class Guarding(Protocol):
    """The rules that may say no."""

    def check(self, stage: Stage, order: Order, orders: Mapping[str, Order], now: datetime) -> None:
        """Raises a Refused whose facts name the `rule`. `orders` are all orders, with those that are still on their way."""
        ...


class Signing(Protocol):
    """Holds a key."""

    @property
    def address(self) -> str:
        """Whose key it is, lowercase 0x text."""
        ...

    def sign(self, transaction: Mapping[str, Any]) -> tuple[str, str]:
        """The raw transaction and its hash, both 0x text, of an EIP-1559 transaction as a mapping."""
        ...


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """How patient the desk is.

    `finality_depth` None takes the node's word (the tag `finalized`); a number N means that the block N below the newest is final.
    It must be deeper than any reorg of the chain: an order ends there and is not looked at again.
    """

    finality_depth: int | None = None
    max_plan_age_blocks: int = 2  # an older plan is made again before it is signed
    look_every_seconds: float = 1.0
    resend_after_seconds: float = 12.0  # the same bytes again, while no block has them
    stuck_after_seconds: float = 36.0  # then higher fees, when the market asks for more than we offer
    gap_after_seconds: float = 60.0  # a missing nonce before ours is filled after so long
    send_patience_seconds: float = 1.0  # how long whoever submits or cancels waits for the node; the sending goes on without them
