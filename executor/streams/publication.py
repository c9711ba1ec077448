"""One session of telling a stream what the chain did: steps become messages, each with its number in its partition."""

from __future__ import annotations

from executor.chain.blocks import Forward, Step
from executor.streams.messages import encode_log, encode_step, partition_of, stamped
from executor.streams.stream import Sent, Writer


class Publication:
    """Tells steps to a writer. The numbers begin at 0, so a session belongs to one writer and is never taken up again."""

    def __init__(self, writer: Writer, session: int, chain_id: int) -> None:
        self.session = session
        self._writer = writer
        self._chain_id = chain_id
        self._steps = 0
        self._sequences = [0] * writer.partitions

    async def tell(self, step: Step) -> int:
        """Hand a step over, a block after its logs; returns how many messages that took. Raises Unavailable."""
        messages = [self._stamped(partition, address, encoded) for partition, address, encoded in self._logs(step)]
        told = encode_step(step, self._chain_id, self._steps)
        self._steps += 1
        messages += [self._stamped(partition, b"", told) for partition in range(self._writer.partitions)]
        await self._writer.write(messages)
        return len(messages)

    def _logs(self, step: Step) -> list[Sent]:
        if not isinstance(step, Forward):
            return []
        block, told = step.block, []
        block_hash = bytes.fromhex(block.hash[2:])
        for log in block.logs:
            address = bytes.fromhex(log.address[2:])
            encoded = encode_log(log, self._chain_id, block.timestamp, block_hash)
            told.append((partition_of(address, self._writer.partitions), address, encoded))
        return told

    def _stamped(self, partition: int, key: bytes, message: bytes) -> Sent:
        sequence = self._sequences[partition]
        self._sequences[partition] = sequence + 1
        return partition, key, stamped(message, self.session, sequence)
