"""A stream through any broker that speaks Kafka's protocol.

Only what every such broker does is asked of it: no consumer groups, no transactions. Partitions are assigned by hand, the position is
the reader's own, and a connection that breaks ends the session, because a broker that keeps its topics in memory comes back without
them. The next session tells again whatever is not durable at the other end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from domain.problems import BadInput, Unavailable
from executor.ports import Clock
from executor.streams.messages import TOPIC
from executor.streams.stream import Received, Sent

PARTITIONS = 6
POLL_SECONDS = 0.02
ANSWER_SECONDS = 5.0
MESSAGES_BETWEEN_POLLS = 2_000
_SHORT_FETCH_MS = 5
# At full load a shorter one makes so many small batches that a broker which keeps them in memory spends twice the time and slows down.
_LINGER_MS = 20
# After a first message, how long others are gathered: their commit to the disk takes about as long.
_GATHER_SECONDS = 0.005
_LOOK_SECONDS = 0.5
_WAIT_SECONDS = 0.2  # a thread that waits cannot be called back
_IDLE_READS = 10  # so often nothing comes before the reader looks whether the topic is still the one it knew
# What goes wrong is raised; the client's own lines about it would only repeat every attempt to connect. It tries often, brokers are near.
_QUIET = {"log_level": 2, "socket.connection.setup.timeout.ms": 2_000, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500}


class KafkaStream:
    """The topic at a broker, from a setting such as kafka://127.0.0.1:9092/dex_events. Raises BadInput when it is none."""

    def __init__(self, setting: str, clock: Clock, *, partitions: int = PARTITIONS) -> None:
        parts = urlsplit(setting)
        if parts.scheme != "kafka" or not parts.netloc:
            raise BadInput("A stream is `memory` or kafka://host:port/topic.", field="stream")
        self.brokers = parts.netloc
        self.topic = parts.path.strip("/") or TOPIC
        self.name = f"kafka://{self.brokers}/{self.topic}"
        self._clock = clock
        self._partitions = partitions

    async def open_writer(self) -> KafkaWriter:
        partitions = await asyncio.to_thread(self._topic_ready)
        writer = KafkaWriter(self.brokers, self.topic, partitions, self._clock)
        try:
            await asyncio.to_thread(writer.begin)
        except Unavailable:
            await writer.close()
            raise
        return writer

    async def open_reader(self, positions: Mapping[int, int]) -> KafkaReader:
        partitions = await asyncio.to_thread(self._topic_ready)
        reader = KafkaReader(self.brokers, self.topic, partitions)
        try:
            await asyncio.to_thread(reader.begin, positions)
        except Unavailable:
            await reader.close()
            raise
        return reader

    def _topic_ready(self) -> int:
        """How many partitions the topic has, after making it where there is none."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        # The client must outlive its futures, else they fail as destroyed.
        admin = AdminClient({"bootstrap.servers": self.brokers, **_QUIET})
        try:
            known = admin.list_topics(timeout=ANSWER_SECONDS).topics
            if self.topic not in known or not known[self.topic].partitions:
                for made in admin.create_topics([NewTopic(self.topic, self._partitions, 1)]).values():
                    try:
                        made.result(ANSWER_SECONDS)
                    except KafkaException as error:
                        if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                            raise
                known = admin.list_topics(timeout=ANSWER_SECONDS).topics
            partitions = len(known[self.topic].partitions) if self.topic in known else 0
        except (KafkaException, TimeoutError) as error:
            raise self._unavailable(error) from error
        if not partitions:
            raise Unavailable(f"The broker {self.brokers} has not made the topic {self.topic} yet; ask again.", topic=self.topic)
        return partitions

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(f"The broker {self.brokers} did not answer ({error}); start it or correct `stream`.", brokers=self.brokers)


class KafkaWriter:
    """An idempotent producer of one session. `delivered` and `failed` count messages."""

    def __init__(self, brokers: str, topic: str, partitions: int, clock: Clock) -> None:
        from confluent_kafka import Producer

        self.partitions = partitions
        self.failed = 0
        self.produced = 0
        self._topic = topic
        self._brokers = brokers
        self._clock = clock
        self._trouble: str | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,
                "enable.sparse.connections": False,  # else the first message waits a second for an idle timer
                "linger.ms": _LINGER_MS,
                "batch.num.messages": 10_000,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 1 << 20,
                "message.timeout.ms": 10_000,
                "delivery.report.only.error": True,
                "on_delivery": self._on_failure,
                "error_cb": self._on_error,
                **_QUIET,
            }
        )
        self._poller = asyncio.get_running_loop().create_task(self._poll())

    def begin(self) -> None:
        """Meet the broker before the first message has to wait for that."""
        from confluent_kafka import KafkaException

        try:
            self._producer.list_topics(self._topic, ANSWER_SECONDS)
        except KafkaException as error:
            raise Unavailable(f"The broker {self._brokers} did not answer ({error}); ask again.", brokers=self._brokers) from error

    @property
    def delivered(self) -> int:
        """How many messages the broker has acknowledged."""
        return self.produced - len(self._producer) - self.failed

    async def write(self, messages: Sequence[Sent]) -> None:
        self._check()
        produce, topic = self._producer.produce, self._topic
        for start in range(0, len(messages), MESSAGES_BETWEEN_POLLS):
            self._check()
            part = messages[start : start + MESSAGES_BETWEEN_POLLS]
            for partition, key, value in part:
                try:
                    produce(topic, value, key, partition)
                except BufferError:
                    await self._make_room()
                    produce(topic, value, key, partition)
            self.produced += len(part)
            self._producer.poll(0)

    async def flush(self, seconds: float) -> None:
        left = await asyncio.to_thread(self._producer.flush, seconds)
        self._check()
        if left:
            raise Unavailable(f"The broker {self._brokers} did not take {left} messages within {seconds:.0f} s.", left=left)

    async def close(self) -> None:
        self._poller.cancel()
        self._producer.purge()
        await asyncio.to_thread(self._producer.flush, 1)

    async def _make_room(self) -> None:
        """Wait until the producer's own queue is shorter."""
        while len(self._producer) > 500_000:
            self._check()
            self._producer.poll(0)
            await self._clock.sleep(POLL_SECONDS)

    async def _poll(self) -> None:
        """Failures are told only to whoever asks."""
        while True:
            self._producer.poll(0)
            await self._clock.sleep(POLL_SECONDS)

    def _check(self) -> None:
        if self._trouble is not None:
            raise Unavailable(f"The broker {self._brokers} lost messages ({self._trouble}); tell them again.", brokers=self._brokers)

    def _on_failure(self, error: Any, message: Any) -> None:
        if error is not None:
            self.failed += 1
            self._trouble = str(error)

    def _on_error(self, error: Any) -> None:
        if error.fatal() or error.name() == "_ALL_BROKERS_DOWN":
            self._trouble = str(error)


