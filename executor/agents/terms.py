"""What a coordinator is asked, what it gives back, and what it needs to know of weights."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol, Self

from domain.negotiation import TRADE_ACTIONS, Call, Decision


class Weights(Protocol):
    """How much each agent counts: a value, each change makes another."""

    def ppm(self, present: Collection[str]) -> dict[str, int]:
        """Whole parts per million that add up to 1,000,000 over those present."""
        ...

    def joined(self, name: str) -> Self:
        """With an agent that begins, or comes back, at its cold-start weight."""
        ...

    def left(self, name: str) -> Self:
        """Without an agent."""
        ...

    def to_json(self) -> Any:
        """As a document."""
        ...


class WeightsInForce(Protocol):
    """The weights that decisions count with; `LiveWeights` in `executor/agents/weight_store.py`."""

    @property
    def now(self) -> Weights:
        """Those in force."""
        ...

    async def change(self, change: Callable[[Any], Any]) -> Any:
        """Put what `change` makes of them in force, and keep it. A store that is down stops nobody."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What the agents are asked about. `as_of_ns` is the moment whose knowledge counts, now when it is None."""

    trade_id: str
    base: str
    quote: str
    amount_in: int = 0
    actions: tuple[str, ...] = TRADE_ACTIONS
    as_of_ns: int | None = None
    input_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """A negotiation that was held."""

    conversation_id: str
    call: Call
    decision: Decision
    took_ns: int

    @property
    def action(self) -> str:
        """What was decided."""
        return self.decision.action
