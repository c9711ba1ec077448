"""A stream within the process: the default, and what tests use. It forgets everything with the process, which costs a back-fill."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice

from executor.streams.stream import Received, Sent


class MemoryStream:
    """One partition in memory, for one reader. A writer waits while `capacity` messages are not released."""

    name = "memory"

    def __init__(self, capacity: int = 200_000) -> None:
        self.capacity = capacity
        self._messages: deque[bytes] = deque()
        self._first = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def waiting(self) -> int:
        """How many messages the reader has not released."""
        return len(self._messages)

    async def open_writer(self) -> MemoryWriter:
        return MemoryWriter(self)

    async def open_reader(self, positions: Mapping[int, int]) -> MemoryReader:
        # Positions are of another process' stream: this one begins with what is still here.
        return MemoryReader(self)

    async def put(self, messages: Sequence[bytes]) -> None:
        """Append messages, waiting for room."""
        await self._room.wait()
        self._messages.extend(messages)
        self._arrived.set()
        if len(self._messages) >= self.capacity:
            self._room.clear()

    async def take(self, offset: int, at_most: int, wait_seconds: float) -> list[Received]:
        """Messages from an offset on."""
        if offset >= self._first + len(self._messages):
            self._arrived.clear()
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._arrived.wait()
            except TimeoutError:
                return []
        start = max(offset, self._first)
        told = islice(self._messages, start - self._first, start - self._first + at_most)
        return [(0, at, message) for at, message in enumerate(told, start)]

    def forget(self, before: int) -> None:
        """Let go of the messages before an offset."""
        while self._messages and self._first < before:
            self._messages.popleft()
            self._first += 1
        if len(self._messages) < self.capacity:
            self._room.set()

    @property
    def first(self) -> int:
        """The offset of the oldest message that is still here."""
        return self._first


class MemoryWriter:
    """Writes to a MemoryStream; nothing can go wrong."""

    partitions = 1

    def __init__(self, stream: MemoryStream) -> None:
        self._stream = stream

    async def write(self, messages: Sequence[Sent]) -> None:
        await self._stream.put([value for _, _, value in messages])

    async def flush(self, seconds: float) -> None:
        return None

    async def close(self) -> None:
        return None


class MemoryReader:
    """Reads a MemoryStream from its oldest message on."""

    def __init__(self, stream: MemoryStream) -> None:
        self._stream = stream
        self._next = stream.first

    async def read(self, at_most: int, wait_seconds: float) -> Sequence[Received]:
        received = await self._stream.take(self._next, at_most, wait_seconds)
        if received:
            self._next = received[-1][1] + 1
        return received

    async def rewind(self, partition: int) -> None:
        self._next = self._stream.first

    def release(self, positions: Mapping[int, int]) -> None:
        self._stream.forget(positions.get(0, 0))

    async def close(self) -> None:
        return None
