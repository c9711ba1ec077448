"""A desk on an honest simulated chain, in virtual time, for one test."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from executor.desk import Desk, DeskSettings
from executor.journal import Journal, MemoryStore
from executor.orders import Entry, Mode
from executor.virtual.chain import SimulatedChain
from executor.virtual.loop import VirtualClock, run_virtually
from executor.virtual.lying_node import Lies, LyingNode
from executor.virtual.transactions import CheapSigner
from tests.executor.desk.stand_ins import ACCOUNT, Believes, MarketGas, OneSwap, SaysNo

T = TypeVar("T")


@dataclass
class Floor:
    """The desk and everything round it, all of which a test may bend."""

    clock: VirtualClock
    mode: Mode = "live"
    settings: DeskSettings = field(default_factory=lambda: DeskSettings(6))
    store: MemoryStore = field(default_factory=MemoryStore)
    lies: Lies = field(default_factory=Lies)
    heard: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chain = SimulatedChain(Random(1), lambda: int(self.clock.now().timestamp()), final_depth=6)
        self.node = LyingNode(self.chain, self.clock, Random(2), self.lies)
        self.planner = OneSwap(self.chain)
        self.gas = MarketGas(self.chain)
        self.rehearsal = Believes(self.gas)
        self.guards = SaysNo()
        self.signer = CheapSigner(ACCOUNT)

    async def open(self, **changes: Any) -> Desk:
        """A desk over the journal, as a start of the process makes one."""
        self.journal = await Journal.open(self.store, self.clock)
        parts = {
            "mode": self.mode,
            "chain_id": self.chain.chain_id,
            "clock": self.clock,
            "chance": Random(3),
            "node": self.node,
            "journal": self.journal,
            "planner": self.planner,
            "rehearsal": self.rehearsal,
            "gas": self.gas,
            "guards": self.guards,
            "signer": self.signer if self.mode == "live" else None,
            "settings": self.settings,
            "heard": self.heard.append,
        }
        return Desk(**{**parts, **changes})

    def kinds(self, order_id: str = "one") -> list[str]:
        """What happened to the order, in order."""
        return [row.entry.kind for row in self.journal.entries(order_id)]

    async def blocks(self, count: int, desk: Desk | None = None) -> None:
        """So many blocks, each looked at when a desk is given."""
        for _ in range(count):
            await self.clock.sleep(12)
            self.chain.mine()
            if desk is not None:
                await desk.look()


def on_a_floor(story: Callable[[Floor], Coroutine[Any, Any, T]], **parts: Any) -> T:
    """Run a story on a floor of its own."""

    async def told(clock: VirtualClock) -> T:
        return await story(Floor(clock, **parts))

    return run_virtually(told)
