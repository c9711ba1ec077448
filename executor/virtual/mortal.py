"""A process that can be killed at any of its transitions: before a commit, after it, before a transaction is sent and after it.

Killed means that nothing it tries from then on has any effect, as with kill -9: its doors do not answer any more. The transitions are
found by wrapping the doors, so a new step in the code is a new place to die without anybody listing it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from domain.problems import Problem
from executor.chain.node import Call, Node
from executor.journal import Sealed, Store


class Life:
    """One life of a process. It ends at the transition number `dies_at`, counted from 1; `passed` names those behind it."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at = dies_at
        self.passed: list[str] = []
        self.is_over = asyncio.Event()
        self._never = asyncio.Event()

    async def pass_by(self, transition: str) -> None:
        """Pass a transition, or die there."""
        await self.go_on()
        self.passed.append(transition)
        if len(self.passed) == self.dies_at:
            self.is_over.set()
            await self.go_on()

    async def go_on(self) -> None:
        """Nothing, while alive; the dead do not come back from here."""
        if self.is_over.is_set():
            await self._never.wait()


class MortalStore:
    """The store of a process that may die around each commit."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life

    async def load(self, after: int = -1) -> list[Sealed]:
        await self._life.go_on()
        return await self._store.load(after)

    async def commit(self, rows: Sequence[Sealed]) -> None:
        kinds = "+".join(row.about[0] for row in rows)
        await self._life.pass_by(f"before the commit of {kinds}")
        await self._store.commit(rows)
        await self._life.pass_by(f"after the commit of {kinds}")

    async def close(self) -> None:
        await self._life.go_on()
        await self._store.close()


class MortalNode:
    """The node as a process asks it that may die around each sending."""

    def __init__(self, node: Node, life: Life) -> None:
        self._node = node
        self._life = life

    async def call(self, method: str, *params: Any) -> Any:
        if method != "eth_sendRawTransaction":
            await self._life.go_on()
            answer = await self._node.call(method, *params)
            await self._life.go_on()
            return answer
        await self._life.pass_by("before sending")
        try:
            answer = await self._node.call(method, *params)
        except Problem:
            await self._life.pass_by("after sending")
            raise
        await self._life.pass_by("after sending")
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        await self._life.go_on()
        answers = await self._node.batch(calls)
        await self._life.go_on()
        return answers
