"""The stream through real brokers of the Kafka protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.stream import run
from domain.problems import Unavailable
from executor.chain.local.anvil import free_port
from executor.ports import SystemClock
from executor.streams.kafka import KafkaReader, KafkaStream, KafkaWriter
from executor.streams.stream import Reader, Received
from tests.executor.streams.brokers import KINDS, Broker, find


@pytest.fixture(params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    if find(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    with Broker(request.param, tmp_path) as running:
        yield running


async def read_all(reader: Reader, count: int) -> list[Received]:
    received: list[Received] = []
    async with asyncio.timeout(20):
        while len(received) < count:
            received += await reader.read(1_000, 0.1)
    return received


def test_what_was_read_is_not_read_again_and_the_rest_is(broker):
    async def story():
        stream = KafkaStream(broker.setting, SystemClock(), partitions=2)
        writer = await stream.open_writer()
        assert writer.partitions == 2
        await writer.write([(at % 2, b"key", b"%d" % at) for at in range(100)])
        await writer.flush(10)
        assert (writer.produced, writer.delivered, writer.failed) == (100, 100, 0)
        first = await stream.open_reader({})
        assert {value for _, _, value in await read_all(first, 100)} == {b"%d" % at for at in range(100)}
        first.release({0: 50})
        await first.close()
        second = await stream.open_reader({0: 50, 1: 40})
        assert sorted((partition, offset) for partition, offset, _ in await read_all(second, 10)) == [(1, at) for at in range(40, 50)]
        await second.rewind(0)
        assert [offset for _, offset, _ in await read_all(second, 50)] == list(range(50))
        await second.close()
        await writer.close()

    asyncio.run(story())


def test_a_topic_that_is_shorter_than_the_position_is_read_from_its_start(broker):
    async def story():
        stream = KafkaStream(broker.setting, SystemClock(), partitions=1)
        writer = await stream.open_writer()
        await writer.write([(0, b"", b"after")])
        await writer.flush(10)
        reader = await stream.open_reader({0: 5_000})
        assert await read_all(reader, 1) == [(0, 0, b"after")]
        await reader.close()
        await writer.close()

    asyncio.run(story())


def test_a_writer_and_a_reader_notice_that_the_broker_is_gone(broker):
    async def story():
        stream = KafkaStream(broker.setting, SystemClock(), partitions=1)
        writer, reader = await stream.open_writer(), await stream.open_reader({})
        await writer.write([(0, b"", b"x")])
        await writer.flush(10)
        await read_all(reader, 1)
        broker.kill()
        with pytest.raises(Unavailable, match="tell them again"):
            async with asyncio.timeout(20):
                while True:
                    await writer.write([(0, b"", b"y")])
                    await asyncio.sleep(0.05)
        with pytest.raises(Unavailable, match=r"broke off|how long"):
            async with asyncio.timeout(20):
                while True:
                    await reader.read(10, 0.1)
        await writer.close()
        await reader.close()

    asyncio.run(story())


def test_without_a_broker_nothing_opens(monkeypatch):
    monkeypatch.setattr("executor.streams.kafka.ANSWER_SECONDS", 0.5)

    async def story():
        stream = KafkaStream(f"kafka://127.0.0.1:{free_port()}", SystemClock())
        with pytest.raises(Unavailable, match="did not answer"):
            await stream.open_writer()

    asyncio.run(story())


class Crowded:
    """A producer whose queue is full for a moment."""

    def __init__(self) -> None:
        self.length = 600_000
        self.produced: list[bytes] = []

    def __len__(self) -> int:
        return self.length

    def produce(self, topic: str, value: bytes, key: bytes, partition: int) -> None:
        if self.length > 500_000:
            raise BufferError
        self.produced.append(value)

    def poll(self, seconds: float) -> None:
        self.length -= 60_000

    def flush(self, seconds: float) -> int:
        return self.length

    def purge(self) -> None: ...


def test_a_writer_waits_while_its_own_queue_is_full(monkeypatch):
    async def story():
        writer = KafkaWriter("127.0.0.1:1", "t", 1, SystemClock())
        writer._poller.cancel()
        crowded = Crowded()
        monkeypatch.setattr(writer, "_producer", crowded)
        await writer.write([(0, b"", b"a"), (0, b"", b"b")])
        assert crowded.produced == [b"a", b"b"]
        with pytest.raises(Unavailable, match="did not take"):
            await writer.flush(1)

    asyncio.run(story())


def test_a_message_that_was_not_delivered_ends_the_session():
    async def story():
        writer = KafkaWriter("127.0.0.1:1", "t", 1, SystemClock())
        writer._on_failure(None, None)
        await writer.write([])
        writer._on_failure("timed out", None)
        with pytest.raises(Unavailable, match="timed out"):
            await writer.write([])
        assert writer.failed == 1
        with pytest.raises(Unavailable):
            await asyncio.to_thread(writer.begin)
        await writer.close()

    monkey = pytest.MonkeyPatch()
    monkey.setattr("executor.streams.kafka.ANSWER_SECONDS", 0.2)
    asyncio.run(story())
    monkey.undo()


def test_a_reader_notices_that_the_topic_was_made_anew_while_it_was_idle(broker, monkeypatch):
    async def story():
        stream = KafkaStream(broker.setting, SystemClock(), partitions=1)
        writer = await stream.open_writer()
        await writer.write([(0, b"", b"x")])
        await writer.flush(10)
        reader = await stream.open_reader({})
        await read_all(reader, 1)
        monkeypatch.setattr("executor.streams.kafka._IDLE_READS", 2)
        assert [await reader.read(10, 0.05) for _ in range(4)] == [[]] * 4, "an idle topic is no reason to worry"
        monkeypatch.setattr(reader, "_ends", lambda: {0: 0})
        with pytest.raises(Unavailable, match="made anew"):
            for _ in range(4):
                await reader.read(10, 0.05)
        await reader.close()
        await writer.close()

    asyncio.run(story())


def test_what_cannot_begin_is_closed_again(broker, monkeypatch):
    def refuse(*anything):
        raise Unavailable("not now")

    async def story():
        stream = KafkaStream(broker.setting, SystemClock(), partitions=1)
        monkeypatch.setattr(KafkaWriter, "begin", refuse)
        monkeypatch.setattr(KafkaReader, "_ends", refuse)
        with pytest.raises(Unavailable, match="not now"):
            await stream.open_writer()
        with pytest.raises(Unavailable, match="not now"):
            await stream.open_reader({})

    asyncio.run(story())


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_doubled_when_the_broker_is_killed_under_load(kind):
    if find(kind) is None:
        pytest.skip(f"{kind} is not installed")
    figures = run(kind, 5_000, 3, killed=True)
    assert (figures["rows"], figures["lost"], figures["doubled"], figures["wrong"], figures["aside"]) == (15_000, 0, 0, 0, 0)
    assert figures["sessions"] >= 2
