"""The desk's collaborators with a stopwatch beside each: the same answers, and how long every stage took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from executor.desk import Guarding, Planner, Rehearsal, Signing
from executor.desk.collaborators import Stage
from executor.journal import Sealed, Store
from executor.orders import Order, OrderRequest, Rehearsed, Routed
from executor.telemetry import Telemetry


class TimedPlanner:
    """A planner whose time counts as the stage `route`."""

    def __init__(self, planner: Planner, telemetry: Telemetry) -> None:
        self._planner, self._telemetry = planner, telemetry

    async def plan(self, request: OrderRequest, account: str | None, deadline: int) -> Routed:
        with self._telemetry.timing("route"):
            return await self._planner.plan(request, account, deadline)


class TimedRehearsal:
    """A rehearsal whose time counts as the stage `simulate`."""

    def __init__(self, rehearsal: Rehearsal, telemetry: Telemetry) -> None:
        self._rehearsal, self._telemetry = rehearsal, telemetry

    async def rehearse(self, request: OrderRequest, routed: Routed, account: str | None) -> Rehearsed:
        with self._telemetry.timing("simulate"):
            return await self._rehearsal.rehearse(request, routed, account)


class TimedGuards:
    """Guards whose time counts as the stage `guards`."""

    def __init__(self, guards: Guarding, telemetry: Telemetry) -> None:
        self._guards, self._telemetry = guards, telemetry

    def check(self, stage: Stage, order: Order, orders: Mapping[str, Order], now: datetime) -> None:
        with self._telemetry.timing("guards"):
            self._guards.check(stage, order, orders, now)


class TimedSigner:
    """A signer whose time counts as the stage `sign`."""

    def __init__(self, signer: Signing, telemetry: Telemetry) -> None:
        self._signer, self._telemetry = signer, telemetry

    @property
    def address(self) -> str:
        return self._signer.address

    def sign(self, transaction: Mapping[str, Any]) -> tuple[str, str]:
        with self._telemetry.timing("sign"):
            return self._signer.sign(transaction)


class TimedStore:
    """A journal's store; each commit counts as the stage `journal`."""

    def __init__(self, store: Store, telemetry: Telemetry) -> None:
        self._store, self._telemetry = store, telemetry

    async def load(self, after: int = -1) -> list[Sealed]:
        return await self._store.load(after)

    async def commit(self, rows: Sequence[Sealed]) -> None:
        with self._telemetry.timing("journal"):
            await self._store.commit(rows)

    async def close(self) -> None:
        await self._store.close()
