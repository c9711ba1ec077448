"""Agents over a topic of any broker that speaks Kafka's protocol: everybody writes to it and reads all of it, and takes what is theirs.

Messages of one conversation share a key and so a partition, in order. What lies in the topic from earlier lives is over: its deadline
says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from domain.problems import MessageRejected
from executor.agents.agent import Agent
from executor.agents.host import AgentHost
from executor.agents.messages import COORDINATOR, TOPIC, decode
from executor.agents.transports.transport import Arrival, Lost
from executor.agents.view import Views
from executor.ports import Clock
from executor.streams.stream import Reader, Stream, Writer

FLUSH_SECONDS = 5.0
AT_MOST = 500
WAIT_SECONDS = 0.1


def agent_stream(setting: str, clock: Clock) -> Stream:
    """The topic `agent_negotiation` at a broker, from kafka://host:port or kafka://host:port/topic. Raises BadInput for anything else."""
    from executor.streams.kafka import KafkaStream

    named = setting if setting.rstrip("/").count("/") > 2 else f"{setting.rstrip('/')}/{TOPIC}"
    return KafkaStream(named, clock)


class TopicLine:
    """One party's line over the topic: what it writes, and what is addressed to it."""

    def __init__(self, stream: Stream, party: str) -> None:
        self._stream, self._party = stream, party
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self._read: list[bytes] = []

    async def open(self) -> None:
        """Raises Unavailable when the broker does not answer."""
        self._reader = await self._stream.open_reader({})
        self._writer = await self._stream.open_writer()

    async def send(self, raw: bytes) -> None:
        """Raises Unavailable when the broker lost something."""
        assert self._writer is not None
        key = decode(raw).conversation_id.encode()
        await self._writer.write([(zlib.crc32(key) % self._writer.partitions, key, raw)])
        await self._writer.flush(FLUSH_SECONDS)

    async def receive(self) -> bytes:
        """The next message to this party, or one that nobody can read. Raises Unavailable."""
        assert self._reader is not None
        while True:
            while self._read:
                raw = self._read.pop(0)
                if self._is_ours(raw):
                    return raw
            self._read = [raw for _, _, raw in await self._reader.read(AT_MOST, WAIT_SECONDS)]

    async def close(self) -> None:
        for end in (self._reader, self._writer):
            if end is not None:
                await end.close()

    def _is_ours(self, raw: bytes) -> bool:
        try:
            return decode(raw).receiver == self._party
        except MessageRejected:
            return self._party == COORDINATOR


class Topic:
    """The coordinator's lines to agents that read the topic elsewhere. `agents` are those it asks."""

    def __init__(self, stream: Stream, agents: Sequence[str]) -> None:
        self.agents = sorted(agents)
        self._line = TopicLine(stream, COORDINATOR)

    async def start(self) -> None:
        await self._line.open()

    async def send(self, agent: str, raw: bytes) -> None:
        await self._line.send(raw)

    async def receive(self) -> Arrival | Lost:
        return Arrival(await self._line.receive())

    async def close(self) -> None:
        await self._line.close()


async def serve(agent: Agent, views: Views, clock: Clock, stream: Stream) -> None:
    """Runs an agent on the topic until it is cancelled. Raises Unavailable when the broker is gone: serve it again."""
    line = TopicLine(stream, agent.name)
    await line.open()
    try:
        await AgentHost(agent, views, clock).serve(line.receive, line.send)
    finally:
        await line.close()
