"""The lives of a real process: forked, with a real SQLite journal, a real node and a real key, killed with SIGKILL where it is told to.

What must outlive a kill (the time, the market, whether the client was told yes) lies in memory shared with the parent.
"""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
import signal
import sqlite3
import struct
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from domain.problems import Refused
from executor.chain.local.contracts import Contract
from executor.chain.node import Call, HttpNode, NodeRefused
from executor.desk import Desk, DeskSettings
from executor.journal import Journal, Sealed
from executor.journal.sqlite import SqliteStore
from executor.orders import Fees, Order, OrderRequest, Rehearsed, Routed
from executor.virtual.mortal import Life, MortalNode, MortalStore
from tests.executor.crash.keys import RealSigner
from tests.executor.crash.stories import STORIES, Hands

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
DEEPEST_REORG = 64
USUAL_REORG = 8
FEE, TIP = 10 * 10**9, 10**9
_BY_HASH = ("eth_getTransactionReceipt", "eth_getTransactionByHash")


class SharedFacts:
    """Numbers that the parent and all lives see."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 64)

    def _at(self, place: int) -> float:
        return struct.unpack_from("d", self._memory, 8 * place)[0]

    def _put(self, place: int, value: float) -> None:
        struct.pack_into("d", self._memory, 8 * place, value)

    seconds = property(lambda self: self._at(0), lambda self, value: self._put(0, value))
    market = property(lambda self: self._at(1), lambda self, value: self._put(1, value))  # how many times the usual fees
    acknowledged = property(lambda self: self._at(2), lambda self, value: self._put(2, value))


class SharedClock:
    """Time that passes when the story says so."""

    def __init__(self, facts: SharedFacts) -> None:
        self._facts = facts

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._facts.seconds)

    def monotonic(self) -> float:
        return self._facts.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class KilledLife(Life):
    """Ends for real."""

    async def pass_by(self, transition: str) -> None:
        self.passed.append(transition)
        if len(self.passed) == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


class FillingStore(MortalStore):
    """Its disk is full from the first commit on that is transition number `full_from` or later."""

    def __init__(self, store: SqliteStore, life: Life, full_from: int | None) -> None:
        super().__init__(store, life)
        self._sqlite, self._full_from, self._transitions = store, full_from, life.passed

    async def commit(self, rows: Sequence[Sealed]) -> None:
        if self._full_from is not None and len(self._transitions) + 1 >= self._full_from:
            self._full_from = None
            await self._sqlite._do(self._fill)
        await super().commit(rows)

    def _fill(self) -> None:
        assert self._sqlite._connection is not None
        self._sqlite._connection.execute("pragma max_page_count=1")  # SQLite takes it as: not one page more


@dataclass
class Faults:
    """What is wrong with the node in one life."""

    hides_receipts: bool = False
    receipts_late_by: int = 0
    old_counts: int = 0  # for so many answers


class FaultyNode:
    """The real node, with faults in front of it."""

    def __init__(self, node: HttpNode, faults: Faults) -> None:
        self._node = node
        self._faults = faults

    async def call(self, method: str, *params: Any) -> Any:
        answer = (await self.batch([(method, params)]))[0]
        if isinstance(answer, NodeRefused):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        *answers, newest = await self._node.batch([*calls, ("eth_blockNumber", ())])
        return [self._bent(method, answer, int(newest, 16)) for (method, _), answer in zip(calls, answers, strict=True)]

    def _bent(self, method: str, answer: Any, newest: int) -> Any:
        if method in _BY_HASH and isinstance(answer, dict) and answer.get("blockNumber") is not None:
            late = newest - int(answer["blockNumber"], 16) < self._faults.receipts_late_by
            return None if late or self._faults.hides_receipts else answer
        if method == "eth_getTransactionCount" and self._faults.old_counts > 0:
            self._faults.old_counts -= 1
            return hex(max(0, int(answer, 16) - 1))
        return answer


@dataclass
class World:
    """What all runs share: the node, and the token whose minting stands for a swap: it moves a token to the account and can't fail."""

    url: str
    chain_id: int
    token: str
    erc20: Contract

    def call_data(self, account: str, amount: int) -> str:
        """The call that stands for a swap of this order."""
        return "0x" + self.erc20.call_data("mint", account, amount).hex()


