"""How the tests ask the API: one request, or many to one running application, as somebody with a role or nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from domain.problems import BadInput, Refused
from executor.activation import Activation
from executor.agents.advice import advised
from executor.agents.handed_over import HandedOverViews
from executor.agents.settings import AgentSettings
from executor.api import Role, Tokens, create_app
from executor.engine import Parts, RunningExecutor
from executor.journal import Journal, MemoryStore
from executor.offline import NoGas, NoNode, PoolRehearsal
from executor.orders import Order
from executor.planner import SplitPlanner
from executor.ports import Chance, SystemClock
from executor.service import ExecutorService, handed_over
from executor.telemetry import Telemetry
from tests.executor.trading_floor import WEI

BY_ROLE = {Role.VIEWER: "v" * 20, Role.TRADER: "t" * 20, Role.COMPLIANCE: "c" * 20, Role.ADMIN: "a" * 20}
TOKENS = Tokens(BY_ROLE)
ORDER = {"sell": "WETH", "buy": "USDC", "amount_in": str(WEI)}
BASE = "http://127.0.0.1:8642"


def bearing(role: Role | None) -> dict[str, str]:
    """The header of somebody with this role."""
    return {"Authorization": f"Bearer {BY_ROLE[role]}"} if role else {}


class Brakes:
    """A kill switch and limits in memory, and the guards that ask them: what a test turns on is refused."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.limit: int | None = None
        self.next_limit: int | None = None

    def check(self, stage: str, order: Order, orders: Mapping[str, Order], now: datetime) -> None:
        if self.reason is not None:
            raise Refused(f"Everything is stopped: {self.reason}.", rule="kill_switch")
        if self.limit is not None and order.request.amount_in > self.limit:
            raise Refused("Too large; send less.", rule="max_notional_per_order", limit=self.limit)

    def killed(self) -> dict[str, Any]:
        told = {"tripped": self.reason is not None, "reason": self.reason, "since": None, "rule": "person", "facts": {}}
        return {**told, "release_code": "a41f09c2" if self.reason else None}

    def trip(self, reason: str) -> dict[str, Any]:
        self.reason = reason
        return self.killed()

    def release(self, code: str, reason: str) -> dict[str, Any]:
        if self.reason is not None and code != "a41f09c2":
            raise BadInput("Look at the stop first, then let go of it by its code.", field="code")
        self.reason = None
        return self.killed()

    def reload_limits(self) -> dict[str, Any]:
        if self.next_limit is not None and self.next_limit < 0:
            raise BadInput("limits: max_amount is below zero; the limits in force stay.", field="max_amount")
        self.limit = self.next_limit
        return {"changed": ["max_amount"], "waiting": [], "why": None, "limits": {"max_amount": str(self.limit)}}


class Opened:
    """A service over a hand-over folder with an engine in the mode simulate, a journal in memory, and brakes of its own."""

    def __init__(self, folder: Path, agents: Sequence[str] = ()) -> None:
        self.journal: Journal | None = None
        self.brakes, self.store, self.telemetry = Brakes(), MemoryStore(), Telemetry()
        activation = Activation(folder)
        planner = SplitPlanner(lambda: handed_over(activation), lambda floor, token: 0)
        self.troubles: list[str] = []
        parts = Parts(
            mode="simulate",
            chain_id=31337,
            node=NoNode(),
            store=self.store,
            journal_name="simulate",
            planner=planner,
            rehearsal=PoolRehearsal(lambda: handed_over(activation)),
            gas=NoGas(),
            guards=self.brakes,
            brakes=self.brakes,
            venues=venues,
            why_not=lambda: self.troubles,
            symbol_of=lambda request: "WETH/USDC",
            begins=lambda desk, journal: setattr(self, "journal", journal),
        )
        engine = RunningExecutor(parts, clock=SystemClock(), chance=Chance(7), telemetry=self.telemetry)
        negotiations = None
        if agents:
            settings, clock = AgentSettings(tuple(agents)), SystemClock()
            negotiations = advised(folder, settings, lambda _: HandedOverViews(activation), lambda: self.journal, clock, Chance(9))
        self.service = ExecutorService(
            folder, engine=engine, activation=activation, negotiations=negotiations, telemetry=self.telemetry, chance=Chance(8)
        )
        self.app = create_app(self.service, TOKENS, looks=False)

    @asynccontextmanager
    async def client(self, role: Role | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody who talks to the running application."""
        async with self.service.running(), talking_to(self.app, role) as client:
            yield client


def venues() -> dict[str, Any]:
    """A document of GET /venues."""
    mirror = {"block_number": None, "block_hash": None, "lag_blocks": None, "lag_seconds": None}
    venue = {"venue": "sushiswap", "title": "SushiSwap", "shape": "constant_product", "pools": 3, "suspended": False, "reason": None}
    return {"chain_id": 31337, "mirror": mirror, "venues": [venue]}


@asynccontextmanager
async def talking_to(app: FastAPI, role: Role | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application, without starting it."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=bearing(role)) as client:
        yield client


def asked(service: ExecutorService, method: str, path: str, role: Role | None = None, **options: Any) -> httpx.Response:
    """One request to a fresh application over this service, which is not started."""

    async def talk() -> httpx.Response:
        async with talking_to(create_app(service, TOKENS, looks=False), role) as client:
            return await client.request(method, path, **options)

    return asyncio.run(talk())
