"""Where the events of the exchanges travel: within the process by default, through a broker of the Kafka protocol by one setting."""

from __future__ import annotations

from domain.problems import BadInput
from executor.ports import Clock
from executor.streams.memory import MemoryStream
from executor.streams.stream import Reader, Received, Sent, Stream, Writer

__all__ = ["MemoryStream", "Reader", "Received", "Sent", "Stream", "Writer", "open_stream"]


def open_stream(setting: str, clock: Clock) -> Stream:
    """The stream that a setting means: `memory`, or kafka://host:port/topic. Raises BadInput for anything else."""
    if setting == "memory":
        return MemoryStream()
    if setting.startswith("kafka://"):
        from executor.streams.kafka import KafkaStream

        return KafkaStream(setting, clock)
    raise BadInput(f"There is no stream {setting!r}; write `memory` or kafka://host:port/topic.", field="stream")
