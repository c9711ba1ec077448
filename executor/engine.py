"""The executor running: its parts started in order, kept running, and stopped in the opposite order with nothing half done.

First the journal is replayed, then what was signed is given to the node again, then everything that follows the chain begins.
`executor/assembly.py` chooses the parts.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.problems import JournalHeld, Problem, Unavailable
from executor.chain.node import Node
from executor.desk import Desk, DeskSettings, Gas, Guarding, Planner, Rehearsal, Signing
from executor.journal import Journal, Store
from executor.orders import Entry, Mode, OrderRequest
from executor.planner import SplitPlanner
from executor.ports import Chance, Clock
from executor.stopwatch import TimedGuards, TimedPlanner, TimedRehearsal, TimedSigner, TimedStore
from executor.supervision import Supervisor, Work
from executor.telemetry import Telemetry

LOG = logging.getLogger(__name__)


class Brakes(Protocol):
    """The kill switch and the limits."""

    def killed(self) -> dict[str, Any]: ...
    def trip(self, reason: str) -> dict[str, Any]: ...
    def release(self, code: str, reason: str) -> dict[str, Any]: ...
    def reload_limits(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Parts:
    """What an engine is made of. `journal_name` says what the journal is about.

    `why_not` tells what is missing before orders can be taken, `venues` the document of GET /venues, `measure` brings gauges up to date.
    `tasks` run in the background; `closing` is awaited at the end, in order. `heard` is told every entry beside the metrics.
    `is_shared` lets the engine start without a journal that another process holds: it quotes and takes no orders.
    """

    mode: Mode
    chain_id: int
    node: Node
    store: Store
    journal_name: str
    planner: SplitPlanner
    rehearsal: Rehearsal
    gas: Gas
    guards: Guarding
    brakes: Brakes
    venues: Callable[[], dict[str, Any]]
    why_not: Callable[[], list[str]]
    symbol_of: Callable[[OrderRequest], str]
    signer: Signing | None = None
    settings: DeskSettings | None = None
    measure: Callable[[], None] = lambda: None
    heard: Callable[[Entry], None] = lambda entry: None
    begins: Callable[[Desk, Journal], None] = lambda desk, journal: None
    tasks: Mapping[str, Work] = field(default_factory=dict)
    closing: Sequence[Callable[[], Awaitable[None]]] = ()
    is_shared: bool = False


class RunningExecutor:
    """One executor in one mode."""

    def __init__(self, parts: Parts, *, clock: Clock, chance: Chance, telemetry: Telemetry) -> None:
        self.mode: Mode = parts.mode
        self.planner = parts.planner
        self._parts, self._clock, self._chance, self._telemetry = parts, clock, chance, telemetry
        self._supervisor = Supervisor(clock, lambda name: telemetry.restarts.labels(name).inc())
        self._journal: Journal | None = None
        self._desk: Desk | None = None
        self._why_not_begun = "The journal is being replayed."
        self.heard: Callable[[Entry], None] = lambda entry: None  # is told every entry too, once it is durable

    # --- start and stop

    async def start(self) -> None:
        """Replay the journal, take up what was signed, follow the chain. Raises JournalHeld, Broken, BadInput, Unavailable."""
        parts = self._parts
        try:
            self._journal = await Journal.open(TimedStore(parts.store, self._telemetry), self._clock, name=parts.journal_name)
        except JournalHeld as problem:
            if not parts.is_shared:
                raise
            LOG.warning("no orders are taken: %s", problem.message)
            self._why_not_begun = problem.message
            return
        signer = TimedSigner(parts.signer, self._telemetry) if parts.signer else None
        desk = Desk(
            mode=parts.mode,
            chain_id=parts.chain_id,
            clock=self._clock,
            chance=self._chance,
            node=parts.node,
            journal=self._journal,
            planner=self._timed_planner(),
            rehearsal=TimedRehearsal(parts.rehearsal, self._telemetry),
            gas=parts.gas,
            guards=TimedGuards(parts.guards, self._telemetry),
            signer=signer,
            settings=parts.settings,
            symbol_of=parts.symbol_of,
            heard=self._heard,
        )
        parts.begins(desk, self._journal)
        await desk.resume()
        self._desk = desk
        for name, work in {"the desk": desk.run, **parts.tasks}.items():
            self._supervisor.start(name, work)

    async def stop(self) -> None:
        """End what follows the chain, finish what is on its way to the journal, and let go of everything."""
        await self._supervisor.stop()
        if self._desk is not None:
            await self._desk.close()
        self._desk, self._why_not_begun = None, "The executor is stopping."
        if self._journal is not None:
            await self._journal.close()
        for close in self._parts.closing:
            with suppress(Problem):
                await close()

    def _timed_planner(self) -> Planner:
        return TimedPlanner(self.planner, self._telemetry)

    def _heard(self, entry: Entry) -> None:
        self._telemetry.heard(entry)
        self._parts.heard(entry)
        self.heard(entry)

    # --- what the service asks

    @property
    def desk(self) -> Desk:
        """Raises Unavailable while there is none."""
        if self._desk is None:
            raise Unavailable(self._why_not_begun)
        return self._desk

    @property
    def records(self) -> Journal:
        """Raises Unavailable until the journal was replayed."""
        if self._journal is None:
            raise Unavailable(self._why_not_begun)
        return self._journal

    async def note(self, entry: Entry) -> None:
        """An entry that is about no order, into the journal. One that the journal does not take stays in the log alone."""
        try:
            await self.records.append(entry)
        except Problem as problem:
            LOG.warning("not in the journal (%s): %s %s", problem.message, entry.kind, dict(entry.facts))

    def reasons(self) -> list[str]:
        """Why orders are not taken at the moment."""
        begun = [self._why_not_begun] if self._desk is None else []
        return [*begun, *self._parts.why_not(), *self._supervisor.troubles()]

    def venues(self) -> dict[str, Any]:
        """Every venue, and how far the mirror is."""
        return self._parts.venues()

    def measure(self) -> None:
        """Brings the gauges up to date."""
        self._parts.measure()
        telemetry = self._telemetry
        telemetry.ready.set(not self.reasons())
        telemetry.killed.set(bool(self.killed()["tripped"]))
        telemetry.open.clear()
        if self._journal is not None:
            for order in self._journal.orders.unfinished():
                telemetry.open.labels(str(order.state)).inc()

    def killed(self) -> dict[str, Any]:
        """The kill switch."""
        return self._parts.brakes.killed()

    def trip(self, reason: str) -> dict[str, Any]:
        """Stops everything new."""
        return self._parts.brakes.trip(reason)

    def release(self, code: str, reason: str) -> dict[str, Any]:
        """Lets go again."""
        return self._parts.brakes.release(code, reason)

    def reload_limits(self) -> dict[str, Any]:
        """Loads the limits again; raises BadInput and keeps those in force when they do not pass."""
        return self._parts.brakes.reload_limits()
