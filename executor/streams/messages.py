"""The words of the topic `dex_events`, as bytes: one message for each log, and for each block that came, went or became final.

Every message begins with sixteen bytes, all numbers big-endian:

    u8 version   u8 kind   u8 topics   u8 zero   u32 session   u64 sequence

`session` counts the publisher's sessions and `sequence` the messages of that session in this partition, from 0: a reader that finds a
hole has lost something and says so, one that finds a number again has it already. Then, by kind:

    LOG      u64 chain  u64 block  u64 time  u32 transaction index  u32 log index  block hash  transaction hash  20 bytes address
             32 bytes for each topic  data
    FORWARD  u64 step  u64 chain  u64 block  u64 time  u128 base fee  u32 logs  block hash  parent hash
    BACK     the same as FORWARD
    FINAL    u64 step  u64 chain  u64 block  block hash

Logs go to the partition of their address, after which the block they stand in goes to every partition: whoever reads one partition
knows of each reorg. `step` counts the FORWARD, BACK and FINAL of a session and is the same in every partition. `logs` is how many logs
the block has in all partitions together: a block is complete with the last of them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from domain.problems import BadInput
from executor.chain.blocks import Back, Block, Final, Forward, Log, Step

TOPIC = "dex_events"
VERSION = 1
LOG, FORWARD, BACK, FINAL = 1, 2, 3, 4

HEAD = struct.Struct(">BBBxIQ")
LOG_HEAD = struct.Struct(">BBBxIQ QQQ II 32s32s20s")
BLOCK = struct.Struct(">BBBxIQ QQQQ 16s I 32s32s")
FINAL_BLOCK = struct.Struct(">BBBxIQ QQQ 32s")
STAMP = struct.Struct(">IQ")
WORD = 32


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a value. `step` is None for a log, `told` a Log or a Step; `logs` is the number of logs of a block.

    A Block in `told` carries no logs of its own, they are messages of their own.
    """

    session: int
    sequence: int
    chain_id: int
    told: Log | Step
    step: int | None = None
    timestamp: int = 0
    logs: int = 0


def partition_of(address: bytes, partitions: int) -> int:
    """The partition of everything that a contract says; `address` is its 20 bytes."""
    return zlib.crc32(address) % partitions


def encode_log(log: Log, chain_id: int, timestamp: int, block_hash: bytes | None = None) -> bytes:
    """A log; `timestamp` is that of its block in unix seconds, `block_hash` saves reading its hash again for every log of a block."""
    return (
        LOG_HEAD.pack(
            VERSION,
            LOG,
            len(log.topics),
            0,
            0,
            chain_id,
            log.block_number,
            timestamp,
            log.transaction_index,
            log.log_index,
            block_hash or _hash(log.block_hash),
            _hash(log.tx_hash),
            bytes.fromhex(log.address[2:]),
        )
        + bytes.fromhex("".join([topic[2:] for topic in log.topics]))
        + log.data
    )


def encode_step(step: Step, chain_id: int, count: int) -> bytes:
    """A block that came, went or became final; `count` is its number among the steps of the session."""
    if isinstance(step, Final):
        return FINAL_BLOCK.pack(VERSION, FINAL, 0, 0, 0, count, chain_id, step.block_number, _hash(step.block_hash))
    block = step.block
    kind = FORWARD if isinstance(step, Forward) else BACK
    fee = block.base_fee.to_bytes(16, "big")
    place = (count, chain_id, block.number, block.timestamp, fee, len(block.logs))
    return BLOCK.pack(VERSION, kind, 0, 0, 0, *place, _hash(block.hash), _hash(block.parent_hash))


def stamped(message: bytes, session: int, sequence: int) -> bytes:
    """The message with its place in a partition."""
    return message[:4] + STAMP.pack(session, sequence) + message[16:]


def decode(message: bytes) -> Message:
    """The message as a value. Raises BadInput when it is none of ours."""
    try:
        version, kind, topics, session, sequence = HEAD.unpack_from(message)
        if version == VERSION and kind == LOG:
            return _log(message, topics, session, sequence)
        if version == VERSION and kind in (FORWARD, BACK) and len(message) == BLOCK.size:
            *_, count, chain_id, number, timestamp, fee, logs, hash, parent = BLOCK.unpack(message)
            block = Block(number, _text(hash), _text(parent), timestamp, int.from_bytes(fee, "big"))
            told = Forward(block) if kind == FORWARD else Back(block)
            return Message(session, sequence, chain_id, told, count, timestamp, logs)
        if version == VERSION and kind == FINAL and len(message) == FINAL_BLOCK.size:
            *_, count, chain_id, number, hash = FINAL_BLOCK.unpack(message)
            return Message(session, sequence, chain_id, Final(number, _text(hash)), count)
    except struct.error as error:
        raise BadInput(f"A message of {len(message)} bytes is too short; it is none of {TOPIC}.", field="message") from error
    raise BadInput(f"A message of version {version} and kind {kind} is none that this reader knows.", version=version, kind=kind)


def _log(message: bytes, topics: int, session: int, sequence: int) -> Message:
    *_, chain_id, number, timestamp, transaction, index, block_hash, tx_hash, address = LOG_HEAD.unpack_from(message)
    start = LOG_HEAD.size + WORD * topics
    if len(message) < start:
        raise BadInput(f"A log message of {len(message)} bytes cannot hold its {topics} topics.", field="topics")
    words = tuple(_text(message[at : at + WORD]) for at in range(LOG_HEAD.size, start, WORD))
    log = Log(_text(address), words, message[start:], number, _text(block_hash), _text(tx_hash), transaction, index)
    return Message(session, sequence, chain_id, log, timestamp=timestamp)


def _hash(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _text(raw: bytes) -> str:
    return "0x" + raw.hex()
