"""The executor that `bench.hot_swap` kills: a service in the mode simulate that takes orders and activations as lines of JSON.

The features of order n are row n of a seeded table, so no routes are planned; everything from the features on is the executor's own way:
assignment, model, shadow, guardrails, the log of decisions with its shared commits.
"""

from __future__ import annotations

import asyncio
import json
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from domain.features import NAMES
from domain.problems import Problem
from executor.activation import Wish
from executor.assembly import simulation
from executor.journal.sealing import canonical
from executor.orders import Entry
from executor.service import ExecutorService

ROWS, SEED = 4_096, 11


def table() -> np.ndarray:
    """Valid feature vectors, each number as a 32-bit float holds it."""
    return np.random.default_rng(SEED).normal(0, 20, (ROWS, len(NAMES))).astype(np.float32)


def digest_of(text: str) -> str:
    """Stands for the record of a decision: what was acknowledged must be what is in the log."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


async def main(folder: Path) -> None:
    """Answers until its input ends."""
    service, rows = simulation(folder), table().tolist()
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    at_work: set[asyncio.Task[None]] = set()
    async with service.running():
        told(ready=service.models()["generation"])
        while line := await reader.readline():
            work = asyncio.create_task(answer(service, rows, json.loads(line)))
            at_work.add(work)
            work.add_done_callback(at_work.discard)


async def answer(service: ExecutorService, rows: list[list[float]], asked: dict[str, Any]) -> None:
    """Does what one line asks."""
    clock = service.clock
    try:
        if "orders" in asked:
            first, count = asked["orders"]
            entries: list[Entry] = await asyncio.gather(
                *(service.decisions.decide(f"order-{number}", rows[number % ROWS]) for number in range(first, first + count))
            )
            lowest = min(entry.facts["generation"] for entry in entries)
            told(id=asked["id"], generation=lowest, digests=[digest_of(canonical(entry)) for entry in entries])
        elif "activate" in asked:
            begun = clock.monotonic()
            operation, is_new = await service.activate(Wish.of(**asked["activate"]))
            while str(operation.stage) not in ("DONE", "FAILED", "ROLLED_BACK"):
                await clock.sleep(0.001)
            told(id=asked["id"], operation=operation.to_json(), is_new=is_new, seconds=clock.monotonic() - begun)
        else:
            begun = clock.monotonic()
            generation = service.activation.rollback(asked["rollback"]).generation
            told(id=asked["id"], generation=generation, seconds=clock.monotonic() - begun)
    except Problem as problem:
        told(id=asked["id"], problem=problem.to_json())


def told(**document: Any) -> None:
    """One line of answer."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
