"""The stream within the process."""

from __future__ import annotations

import asyncio

import pytest

from domain.problems import BadInput
from executor.ports import SystemClock
from executor.streams import MemoryStream, open_stream
from executor.streams.kafka import KafkaStream
from executor.virtual.loop import run_virtually


def sent(*texts: str):
    return [(0, b"", text.encode()) for text in texts]


def test_messages_come_in_order_and_again_until_they_are_released():
    async def story(clock):
        stream = MemoryStream()
        writer = await stream.open_writer()
        await writer.write(sent("a", "b", "c"))
        reader = await stream.open_reader({0: 77})
        assert await reader.read(2, 1.0) == [(0, 0, b"a"), (0, 1, b"b")]
        reader.release({0: 1})
        again = await stream.open_reader({})
        assert await again.read(9, 1.0) == [(0, 1, b"b"), (0, 2, b"c")]
        await again.rewind(0)
        assert len(await again.read(9, 1.0)) == 2
        await writer.flush(1.0)
        await writer.close()
        await again.close()
        return stream.waiting

    assert run_virtually(story) == 2


def test_a_reader_wakes_for_what_comes_and_gives_up_after_its_time():
    async def story(clock):
        stream = MemoryStream()
        reader = await stream.open_reader({})
        assert await reader.read(1, 0.5) == [] and clock.monotonic() == pytest.approx(0.5)
        waiting = asyncio.ensure_future(reader.read(1, 10.0))
        await clock.sleep(1.0)
        await (await stream.open_writer()).write(sent("a"))
        return await waiting, clock.monotonic()

    received, at = run_virtually(story)
    assert received == [(0, 0, b"a")] and at == pytest.approx(1.5)


def test_a_writer_waits_for_a_reader_that_is_slow():
    async def story(clock):
        stream = MemoryStream(capacity=2)
        writer = await stream.open_writer()
        await writer.write(sent("a", "b"))
        second = asyncio.ensure_future(writer.write(sent("c")))
        await clock.sleep(1.0)
        assert not second.done()
        reader = await stream.open_reader({})
        await reader.read(1, 1.0)
        reader.release({0: 1})
        await second
        return stream.waiting

    assert run_virtually(story) == 2


def test_one_setting_chooses_the_stream():
    clock = SystemClock()
    assert isinstance(open_stream("memory", clock), MemoryStream)
    kafka = open_stream("kafka://127.0.0.1:9092", clock)
    assert isinstance(kafka, KafkaStream) and (kafka.brokers, kafka.topic) == ("127.0.0.1:9092", "dex_events")
    assert open_stream("kafka://a:1,b:2/other", clock).name == "kafka://a:1,b:2/other"
    for wrong in ("rabbit://x", "kafka:///t", "file"):
        with pytest.raises(BadInput, match="memory"):
            open_stream(wrong, clock)
