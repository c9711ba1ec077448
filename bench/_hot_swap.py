"""A client that sends orders to an executor, changes its models and kills it, and then reads the log as a stranger would.

`bench.hot_swap` prints what it finds; a small run of it is a test.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assets.learning.shelf import place
from bench._hot_swap_child import digest_of, table
from executor.activation import placed
from executor.decision_log import FILE, read_decisions
from models.bundle import Bundle, Origin, write_bundle
from models.policies import quote_offset
from models.policies.quote_offset import QuoteOffset
from tests.executor.trading_floor import champion, hand_over

BATCH, BATCHES_AT_ONCE, AHEAD = 250, 4, 3
NAME = "execution"


@dataclass
class Plan:
    """How much is done, from a seed."""

    orders: int
    activations: int
    kills: int
    models: int = 6
    seed: int = 7


@dataclass
class Seen:
    """What the client saw: times in seconds."""

    sent_at: dict[int, float] = field(default_factory=dict)  # generation → when its activation was asked for
    last_told: dict[int, float] = field(default_factory=dict)  # generation → when a new order was last told to be decided by it
    pauses: list[float] = field(default_factory=list)
    drains: list[float] = field(default_factory=list)
    rollbacks: list[float] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    activations: int = 0
    duplicates: int = 0
    refused: int = 0
    resent: int = 0
    kills: int = 0
    seconds: float = 0.0

    def until_all_new(self) -> list[float]:
        """For each activation: from the request until the last answer to a new order that was decided by models before it."""
        generations = sorted(self.last_told)
        latest: dict[int, float] = {}
        newest = 0.0
        for generation in generations:
            newest = max(newest, self.last_told[generation])
            latest[generation] = newest
        found = []
        for generation, sent in self.sent_at.items():
            older = [one for one in generations if one < generation]
            found.append(max(latest[older[-1]] - sent, 0.0) if older else 0.0)
        return found


@dataclass
class Verdict:
    """What the log says."""

    decisions: int = 0
    lost: int = 0
    doubled: int = 0
    misbucketed: int = 0
    wrong_model: int = 0
    out_of_force: int = 0
    changed: int = 0
    broken_hashes: int = 0
    lost_activations: int = 0
    generations: int = 0
    challengers: int = 0
    shadows: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled or answered by the wrong model."""
        wrong = (self.lost, self.doubled, self.misbucketed, self.wrong_model, self.out_of_force, self.changed)
        return not any((*wrong, self.broken_hashes, self.lost_activations))


def prepare(folder: Path, under: Path, models: int) -> list[tuple[QuoteOffset, Bundle]]:
    """A hand-over with the rule "now", and this many trained models on the shelf as versions 1, 2, …"""
    hand_over(folder, champion(under))
    rows = table()
    trained = []
    for seed in range(1, models + 1):
        lessons = np.random.default_rng(seed).normal(0, 10, len(rows)) + rows[:, seed]
        policy = QuoteOffset(quote_offset.fit(rows, lessons, seed), margin_bps=1.0)
        origin = Origin(quote_offset.NAME, seed, None, None, len(rows), "0" * 64, "0" * 64)
        bundle = write_bundle(under, policy.export(), rows[:256], policy.savings(rows[:256]), 60, origin)
        place(folder, NAME, seed, bundle.folder)
        trained.append((policy, bundle))
    return trained