class KafkaReader:
    """A consumer with partitions assigned by hand; all its waiting happens in a thread."""

    def __init__(self, brokers: str, topic: str, partitions: int) -> None:
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        self._brokers = brokers
        self._partitions = range(partitions)
        self._place = lambda partition, offset=OFFSET_BEGINNING: TopicPartition(topic, partition, offset)
        self._seen_ends = dict.fromkeys(self._partitions, 0)
        self._idle_reads = 0
        self._trouble: str | None = None
        self._reading = threading.Lock()
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "grekko-ledger",  # asked for, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": _SHORT_FETCH_MS,
                "fetch.min.bytes": 1 << 16,
                "fetch.message.max.bytes": 4 << 20,
                "queued.min.messages": 100_000,
                "error_cb": self._on_error,
                **_QUIET,
            }
        )

    def begin(self, positions: Mapping[int, int]) -> None:
        """Take the partitions, each from its position; one that has fewer messages than that was made anew and is read from its start."""
        self._seen_ends = ends = self._ends()
        doubtful = {at: position for at, position in positions.items() if position > ends.get(at, 0)}
        anew = set(doubtful) - self._that_hold({at: position for at, position in doubtful.items() if ends.get(at)})
        starts = {at: 0 if at in anew else positions.get(at, 0) for at in self._partitions}
        self._consumer.assign([self._place(at, start) if start else self._place(at) for at, start in starts.items()])

    async def read(self, at_most: int, wait_seconds: float) -> Sequence[Received]:
        return await asyncio.to_thread(self._read, at_most, wait_seconds)

    async def rewind(self, partition: int) -> None:
        self._consumer.seek(self._place(partition))

    def release(self, positions: Mapping[int, int]) -> None:
        return None

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._reading:  # a read that was cancelled may still be under way in its thread
            self._consumer.close()

    def _that_hold(self, positions: Mapping[int, int]) -> set[int]:
        """The partitions that still have the message before their position."""
        if not positions:
            return set()
        self._consumer.assign([self._place(at, position - 1) for at, position in positions.items()])
        found: set[int] = set()
        while len(found) < len(positions):
            message = self._consumer.poll(_LOOK_SECONDS)
            if message is None or message.error() is not None:
                break
            at = message.partition() or 0
            if at in positions and message.offset() == positions[at] - 1:
                found.add(at)
        return found

    def _ends(self) -> dict[int, int]:
        """How many messages each partition has had, at least: Tansu counts only the first of the last batch."""
        from confluent_kafka import KafkaException

        try:
            told = {at: self._consumer.get_watermark_offsets(self._place(at), timeout=ANSWER_SECONDS) for at in self._partitions}
        except KafkaException as error:
            raise Unavailable(f"The broker {self._brokers} does not tell how long its topic is ({error}).") from error
        return {at: marks[1] if marks else 0 for at, marks in told.items()}

    def _read(self, at_most: int, wait_seconds: float) -> list[Received]:
        received: list[Received] = []
        with self._reading:
            first = self._consumer.poll(min(wait_seconds, _WAIT_SECONDS))
            messages = [] if first is None else [first, *self._consumer.consume(at_most - 1, _GATHER_SECONDS)]
        for message in messages:
            error = message.error()
            if error is not None:
                self._on_error(error)
                continue
            received.append((message.partition() or 0, message.offset() or 0, message.value() or b""))
        self._idle_reads = 0 if received else self._idle_reads + 1
        if self._idle_reads >= _IDLE_READS:
            self._idle_reads = 0
            ends, before = self._ends(), self._seen_ends
            self._seen_ends = ends
            if any(ends[at] < before[at] for at in self._partitions):
                self._trouble = "the topic was made anew"
        if self._trouble is not None and not received:
            raise Unavailable(f"The broker {self._brokers} broke off ({self._trouble}); read on from the last position.")
        return received

    def _on_error(self, error: Any) -> None:
        # What else there is (a slow answer, a new leader) the client mends by itself.
        if error.fatal() or error.name() in ("_ALL_BROKERS_DOWN", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_PARTITION", "_UNKNOWN_TOPIC"):
            self._trouble = str(error)
