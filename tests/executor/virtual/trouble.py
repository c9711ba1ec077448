"""A stretch of trouble from a seed: a desk that dies and starts again, on a lying node, over a chain that reorganises, with a full disk.

First everything goes wrong that can, for a while; then it stops going wrong, and whatever was accepted must have come to its end, the
one that the chain tells. `python -m tests.executor.virtual.trouble 4711` tells the story of one seed.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from domain.problems import Problem, Refused, Unavailable
from executor.desk import Desk, DeskSettings
from executor.journal import Journal, MemoryStore
from executor.orders import Order, State
from executor.virtual.chain import GWEI, SimulatedChain
from executor.virtual.loop import VirtualClock, run_virtually
from executor.virtual.lying_node import Lies, LyingNode
from executor.virtual.mortal import Life, MortalNode, MortalStore
from executor.virtual.transactions import CheapSigner
from tests.executor.desk.stand_ins import ACCOUNT, Believes, MarketGas, OneSwap, SaysNo, request

BLOCK_SECONDS = 12
TROUBLE_SECONDS = 500
# After the trouble everything must end within the last deadline, a cancellation, gaps being filled, and finality.
CALM_BLOCKS = 150

DeskKind = Callable[..., Desk]


@dataclass
class Told:
    """What a seed led to."""

    seed: int
    head: str = ""
    orders: dict[str, Order] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    lives: int = 0
    reorgs: int = 0
    transitions: set[str] = field(default_factory=set)


class _Errors(logging.Handler):
    """Keeps what was logged as an error."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        problem = record.exc_info[1] if record.exc_info else None
        self._faults.append(f"{record.getMessage()}: {type(problem).__name__} {problem}")


