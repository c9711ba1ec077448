"""One negotiation on a recorded input, by agents within this process or in processes of their own, at equal weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domain.agent_weights import AgentWeights
from executor.agents.agent import agent_named
from executor.agents.coordinator import Coordinator
from executor.agents.reading import document_of
from executor.agents.terms import Question
from executor.agents.transcript import MemoryRows, Transcript
from executor.agents.transcript_file import SqliteRows
from executor.agents.transports.in_process import InProcess
from executor.agents.transports.processes import Processes, agent_command
from executor.agents.transports.transport import Transport
from executor.agents.view import RecordedViews
from executor.agents.weight_store import LiveWeights
from executor.ports import Chance, Clock

EXAMPLE = Path(__file__).with_name("example_input.json")


class NoStore:
    """Keeps no weights: what one negotiation would change is forgotten with it."""

    async def load(self) -> AgentWeights | None:
        return None

    async def save(self, weights: AgentWeights) -> None:
        return None


async def negotiate_once(
    recording: Path,
    question: Question,
    agents: Sequence[str],
    clock: Clock,
    chance: Chance,
    *,
    processes: bool = False,
    record: Path | None = None,
    deadline_seconds: float = 5.0,
    quorum: int = 1,
) -> dict[str, Any]:
    """The negotiation as a document. Without `as_of_ns` the question is about the end of the recording. `record` is a file that keeps it.

    Raises BadInput for an agent or a recording that is none.
    """
    views = RecordedViews.read(recording)
    asked = Question(
        question.trade_id,
        question.base,
        question.quote,
        question.amount_in,
        question.actions,
        question.as_of_ns or views.whole.time_us * 1_000,
        views.sha256,
    )
    known = [agent_named(name) for name in agents]
    transport: Transport = InProcess(known, views, clock)
    if processes:
        commands = {agent.name: agent_command(at, recording) for agent, at in zip(known, agents, strict=True)}
        transport = Processes(commands, clock)
    rows = SqliteRows(record) if record else MemoryRows()
    weights = LiveWeights(NoStore(), AgentWeights.equal([agent.name for agent in known]))
    try:
        transcript = await Transcript.opened(rows)
        async with Coordinator(
            transport, weights, transcript, clock, chance, deadline_seconds=deadline_seconds, quorum=quorum
        ) as coordinator:
            held = await coordinator.negotiate(asked)
            await transcript.commit()
            told = [row for row in await rows.of_trade(asked.trade_id) if row.conversation_id == held.conversation_id]
        return document_of(told)
    finally:
        await rows.close()
