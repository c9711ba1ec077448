"""Which parts make an executor, in each mode. Nothing here decides anything: it chooses, connects, and says in which order.

`simulate` works on the hand-over alone and loads nothing of a chain. `paper` follows a chain and has no key. `live` also signs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.problems import BadInput, Problem
from executor.activation import Activation
from executor.agents.negotiations import Negotiations
from executor.agents.settings import AgentSettings, as_settings
from executor.arrivals import Arrivals
from executor.brakes import Notes, SwitchAndLimits, told_of_limits, told_of_switch
from executor.compliance.alerts import Alerting, Channel
from executor.compliance.in_force import put_in_force
from executor.desk import Desk, DeskSettings
from executor.engine import Parts, RunningExecutor
from executor.guards import Guards, KillSwitch, Limits, LimitsWatch
from executor.journal import Journal, open_store
from executor.offline import HandedOverPrices, HandedOverTokens, NoGas, NoNode, PoolRehearsal
from executor.orders import TERMINAL, Entry, OrderRequest, State
from executor.planner import Floor, SplitPlanner
from executor.ports import Chance, Clock, SystemClock, system_chance
from executor.service import ExecutorService, handed_over
from executor.telemetry import Telemetry
from executor.venue import every_venue

if TYPE_CHECKING:
    from executor.desk import Signing
    from executor.desk_file import DeskFile
    from executor.desk_sections import ComplianceSettings
    from executor.ledger.store import LedgerStore
    from executor.mirror import WatchedPool

JOURNAL = "journal.sqlite"
# Where nothing can be sent only the kill switch says no: what a plan would do is what somebody wants to see.
NO_LIMITS = Limits(max_slippage_bps=9_999, max_open_orders=10_000, max_rejects=1_000_000)


def simulation(
    folder: Path,
    *,
    agents: AgentSettings | Sequence[str] = (),
    compliance: ComplianceSettings | None = None,
    cash: frozenset[str] = frozenset(),
    channels: Sequence[Channel] = (),
    clock: Clock | None = None,
    chance: Chance | None = None,
) -> ExecutorService:
    """The executor on the hand-over of a folder, with its journal and kill switch beside it. Nothing can be sent.

    `agents` are those that `service.negotiations` asks. `compliance` says whose limits hold for clients, `cash` which tokens are
    dollars, `channels` where people are told of violations. Raises BadInput for an agent that there is none of, and for a file of
    `compliance` that does not pass.
    """
    clock, chance = clock or SystemClock(), chance or system_chance()
    telemetry, activation, notes = Telemetry(clock), Activation(folder), Notes()
    rules = put_in_force(compliance, cash)
    alerting = Alerting(channels, clock, chance, _counting(telemetry))
    switch = KillSwitch(folder, told_of_switch(notes, telemetry, clock))

    def floor() -> Floor:
        return handed_over(activation)

    def why_not() -> list[str]:
        try:
            floor()
        except Problem as problem:
            return [problem.message]
        return []

    def gas_per_leg(at: Floor, token: str) -> int:
        from executor.gas.legs import PER_LEG

        market = activation.current.history.at(at.as_of)
        price, bought = market.price_usd(token), at.book.token(token)
        return int(market.gas_usd(PER_LEG) / price * 10**bought.decimals) if price else 0

    def symbol_of(request: OrderRequest) -> str:
        return "/".join(floor().book.token(side).symbol for side in (request.sell, request.buy))

    def venues() -> dict[str, Any]:
        at = floor()
        standing: dict[str, Any] = dict.fromkeys(("block_number", "block_hash", "lag_blocks", "lag_seconds"))
        return _venues(at.chain_id, standing, [booked.venue or booked.protocol for booked in at.book], {})

    folder.mkdir(parents=True, exist_ok=True)
    guards = Guards(
        limits=lambda: NO_LIMITS,
        switch=switch,
        prices=HandedOverPrices(activation),
        tokens=HandedOverTokens(floor),
        newest=lambda: None,
        jurisdictions=rules.jurisdictions if rules else None,
    )

    def begins(desk: Desk, journal: Journal) -> None:
        notes.journal = journal
        alerting.begin(journal)
        guards.replay(journal.orders, clock.now())
        if rules:
            notes.note(rules.entry(clock.now()))

    parts = Parts(
        mode="simulate",
        chain_id=0,
        node=NoNode(),
        store=open_store(folder / JOURNAL),
        journal_name="simulate",
        planner=SplitPlanner(floor, gas_per_leg),
        rehearsal=PoolRehearsal(floor),
        gas=NoGas(),
        guards=guards,
        brakes=SwitchAndLimits(switch, None, clock),
        venues=venues,
        why_not=why_not,
        symbol_of=symbol_of,
        heard=alerting.heard,
        begins=begins,
        tasks={"the notes": notes.run, **alerting.tasks()},
        is_shared=True,
    )
    engine = RunningExecutor(parts, clock=clock, chance=chance, telemetry=telemetry)
    negotiations = _negotiations(folder, agents, activation, notes, clock, chance)
    return ExecutorService(
        folder,
        engine=engine,
        activation=activation,
        negotiations=negotiations,
        rules=rules,
        telemetry=telemetry,
        clock=clock,
        chance=chance,
    )


def on_chain(
    desk: DeskFile,
    folder: Path,
    *,
    signer: Signing | None = None,
    approve: Callable[[bytes], None] | None = None,
    agents: AgentSettings | None = None,
    channels: Sequence[Channel] = (),
    clock: Clock | None = None,
    chance: Chance | None = None,
) -> ExecutorService:
    """The executor on a chain, as its desk file says: `paper` without a signer, `live` with one.

    `agents` are asked instead of those that the desk file names; what they say is advice and sends nothing. `channels` are where
    people are told of violations.

    `approve` raises BadInput for a desk file that is not signed. Raises BadInput when mode and signer do not go together, or a setting
    is not possible. Nothing is asked of the chain before the service starts.
    """
    if (desk.mode == "live") != (signer is not None) or desk.mode == "simulate":
        raise BadInput(f"A desk in the mode {desk.mode} cannot be assembled like this; look at `mode` and the key.", field="mode")
    parts = _OnChain(desk, folder, signer, approve, channels, clock or SystemClock(), chance or system_chance())
    return parts.service(agents or desk.agents)


class _OnChain:
    """The parts of an executor on a chain while they are put together."""

    def __init__(
        self,
        desk: DeskFile,
        folder: Path,
        signer: Signing | None,
        approve: Callable[[bytes], None] | None,
        channels: Sequence[Channel],
        clock: Clock,
        chance: Chance,
    ) -> None:
        # What only a chain needs is loaded only for one: a start on the hand-over alone must stay quick.
        from executor.chain.node import HttpNode
        from executor.chain.subscription import WebSocketSubscription
        from executor.desk_file import read_desk_file
        from executor.following import MirrorFollower
        from executor.gas import Budget, GasDesk, GasSettings, LoggedAlerts
        from executor.ledger.store import LedgerStore
        from executor.listener import BlockReader, Heads, LogFilter
        from executor.mirror import Mirror
        from executor.pool_prices import PoolPrices
        from executor.pool_search import pools_of
        from executor.safety import STAND_IN, SafetySettings, SafetySimulation, TokenSlots
        from executor.streams import open_stream

        self.desk, self.folder, self.signer, self.clock, self.chance = desk, folder, signer, clock, chance
        self.telemetry, self.activation, self.notes = Telemetry(clock), Activation(folder), Notes()
        self.alerting = Alerting(channels, clock, chance, _counting(self.telemetry))
        self.node = HttpNode(desk.node.http)
        self.arrivals = Arrivals(clock)
        bell = self.arrivals.noting(WebSocketSubscription(desk.node.ws)) if desk.node.ws else None
        self.heads = Heads(clock, bell)
        self.reader = BlockReader(self.node, LogFilter(tuple(pool.address for pool in desk.pools)))
        self.stream = open_stream(desk.stream, clock)
        ledger_file = desk.ledger / "ledger.sqlite"
        ledger_file.parent.mkdir(parents=True, exist_ok=True)
        self.ledger: LedgerStore = LedgerStore(ledger_file, desk.chain_id)
        self.pools_known = asyncio.Event()
        self.following = MirrorFollower(
            desk.chain_id,
            self.node,
            self.reader,
            self.heads,
            Mirror(every_venue(), on_notice=lambda notice: self.telemetry.alerts.labels("venue_suspended").inc(notice.suspended)),
            lambda: pools_of(desk, self.node),
            clock,
            self.telemetry,
            finality_depth=desk.finality_depth,
            woken=self._woken,
            learnt=self._learnt,
            arrived=self.arrivals.note,
        )
        self.rules = put_in_force(desk.compliance, desk.dollars)
        self.prices = PoolPrices(self.following.floor, desk.dollars, desk.wrapped_native)
        self.switch = KillSwitch(desk.folder, told_of_switch(self.notes, self.telemetry, clock))
        self.watch = LimitsWatch(
            desk.path,
            desk.limits,
            lambda content: read_desk_file(content, desk.path).limits,
            approve=approve,
            heard=told_of_limits(self.notes, self.telemetry, clock),
            alert=lambda sentence: self.telemetry.alerts.labels("limits_file").inc(),
        )
        self.guards = Guards(
            limits=lambda: self.watch.limits,
            switch=self.switch,
            prices=self.prices,
            tokens=desk.tokens,
            newest=self.following.newest,
            wrapped_native=desk.wrapped_native,
            jurisdictions=self.rules.jurisdictions if self.rules else None,
        )
        self.gas = GasDesk(
            self.node,
            clock,
            GasSettings(
                within_blocks=desk.gas.blocks,
                probability=desk.gas.inclusion_probability,
                budgets={symbol: Budget(wei=wei) for symbol, wei in desk.gas.budgets.items()},
            ),
            LoggedAlerts(lambda name, facts: self.telemetry.alerts.labels(name).inc()),
            self.prices.native_usd,
        )
        slots = TokenSlots(self.node, desk.chain_id, desk.folder / "token_slots.json")
        settings = SafetySettings(max_block_age_seconds=float(desk.limits.max_state_age_seconds))
        self.rehearsal = SafetySimulation(self.node, clock, slots, settings, self.gas.fees)
        self.planner = SplitPlanner(self.following.floor, self._gas_per_leg, desk.routers, stand_in=STAND_IN)
        self.leg_wei = 0
        self.running_desk: Desk | None = None
        self.journal: Journal | None = None
        self.attributing: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def service(self, agents: AgentSettings | None = None) -> ExecutorService:
        """The service over all of it, with the agents that are asked."""
        desk = self.desk
        parts = Parts(
            mode=desk.mode,
            chain_id=desk.chain_id,
            node=self.node,
            store=open_store(desk.journal),
            journal_name=f"chain {desk.chain_id}",
            planner=self.planner,
            rehearsal=self.rehearsal,
            gas=self.gas,
            guards=self.guards,
            brakes=SwitchAndLimits(self.switch, self.watch, self.clock),
            venues=self._venues,
            why_not=self.following.reasons,
            symbol_of=desk.symbol_of,
            signer=self.signer,
            settings=DeskSettings(finality_depth=desk.finality_depth, max_plan_age_blocks=desk.limits.max_plan_age_blocks),
            measure=self.following.measure,
            heard=self._heard,
            begins=self._begins,
            tasks=self._tasks(),
            closing=(self._close_ledger, self.node.close),
        )
        engine = RunningExecutor(parts, clock=self.clock, chance=self.chance, telemetry=self.telemetry)
        return ExecutorService(
            self.folder,
            engine=engine,
            activation=self.activation,
            negotiations=_negotiations(self.folder, agents, self.activation, self.notes, self.clock, self.chance),
            rules=self.rules,
            telemetry=self.telemetry,
            clock=self.clock,
            chance=self.chance,
        )

    # --- tasks

    def _tasks(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        from executor.dagster_report import DagsterReport
        from executor.ledger.lake_segments import LakeSegments
        from executor.ledger.writer import LedgerWriter

        report = DagsterReport(self.desk.dagster_url, self.clock) if self.desk.dagster_url else None
        lake = LakeSegments(str(self.desk.lake), self.ledger, self.clock, told=report.tell if report else None)
        writer = LedgerWriter(self.stream, self.ledger, self.clock, written=lambda applied: self._written())
        tasks: dict[str, Callable[[], Awaitable[None]]] = {
            "the bell": self._ring,
            "the mirror": self.following.run,
            "the comparison of the mirror": self.following.compare,
            "the look at the node": self.following.ask_head,
            "the price of gas": self._follow_gas,
            "the limits": lambda: self.watch.run(self.clock),
            "the notes": self.notes.run,
            "the listener": self._listen,
            "the ledger": writer.run,
            "the ledger's order ids": self._attribute,
            "the lake": lake.run,
        }
        return tasks | self.alerting.tasks() | ({"the report to Dagster": report.run} if report else {})

    async def _ring(self) -> None:
        await self.heads.run()
        await asyncio.Event().wait()  # without a subscription there is nothing to hold, and others poll

    async def _listen(self) -> None:
        """Tell the stream every block from where the ledger stands; a new ledger begins at the chain's newest block."""
        from executor.listener import Listener

        await self.pools_known.wait()
        since = self.desk.discover_from_block or 0
        if self.desk.discover_from_block is None and not self.ledger.known_blocks():
            since = (await self.reader.head()).number
        listener = Listener(
            self.reader,
            self.heads,
            self.stream,
            self.ledger,
            self.clock,
            self.desk.chain_id,
            start_block=since,
            finality_depth=self.desk.finality_depth,
        )
        await listener.run()

    async def _follow_gas(self) -> None:
        """Keep what gas costs at hand: a route is weighed with it before anybody has time to ask."""
        from executor.gas.legs import PER_LEG

        while True:
            bell = self.heads.bell()
            fees = await self.gas.fees()
            self.leg_wei = PER_LEG * (fees.base_fee + fees.max_priority_fee_per_gas)
            await self.heads.wait(bell)

    async def _attribute(self) -> None:
        while True:
            tx_hash, order_id = await self.attributing.get()
            await asyncio.to_thread(self.ledger.attribute, tx_hash, order_id)

    # --- what happens

    def _begins(self, desk: Desk, journal: Journal) -> None:
        self.running_desk, self.journal, self.notes.journal = desk, journal, journal
        self.alerting.begin(journal)
        self.guards.replay(journal.orders, self.clock.now())
        if self.rules:
            self.notes.note(self.rules.entry(self.clock.now()))
        for order in journal.orders.unfinished():
            for attempt in order.attempts:
                self.attributing.put_nowait((attempt.tx_hash, order.order_id))

    def _heard(self, entry: Entry) -> None:
        self.alerting.heard(entry)
        if entry.order_id is None or self.journal is None:
            return
        if entry.kind == State.SIGNED:
            self.attributing.put_nowait((str(entry.facts["tx_hash"]), entry.order_id))
        if entry.kind in TERMINAL:
            self.guards.watch(self.journal.orders[entry.order_id], self.journal.orders, self.clock.now())

    def _woken(self) -> None:
        if self.running_desk is not None:
            self.running_desk.wake()

    def _learnt(self, pools: Sequence[WatchedPool]) -> None:
        from executor.ledger.rows import PoolFacts

        venues = every_venue()
        facts = [PoolFacts(pool.address, venues[pool.venue], pool.token0.address, pool.token1.address, pool.fee_pips) for pool in pools]
        self.ledger.learn(facts)
        self.reader.widen(pool.address for pool in pools)
        self.pools_known.set()

    def _written(self) -> None:
        seconds = self.arrivals.age(self.ledger.tip_hash)
        if seconds is not None:
            self.telemetry.ledger_lag.observe(seconds)

    # --- what is told

    def _gas_per_leg(self, floor: Floor, token: str) -> int:
        return self.prices.from_native(self.leg_wei, token)

    def _venues(self) -> dict[str, Any]:
        mirror = self.following.mirror
        of_pools = [pool.venue for pool in mirror.watched]
        return _venues(self.desk.chain_id, self.following.document(), [*of_pools, *self.desk.deployments], mirror.suspended, of_pools)

    async def _close_ledger(self) -> None:
        await asyncio.to_thread(self.ledger.close)