@dataclass
class Trade:
    """Planner, rehearsal, gas and guards of the story."""

    world: World
    facts: SharedFacts
    node: HttpNode
    says_no: bool = False

    async def plan(self, request: OrderRequest, account: str | None, deadline: int) -> Routed:
        data = self.world.call_data(str(account), request.amount_in)
        token, amount = self.world.token, request.amount_in
        newest = int(await self.node.call("eth_blockNumber"), 16)
        return Routed((), amount, amount, amount, 0.0, newest, "0x", token, token, data, deadline)

    async def rehearse(self, request: OrderRequest, routed: Routed, account: str | None) -> Rehearsed:
        fees = await self.fees()
        return Rehearsed(routed.amount_in, routed.amount_out, 60_000, 100_000, fees, 0, routed.block_number, "0x")

    async def fees(self) -> Fees:
        return Fees(int(FEE * self.facts.market), int(TIP * self.facts.market), 1, 0.99, 3)

    def check_budget(self, symbol: str, gas_limit: int, fees: Fees) -> None:
        """Gas may cost anything."""

    def check(self, stage: Any, order: Order, orders: Mapping[str, Order], now: datetime) -> None:
        if self.says_no and stage == "simulated":
            raise Refused("not today", rule="kill_switch")


@dataclass
class Job:
    """One life to live."""

    world: World
    facts: SharedFacts
    script: str
    key: bytes
    journal: Path
    request: OrderRequest
    faults: Faults
    dies_at: int | None = None
    full_from: int | None = None
    is_first: bool = True
    reorg_depth: int = 1
    final_depth: int = DEEPEST_REORG


async def live(job: Job) -> list[str]:
    """One life; returns the transitions it passed. It does not return from where it is killed."""
    life = KilledLife(job.dies_at)
    async with HttpNode(job.world.url) as node:
        store = FillingStore(SqliteStore(job.journal), life, job.full_from)
        clock = SharedClock(job.facts)
        trade = Trade(job.world, job.facts, node, says_no=job.script == "is_refused")
        desk = Desk(
            mode="live",
            chain_id=job.world.chain_id,
            clock=clock,
            chance=Random(1),
            node=MortalNode(FaultyNode(node, job.faults), life),
            journal=await Journal.open(store, clock),
            planner=trade,
            rehearsal=trade,
            gas=trade,
            guards=trade,
            signer=RealSigner(job.key),
            settings=DeskSettings(job.final_depth, stuck_after_seconds=30, resend_after_seconds=5, gap_after_seconds=30),
        )
        await desk.resume()
        hands = Hands(job, desk, node)
        if job.is_first:
            await STORIES[job.script](hands)
        if job.full_from is None:
            await hands.finish()
        await desk.close()
    return life.passed


def begin(job: Job) -> int:
    """Fork a process that lives this life; returns its id."""
    gc.freeze()  # what the parent holds is not looked through, and so not copied, in the child
    told = os.fork()
    if told:
        return told
    try:
        gc.disable()
        asyncio.run(live(job))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def small_pages(journal: Path) -> None:
    """A journal whose pages are so small that every commit needs a new one, so that a full disk is felt at once."""
    connection = sqlite3.connect(journal)
    connection.execute("pragma page_size=512")
    connection.execute("pragma journal_mode=wal")
    connection.execute("create table room (size integer)")
    connection.execute("drop table room")
    connection.close()


def again(job: Job, **changes: Any) -> Job:
    """The next life of the same process."""
    return replace(job, is_first=False, dies_at=None, full_from=None, **changes)