class Trouble:
    """One seed's world. `kind` is the desk under test, `signer` whatever signs for ACCOUNT's place."""

    def __init__(self, seed: int, clock: VirtualClock, kind: DeskKind = Desk, signer: Any = None) -> None:
        self.chance = Random(seed)
        self.clock = clock
        self.kind = kind
        self.signer = signer or CheapSigner(ACCOUNT)
        self.account = self.signer.address.lower()
        depth = self.chance.choice([6, 6, 6, 6, 6, 12, 12, 64])
        self.chain = SimulatedChain(Random(self.chance.random()), lambda: int(clock.now().timestamp()), final_depth=depth)
        self.store = MemoryStore(clock, latency_seconds=0.005)
        self.node = LyingNode(self.chain, clock, Random(self.chance.random()), self._lies())
        self.told = Told(seed)
        self.calm = False
        self.lives: list[Life] = []  # also the dead: what they were doing hangs on them, and is never heard of again
        self.desk: Desk | None = None
        self.asked: dict[str, int] = {}
        self.acknowledged: set[str] = set()
        tagged = self.chance.random() < 0.5
        self.settings = DeskSettings(
            None if tagged else depth, look_every_seconds=15.0, resend_after_seconds=12.0, stuck_after_seconds=30.0, gap_after_seconds=36.0
        )

    def _lies(self) -> Lies:
        draw = self.chance.choice
        return Lies(
            latency_seconds=draw([0.001, 0.2]),
            silence=draw([0.0, 0.05]),
            lag=draw([0.0, 0.2]),
            other_branch=draw([0.0, 0.1]),
            old_counts=draw([0.0, 0.2]),
            no_receipts=draw([0.0, 0.0, 0.5, 1.0]),
            late_receipts=draw([0, 0, 3]),
            no_logs=draw([0.0, 0.3]),
            swallows=draw([0.0, 0.2]),
            complains=draw([0.0, 0.2]),
        )

    async def go(self) -> Told:
        """The whole story; what went wrong stands in `faults`, also what the desk logged as an error of its own."""
        errors = _Errors(self.told.faults)
        logging.getLogger("executor.desk").addHandler(errors)
        try:
            return await self._go()
        finally:
            logging.getLogger("executor.desk").removeHandler(errors)

    async def _go(self) -> Told:
        tasks = [asyncio.create_task(one) for one in (self._process(), self._trade(), self._foreigner(), self._disk())]
        await self._blocks()
        for task in tasks:
            if task.done() and not task.cancelled() and (problem := task.exception()) is not None:
                raise problem
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._judge()
        return self.told

    async def _blocks(self) -> None:
        """The chain: a block every twelve seconds, fees that wander and jump, and branches that lose."""
        unlucky = self.chance.choice([0.0, 0.3])
        prone = self.chance.choice([0.0, 0.05, 0.15])
        while self.clock.monotonic() < TROUBLE_SECONDS:
            await self.clock.sleep(BLOCK_SECONDS)
            self.chain.base_fee = max(GWEI, int(self.chain.base_fee * self.chance.choice([0.6, 0.9, 1.0, 1.1, 1.125, 1.5])))
            if self.chance.random() < 0.03:
                self.chain.base_fee *= 8
            if self.chance.random() < prone:
                self.chain.reorg(self.chance.choice([1, 1, 2, 3, self.chain.final_depth]))
                self.told.reorgs += 1
            else:
                self.chain.mine(ignored=unlucky)
            self._wake()
        self.calm = True
        hidden = self.node.lies.no_receipts
        self.node.lies = Lies(latency_seconds=0.001, no_receipts=hidden)
        self.chain.base_fee = GWEI
        for _ in range(CALM_BLOCKS):
            await self.clock.sleep(BLOCK_SECONDS)
            self.chain.mine()
            self._wake()
            if self._all_ended():
                return

    def _wake(self) -> None:
        if self.desk is not None:
            self.desk.wake()

    def _all_ended(self) -> bool:
        if self.desk is None or len(self.acknowledged) < len(self.asked):
            return False
        return not self.desk._pen.journal.orders.unfinished()

    async def _process(self) -> None:
        """Lives of the process, each ending at a transition drawn from the seed, until it is calm."""
        while True:
            dies_at = None if self.calm else self.chance.choice([None, 1, 2, 3, 4, 5, 6, 8, 10, 14, 20])
            life = Life(dies_at)
            self.lives.append(life)
            running = asyncio.create_task(self._live(life))
            over = asyncio.create_task(life.is_over.wait())
            await asyncio.wait([running, over], return_when=asyncio.FIRST_COMPLETED)
            self.desk = None
            life.is_over.set()
            running.cancel()
            over.cancel()
            await asyncio.gather(running, over, return_exceptions=True)
            await self.clock.sleep(self.chance.choice([0.1, 1.0, 20.0]))

    async def _live(self, life: Life) -> None:
        gas = MarketGas(self.chain)
        journal = await Journal.open(MortalStore(self.store, life), self.clock)
        desk = self.kind(
            mode="live",
            chain_id=self.chain.chain_id,
            clock=self.clock,
            chance=Random(self.chance.random()),
            node=MortalNode(self.node, life),
            journal=journal,
            planner=OneSwap(self.chain),
            rehearsal=Believes(gas),
            gas=gas,
            guards=SaysNo(),
            signer=self.signer,
            settings=self.settings,
        )
        await desk.resume()
        self.desk = desk
        await desk.run()

    async def _trade(self) -> None:
        """A client that submits until it is told yes, asks again now and then, and changes its mind."""
        for number in range(self.chance.randint(2, 5)):
            await self.clock.sleep(self.chance.uniform(0, 60))
            order_id = f"{self.told.seed}-{number}"
            self.asked[order_id] = 1_000 + number
            wanted = request(order_id, 1_000 + number, valid_for=self.chance.choice([20, 60, 120, 300]))
            asyncio.create_task(self._insist(wanted))  # noqa: RUF006 - the loop ends with the story

    async def _insist(self, wanted: Any) -> None:
        while True:
            desk = self.desk
            if desk is not None:
                with suppress(Unavailable, TimeoutError):
                    async with asyncio.timeout(30):
                        await desk.submit(wanted)
                    self.acknowledged.add(wanted.client_order_id)
                    break
            await self.clock.sleep(self.chance.choice([1, 5, 15]))
        await self.clock.sleep(self.chance.uniform(0, 100))
        desk = self.desk
        what = self.chance.choice(["nothing", "nothing", "again", "cancel", "cancel"])
        if desk is not None and what != "nothing":
            with suppress(Problem, TimeoutError):
                async with asyncio.timeout(30):
                    await (desk.cancel(wanted.client_order_id) if what == "cancel" else desk.submit(wanted))

    async def _foreigner(self) -> None:
        """Somebody else with the same key: before us, in our place, or with a nonce further on."""
        if self.chance.random() < 0.6:
            return
        signer = self.signer
        while not self.calm:
            await self.clock.sleep(self.chance.uniform(30, 300))
            count = self.chain.count(self.account)
            nonce = self.chance.choice([count, count, count + 1])
            fee = self.chain.base_fee * self.chance.choice([2, 6])
            with suppress(Refused):
                self.chain.send(
                    signer.sign(
                        {
                            "type": 2,
                            "chainId": self.chain.chain_id,
                            "nonce": nonce,
                            "to": ACCOUNT,
                            "data": "0x",
                            "value": 0,
                            "gas": 21_000,
                            "maxFeePerGas": fee,
                            "maxPriorityFeePerGas": fee // 2,
                        }
                    )[0]
                )

    async def _disk(self) -> None:
        """A disk that is full for a while, or writes and does not say so."""
        if self.chance.random() < 0.5:
            return
        while not self.calm:
            await self.clock.sleep(self.chance.uniform(5, 200))
            name = self.chance.choice(["full", "forgets_to_answer"])
            setattr(self.store, name, True)
            await self.clock.sleep(self.chance.choice([0.01, 5, 40]))
            setattr(self.store, name, False)
        self.store.full = self.store.forgets_to_answer = False

    async def _judge(self) -> None:
        """Nothing lost, nothing doubled, nothing wrongly ended."""
        self.store.full = self.store.forgets_to_answer = False
        journal = await Journal.open(self.store, self.clock)
        self.told.head = journal.head[1]
        self.told.orders = dict(journal.orders)
        self.told.lives = len(self.lives)
        self.told.transitions.update(*(life.passed for life in self.lives))
        faults = self.told.faults
        for order_id in self.asked.keys() - self.acknowledged:
            faults.append(f"{order_id} was never acknowledged")
        for order_id in self.acknowledged - journal.orders.keys():
            faults.append(f"{order_id} was acknowledged and is not in the journal")
        faults += [fault for order in journal.orders.values() for fault in faults_of(order, self.chain)]