def _counting(telemetry: Telemetry) -> Callable[[str], None]:
    """Counts alerts that a channel did not take, by channel."""
    return lambda channel: telemetry.alerts.labels(f"not_taken_by_{channel}").inc()


def _negotiations(
    folder: Path, agents: AgentSettings | Sequence[str] | None, activation: Activation, notes: Notes, clock: Clock, chance: Chance
) -> Negotiations | None:
    """The agents that are named, over the market of the hand-over in force; None where none are."""
    settings = as_settings(agents)
    if settings is None:
        return None
    from executor.agents.advice import advised
    from executor.agents.handed_over import HandedOverViews

    return advised(folder, settings, lambda news: HandedOverViews(activation, news), lambda: notes.journal, clock, chance)


def _venues(
    chain_id: int, mirror: Mapping[str, Any], named: Sequence[str], suspended: Mapping[str, str], pools: Sequence[str] | None = None
) -> dict[str, Any]:
    known = every_venue()
    counted = named if pools is None else pools
    rows = []
    for name in sorted(set(named)):
        venue = known.get(name)
        rows.append(
            {
                "venue": name,
                "title": venue.title if venue else name,
                "shape": venue.shape if venue else "unknown",
                "pools": counted.count(name),
                "suspended": name in suspended,
                "reason": suspended.get(name),
            }
        )
    return {"chain_id": chain_id, "mirror": dict(mirror), "venues": rows}
