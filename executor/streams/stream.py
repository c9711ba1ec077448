"""A stream carries messages from one writer to its readers, at least once and, within a partition, in order.

It promises nothing more: what is lost shows as a hole in the numbers that every message carries, what comes twice as a number seen
before, and the reader keeps its own position, in the same transaction as what it made of the messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

# partition, offset, the message
Received = tuple[int, int, bytes]
# partition, key, the message
Sent = tuple[int, bytes, bytes]


class Writer(Protocol):
    """One session's pen. After Unavailable nothing is known of what was written last: open another and tell it again."""

    @property
    def partitions(self) -> int:
        """How many partitions there are to write to."""
        ...

    async def write(self, messages: Sequence[Sent]) -> None:
        """Hand over messages, in order. Raises Unavailable when the stream lost some, now or earlier."""
        ...

    async def flush(self, seconds: float) -> None:
        """Wait until the stream has everything. Raises Unavailable when it has not within so many seconds."""
        ...

    async def close(self) -> None:
        """Put the pen down; what was not delivered is forgotten."""
        ...


class Reader(Protocol):
    """Reads all partitions."""

    async def read(self, at_most: int, wait_seconds: float) -> Sequence[Received]:
        """What has arrived; empty after `wait_seconds` without a message. Raises Unavailable: open another reader."""
        ...

    async def rewind(self, partition: int) -> None:
        """Read a partition again from its oldest message."""
        ...

    def release(self, positions: Mapping[int, int]) -> None:
        """Everything before these offsets is durable with the reader."""
        ...

    async def close(self) -> None:
        """Stop reading."""
        ...


class Stream(Protocol):
    """Where the messages lie. `name` tells one stream's positions from another's."""

    @property
    def name(self) -> str:
        """What the positions in this stream are kept under."""
        ...

    async def open_writer(self) -> Writer:
        """A writer for one session. Raises Unavailable."""
        ...

    async def open_reader(self, positions: Mapping[int, int]) -> Reader:
        """A reader from these offsets on, by partition; from the oldest message where none is given. Raises Unavailable."""
        ...
