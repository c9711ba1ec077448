"""`python -m executor.agents.process AGENT INPUT`: one agent as a process, calls on its input, answers on its output.

INPUT is a recording, or an executor's folder: then it sees the hand-over and the prompts that lie there, whenever they change.

It ends when its input does, so it never outlives whoever started it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from domain.problems import Problem
from executor.agents.agent import agent_named
from executor.agents.host import AgentHost
from executor.agents.prompts import Prompts, with_prompts
from executor.agents.transports.processes import LENGTH, read_frame
from executor.agents.view import RecordedViews
from executor.ports import SystemClock


async def serve(agent: str, seen: Path) -> None:
    """Answers calls until the input ends. Raises BadInput for an agent or a recording that is none."""
    clock, loop = SystemClock(), asyncio.get_running_loop()
    asked, watching = agent_named(agent), None
    if seen.is_dir():
        from executor.agents.handed_over import FolderViews

        prompts = Prompts(seen)
        watching = asyncio.ensure_future(prompts.run(clock))
        host = AgentHost(with_prompts(asked, prompts, clock), FolderViews(seen), clock)
    else:
        host = AgentHost(asked, RecordedViews.read(seen), clock)
    line = asyncio.StreamReader()
    # What an agent prints must not come between its frames.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(line), sys.stdin)

    async def send(raw: bytes) -> None:
        output.write(LENGTH.pack(len(raw)) + raw)

    await host.serve(lambda: read_frame(line), send)
    if watching is not None:
        watching.cancel()


def main(arguments: Sequence[str]) -> int:
    """Runs the process; 2 for an agent or a recording that is none."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        asyncio.run(serve(arguments[0], Path(arguments[1])))
    except Problem as problem:
        print(problem.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