def faults_of(order: Order, chain: SimulatedChain) -> list[str]:
    """What the journal says of an order against what the chain knows."""
    swaps = chain.swaps_of(order.order_id)
    faults = []
    if swaps > 1:
        faults.append(f"{order.order_id} swapped {swaps} times")
    if not order.is_terminal:
        return [*faults, f"{order.order_id} is lost: {order.state} with {len(order.attempts)} attempts"]
    ended = order.state is State.FINAL and order.outcome is not None and order.outcome.status == 1
    if ended != (swaps == 1):
        faults.append(f"{order.order_id} ended {order.state} and swapped {swaps} times")
    if order.nonce is None:
        return faults
    consumer = chain.consumer(str(order.account), order.nonce)
    ours = {one.tx_hash: one.purpose for one in order.attempts}
    true_end = None if consumer is None else {"swap": State.FINAL, "cancel": State.ABANDONED, None: State.REPLACED}[ours.get(consumer.hash)]
    if order.state is not true_end or order.outcome is None or consumer is None or order.outcome.tx_hash != consumer.hash:
        faults.append(f"{order.order_id} ended {order.state} and its nonce {order.nonce} was used by {consumer}")
    elif ended and (order.outcome.amount_in, order.outcome.amount_out) != (order.request.amount_in, 2 * order.request.amount_in):
        faults.append(f"{order.order_id} booked {order.outcome.amount_in} for {order.outcome.amount_out}")
    return faults


def trouble(seed: int, kind: DeskKind = Desk, signer: Any = None) -> Told:
    """The story of one seed."""
    return run_virtually(lambda clock: Trouble(seed, clock, kind, signer).go())


def main() -> None:
    """Tell the story of the seeds given."""
    for seed in map(int, sys.argv[1:]):
        stories: list[Trouble] = []

        async def story(clock: VirtualClock, seed: int = seed, stories: list[Trouble] = stories) -> Told:
            stories.append(Trouble(seed, clock))
            return await stories[0].go()

        told = run_virtually(story)
        for row in stories[0].store.rows:
            facts = {name: fact for name, fact in row.entry.facts.items() if name not in ("raw", "call_data", "legs", "request")}
            print(f"{row.entry.at:%H:%M:%S.%f} {row.entry.order_id or '-':>10} {row.entry.kind:<14} {facts}"[:240])
        print(f"seed {seed}: {told.lives} lives, {told.reorgs} reorgs, journal {told.head[:16]}, faults: {told.faults or 'none'}")


if __name__ == "__main__":
    main()
