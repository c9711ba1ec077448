"""What the safety tests stand on: our test tokens compiled, a clock that stands still, a node that says no."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from executor.chain.local.contracts import CACHE, OWN_SOLC, ROOT, Contract, compile_solidity, write_whole
from executor.chain.node import Call, Node, NodeRefused

SOURCES = ROOT / "tests" / "contracts_for_safety"


def compiled(file: str, node_modules: Path) -> dict[str, Contract]:
    """The contracts of one of the test sources by name, compiled once."""
    text = (SOURCES / file).read_text()
    cached = CACHE / f"safety-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if not cached.is_file():
        built = compile_solidity(OWN_SOLC, {file: text}, node_modules, {"evmVersion": "paris"})
        write_whole(cached, json.dumps({name: {part: one[part] for part in ("abi", "bytecode")} for name, one in built.items()}))
    told = json.loads(cached.read_text())
    return {name: Contract(name, tuple(one["abi"]), bytes.fromhex(one["bytecode"][2:])) for name, one in told.items()}


class StandingClock:
    """A clock that is moved by hand."""

    def __init__(self, timestamp: float) -> None:
        self.timestamp = float(timestamp)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp, UTC)

    def monotonic(self) -> float:
        return self.timestamp

    async def sleep(self, seconds: float) -> None:
        self.timestamp += seconds


class Meddler:
    """A node whose answers to some methods are replaced: by a value, an error, or whatever a function makes of the true answer."""

    def __init__(self, node: Node, **answers: Any) -> None:
        self._node = node
        self.answers = answers
        self.asked: list[list[str]] = []

    async def call(self, method: str, *params: Any) -> Any:
        answer = (await self.batch([(method, params)]))[0]
        if isinstance(answer, NodeRefused):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        self.asked.append([method for method, _ in calls])
        told = await self._node.batch([(method, params) for method, params in calls])
        return [self._meddle(method, answer) for (method, _), answer in zip(calls, told, strict=True)]

    def _meddle(self, method: str, answer: Any) -> Any:
        if method not in self.answers:
            return answer
        other = self.answers[method]
        if isinstance(other, NodeRefused):
            return other
        if isinstance(other, Exception):
            raise other
        return other(answer) if isinstance(other, Callable) else other


def not_offered(method: str) -> NodeRefused:
    """How a node says that it does not know a method."""
    return NodeRefused(f"{method}: the method {method} does not exist", method=method, code=-32601, data=None)
