"""What the tests of agents share: agents that say what they are told to, equal weights, and a negotiation in virtual time."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from domain.negotiation import WHOLE, ActionUtility, Call, Proposal
from domain.problems import BadInput
from executor.agents.coordinator import Coordinator
from executor.agents.messages import Refuse
from executor.agents.terms import Question
from executor.agents.transcript import MemoryRows, Transcript
from executor.agents.transports.in_process import InProcess
from executor.agents.view import RecordedViews, View
from executor.ports import Clock

QUESTION = Question("t-1", "WETH", "USDC", 10**18)


@dataclass(frozen=True)
class EqualWeights:
    """As much for each; `told` keeps who joined and left, oldest first."""

    names: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    def ppm(self, present: Collection[str]) -> dict[str, int]:
        if unknown := sorted(set(present) - set(self.names)):
            raise BadInput(f"{unknown[0]} has no weight.", field="agent")
        names = sorted(present)
        each = WHOLE // len(names)
        return {name: each + (WHOLE - each * len(names) if name == names[0] else 0) for name in names}

    def joined(self, name: str) -> EqualWeights:
        return EqualWeights((*self.names, name), (*self.told, f"+{name}"))

    def left(self, name: str) -> EqualWeights:
        if name not in self.names:
            return self
        return EqualWeights(tuple(one for one in self.names if one != name), (*self.told, f"-{name}"))

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names)}


class KeptWeights:
    """Weights in force, in memory."""

    def __init__(self, weights: EqualWeights | None = None) -> None:
        self.now = weights or EqualWeights()

    async def change(self, change: Callable[[EqualWeights], EqualWeights]) -> EqualWeights:
        self.now = change(self.now)
        return self.now


@dataclass
class Says:
    """An agent that answers what it was told to: utilities in millionths, a refusal, or an exception; after so many seconds."""

    name: str
    answer: dict[str, int] | str | Exception
    seconds: float = 0.0
    clock: Clock | None = None
    asked: list[Call] = field(default_factory=list)

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        self.asked.append(call)
        if self.clock is not None and self.seconds:
            await self.clock.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, str):
            return Refuse(self.answer)
        return Proposal(self.name, tuple(ActionUtility(action, one) for action, one in self.answer.items()), "says/1")


class Held:
    """A coordinator with its parts."""

    def __init__(
        self, clock: Clock, transport: Any, weights: KeptWeights, rows: Any, transcript: Transcript, seed: int, **settings: Any
    ) -> None:
        self.rows, self.weights, self.transport = rows, weights, transport
        self.coordinator = Coordinator(transport, weights, transcript, clock, random.Random(seed), **settings)


@asynccontextmanager
async def held(
    clock: Clock, *agents: Any, transport: Any = None, weights: KeptWeights | None = None, rows: Any = None, seed: int = 7, **settings: Any
):
    """A running coordinator with these agents, or with a transport of its own."""
    rows = rows or MemoryRows()
    transport = transport or InProcess(agents, RecordedViews(View(0)), clock)
    parts = Held(clock, transport, weights or KeptWeights(), rows, await Transcript.opened(rows), seed, **settings)
    async with parts.coordinator:
        yield parts


Story = Callable[[Clock], Awaitable[Any]]
