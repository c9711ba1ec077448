"""A process that flushes a growing ledger into a lake until it is killed: `python -m tests.executor.ledger.segment_writer LAKE`.

The ledger is scripted, so every run tells the same changes: 400 blocks, every tenth taken back and replaced.
"""

from __future__ import annotations

import asyncio
import sys

from executor.ledger.lake_segments import LakeSegments
from executor.ports import SystemClock
from tests.executor.ledger.live_changes import ScriptedLedger

BLOCKS = 400


def whole_story() -> ScriptedLedger:
    ledger = ScriptedLedger()
    for number in range(BLOCKS):
        ledger.grow()
        if number % 10 == 9:
            ledger.fall_back()
            ledger.grow()
    return ledger


class Slowly(ScriptedLedger):
    """The same changes, a few at a time."""

    def changes(self, after: int, at_most: int = 1_000):
        return super().changes(after, 3)


async def main(lake: str) -> None:
    ledger = Slowly()
    ledger.told = whole_story().told
    segments = LakeSegments(lake, ledger, SystemClock(), every_seconds=0.001, told=lambda flushed: print(flushed.last_seq, flush=True))
    while await segments.flush():
        pass
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
