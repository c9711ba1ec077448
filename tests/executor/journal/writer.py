"""A process that appends to a journal until it is killed, and says on its output which entries were acknowledged.

`python -m tests.executor.journal.writer SETTING RUN`: orders are named after the run; each line is the seq of an entry that is durable.
"""

from __future__ import annotations

import asyncio
import sys

from executor.journal import Journal, open_store
from executor.ports import SystemClock
from tests.executor.journal.lives import whole

APPENDERS = 8


async def main(setting: str, run: str) -> None:
    journal = await Journal.open(open_store(setting), SystemClock())

    async def live(appender: int) -> None:
        number = 0
        while True:
            order_id, nonce = f"{run}-{appender}-{number}", (int(run) * 1_000 + appender) * 100_000 + number
            for entry in whole(order_id, nonce, order_id):
                for row in await journal.append(entry):
                    print(row.seq, row.hash, flush=True)
            number += 1

    print("open", flush=True)
    await asyncio.gather(*(live(appender) for appender in range(APPENDERS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