class Client:
    """Sends every order until it is acknowledged, and activates, rolls back and kills as planned."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan, self.seen = folder, plan, Seen()
        self.digests = array("Q", bytes(8 * plan.orders))
        self.acknowledged = 0
        self._chance = random.Random(plan.seed)
        self._every = plan.orders / (plan.activations + 1)
        self._ids = itertools.count()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._child: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def run(self) -> Seen:
        """Everything that was planned."""
        begun = time.monotonic()
        await self._start()
        firsts = iter(range(0, self.plan.orders, BATCH))
        try:
            senders = [asyncio.create_task(self._send(firsts)) for _ in range(BATCHES_AT_ONCE)]
            others = [asyncio.create_task(self._activate()), asyncio.create_task(self._kill())]
            await asyncio.gather(*senders, *others)
        finally:
            await self._end(signal.SIGTERM)
        self.seen.seconds = time.monotonic() - begun
        return self.seen

    # --- orders

    async def _send(self, firsts: Any) -> None:
        for first in firsts:
            # Not further than a few activations ahead: every one of them must happen among orders.
            while first > self._every * (self.seen.activations + AHEAD):
                await asyncio.sleep(0.001)
            count, is_first = min(BATCH, self.plan.orders - first), True
            while (told := await self._ask(orders=[first, count])) is None:
                self.seen.resent += count
                is_first = False
            if "problem" in told:
                raise AssertionError(told)
            for number, digest in enumerate(told["digests"], first):
                self.digests[number] = int(digest, 16)
            self.acknowledged += count
            if is_first:
                self.seen.last_told[told["generation"]] = time.monotonic()

    # --- models

    async def _activate(self) -> None:
        """Activations spread over the orders: whole, by share and in the shadow; now and then twice, now and then back again."""
        while self.seen.activations < self.plan.activations:
            while self.acknowledged < self._every * (self.seen.activations + 1) and self.acknowledged < self.plan.orders:
                await asyncio.sleep(0.001)
            wish = {"name": NAME, "version": self._chance.randint(1, self.plan.models)}
            wish |= self._chance.choice([{}, {}, {"share_percent": 50}, {"share_percent": 10}, {"share_percent": 0.5}, {"shadow": True}])
            await self._up.wait()
            sent = time.monotonic()
            first = self._ask(activate=wish)
            twice = self._chance.random() < 0.1
            answers = [one for one in await asyncio.gather(first, *([self._ask(activate=wish)] if twice else [])) if one]
            for told in answers:
                self._activated(told, sent)
            if len(answers) == 2:
                same = answers[0].get("operation", {}).get("operation_id") == answers[1].get("operation", {}).get("operation_id")
                assert same, answers
            if self._chance.random() < 0.05:
                told = await self._ask(rollback="the bench looks back")
                if told and "seconds" in told:
                    self.seen.rollbacks.append(told["seconds"])

    def _activated(self, told: dict[str, Any], sent: float) -> None:
        if "problem" in told:
            self.seen.refused += 1
            return
        operation = told["operation"]
        if not told["is_new"]:
            self.seen.duplicates += 1
        elif operation["state"] == "DONE":
            self.seen.activations += 1
            self.seen.sent_at[operation["generation"]] = sent
            self.seen.pauses.append(operation["seconds"]["pause"])
            self.seen.drains.append(operation["seconds"]["draining"])
            self.seen.done.add(operation["operation_id"])

    # --- kills

    async def _kill(self) -> None:
        """kill -9 with orders on their way, at moments nobody chose."""
        moments = sorted(self._chance.uniform(0.02, 0.98) * self.plan.orders for _ in range(self.plan.kills))
        for moment in moments:
            while self.acknowledged < moment:
                await asyncio.sleep(self._chance.uniform(0.0005, 0.003))
            await self._end(signal.SIGKILL)
            begun = time.monotonic()
            await self._start()
            self.seen.restarts.append(time.monotonic() - begun)
            self.seen.kills += 1

    # --- the child

    async def _start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench._hot_swap_child",
            str(self.folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        assert self._child.stdout is not None
        first = await self._child.stdout.readline()
        if not first:
            raise AssertionError("the executor did not start")
        self._reading = asyncio.create_task(self._read(self._child.stdout))
        self._up.set()

    async def _read(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            if not line.endswith(b"\n"):
                break  # cut off by the kill
            told = json.loads(line)
            if (future := self._asked.pop(told["id"], None)) and not future.done():
                future.set_result(told)

    async def _end(self, how: signal.Signals) -> None:
        """Ends our own child, and leaves those who wait for it without an answer."""
        child, self._child = self._child, None
        self._up.clear()
        if child is not None and child.returncode is None:
            os.kill(child.pid, how)
            await child.wait()
        if self._reading is not None:
            await self._reading
        left, self._asked = self._asked, {}
        for future in left.values():
            future.cancel()

    async def _ask(self, **what: Any) -> dict[str, Any] | None:
        """The answer, or None when the executor was killed before it gave one."""
        await self._up.wait()
        assert self._child is not None and self._child.stdin is not None
        number = next(self._ids)
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        with suppress(ConnectionError):
            self._child.stdin.write(json.dumps({"id": number, **what}).encode() + b"\n")
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled():
                raise
            return None


def judge(folder: Path, plan: Plan, digests: Sequence[int], done: set[str]) -> Verdict:
    """Reads the log from its first row and computes every bucket, arm and model again."""
    verdict = Verdict()
    seen = bytearray(plan.orders)
    in_force: dict[int, dict[str, Any]] = {}
    previous, newest, drained = "0" * 64, 0, 0
    activated: set[str] = set()
    for row in read_decisions(folder / FILE):
        verdict.broken_hashes += not row.is_intact or row.previous != previous
        previous = row.hash
        entry = row.entry
        facts = entry.facts
        if entry.kind in ("model_activated", "model_rolled_back"):
            verdict.generations += 1
            verdict.out_of_force += facts["generation"] != newest + 1
            newest = facts["generation"]
            in_force[newest] = dict(facts)
            activated.add(facts["operation_id"])
        elif entry.kind == "model_drained":
            drained = facts["generation"]
        elif entry.order_id is not None:
            number = int(entry.order_id.removeprefix("order-"))
            verdict.decisions += 1
            verdict.doubled += seen[number]
            seen[number] = 1
            verdict.changed += bool(digests[number]) and int(digest_of(row.text), 16) != digests[number]
            deployment = in_force.get(facts["generation"])
            # Once the log says that the models before are drained, none of them decides any more.
            if deployment is None or facts["generation"] < drained:
                verdict.out_of_force += 1
                continue
            place_ = placed(entry.order_id, deployment["salt"], deployment["share_bp"])
            verdict.misbucketed += (facts["bucket"], facts["arm"], facts["experiment"]) != (*place_, deployment["salt"])
            deciding, other = deployment["champion"], deployment["challenger"]
            if place_.arm == "challenger":
                deciding, other = other, deciding
                verdict.challengers += 1
            verdict.shadows += facts["shadow"] is not None
            verdict.wrong_model += (facts["model"], facts["model_version"]) != (deciding["name"], deciding["version"])
            shadowed = facts["shadow"] and (facts["shadow"]["model"], facts["shadow"]["model_version"])
            verdict.wrong_model += shadowed != (other and (other["name"], other["version"]))
    verdict.lost = plan.orders - sum(seen)
    verdict.lost_activations = len(done - activated)
    return verdict
