"""Pools of the Uniswap V3 family on the chain: their whole state at a block, their logs, their creation, their venue's own router."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from domain.amm.concentrated import ConcentratedPool
from domain.amm.liquidity import Tick
from domain.amm.logs import decode_concentrated
from domain.amm.protocol_fee import unpack_pancakeswap, unpack_uniswap
from domain.amm.ticks import TICKS_PER_WORD, highest_usable_tick, lowest_usable_tick
from domain.events import Event
from domain.problems import BadInput, NotEnoughLiquidity, Refused, Unavailable
from executor.chain.abi import WORD, BlockRef, address_word, answer_bytes, ask, block_ref, pinned, signed_at, unsigned_at, whole, word

if TYPE_CHECKING:
    from executor.chain.blocks import Log
    from executor.chain.node import Node

# keccak-256 of PoolCreated(address,address,uint24,int24,address), which the factory emits.
POOL_CREATED = "0x783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118"
# The first four bytes of keccak-256 of each signature.
SLOT0, LIQUIDITY, FEE, TICK_SPACING = (bytes.fromhex(one) for one in ("3850c7bd", "1a686502", "ddca3f43", "d0c93a7c"))
FEE_GROWTH0, FEE_GROWTH1, PROTOCOL_FEES = (bytes.fromhex(one) for one in ("f3058399", "46141319", "1ad8b03b"))
TICK_BITMAP, TICKS = bytes.fromhex("5339c296"), bytes.fromhex("f30dba93")
READ_TICKS = bytes.fromhex("fe67ca1e")  # PoolReader.ticks(address,int16,int16,int24)
EXACT_INPUT = bytes.fromhex("c04b8d59")  # exactInput((bytes path, address, uint256 deadline, uint256 amountIn, uint256 least))
# Where PoolReader is put for the time of one call; no contract lives there and nobody has its key.
READER_ADDRESS = "0x0000000000000000000000000000000067726b6f"
WORDS_A_CALL = 512
SWAP_WORDS = 5
ARTIFACTS = Path(__file__).resolve().parents[2] / "contracts" / "artifacts.json"


class Hop(Protocol):
    """One pool on a path: what is sold there, what is bought, and its fee."""

    @property
    def pool(self) -> str: ...
    @property
    def sell(self) -> str: ...
    @property
    def buy(self) -> str: ...
    @property
    def fee_pips(self) -> int: ...


def decode(log: Log, event: str, trailing_words: int, position: Mapping[str, Any]) -> Event | None:
    """The event that a log announces. Raises BadInput naming the field when topics or data are not those of the event."""
    data = log.data
    if event == "swap":
        if len(data) != (SWAP_WORDS + trailing_words) * WORD:
            raise BadInput(
                f"The data of this venue's swap log is {(SWAP_WORDS + trailing_words) * WORD} bytes long, this one is {len(data)};"
                " it was cut or is of another venue, fetch the log again.",
                field="data",
                length=len(data),
            )
        # Two words more are the protocol's part of the fee, as PancakeSwap tells it; of any others nobody knows the meaning.
        data = data if trailing_words == 2 else data[: SWAP_WORDS * WORD]
    return decode_concentrated(event, [bytes.fromhex(topic[2:]) for topic in log.topics], data, log.address, **position)


async def read_facts(node: Node, pool: str, block: BlockRef) -> tuple[int, int]:
    """Fee in pips and tick spacing, which never change. Raises UnknownPool when there is no such pool at that block."""
    fee, spacing = await ask(node, pool, [FEE, TICK_SPACING], block)
    return unsigned_at(whole(fee, 1, pool, "fee()"), 0), signed_at(whole(spacing, 1, pool, "tickSpacing()"), 0)


async def read_state(node: Node, pool: str, block: BlockRef, denominator: int | None) -> ConcentratedPool:
    """The pool with all its ticks, fees and settings, as it stood at the end of one block.

    Raises UnknownPool when it is none, NotEnoughLiquidity when it has no price yet, Unavailable when the node cannot tell.
    """
    at = await pinned(node, block)
    questions = [SLOT0, LIQUIDITY, FEE, TICK_SPACING, FEE_GROWTH0, FEE_GROWTH1, PROTOCOL_FEES]
    slot0, liquidity, fee, spacing, growth0, growth1, fees = await ask(node, pool, questions, at)
    whole(slot0, 6, pool, "slot0()")
    sqrt_price_x96, tick_spacing = unsigned_at(slot0, 0), signed_at(whole(spacing, 1, pool, "tickSpacing()"), 0)
    if not sqrt_price_x96:
        raise NotEnoughLiquidity(f"{pool} has no price yet: it was created and not initialised. Wait for its first event.", pool=pool)
    settings = (unpack_uniswap if denominator is None else unpack_pancakeswap)(unsigned_at(slot0, 5))
    state = ConcentratedPool(
        unsigned_at(whole(fee, 1, pool, "fee()"), 0),
        tick_spacing,
        sqrt_price_x96,
        signed_at(slot0, 1),
        unsigned_at(whole(liquidity, 1, pool, "liquidity()"), 0),
        await read_ticks(node, pool, tick_spacing, at),
        unsigned_at(growth0, 0),
        unsigned_at(growth1, 0),
        fee_protocol0=settings[0],
        fee_protocol1=settings[1],
        protocol_fees0=unsigned_at(whole(fees, 2, pool, "protocolFees()"), 0),
        protocol_fees1=unsigned_at(fees, 1),
        protocol_fee_denominator=denominator,
    )
    try:
        state.check_ticks()
    except Refused as mixed:
        raise Unavailable(f"The node's answers about {pool} are not of one moment ({mixed.message}); ask again.", pool=pool) from mixed
    return state


async def read_ticks(node: Node, pool: str, tick_spacing: int, block: BlockRef) -> dict[int, Tick]:
    """Every initialised tick. A reader injected into the call gathers them; a node that takes no code is asked word by word."""
    first, last = lowest_usable_tick(tick_spacing) // tick_spacing >> 8, highest_usable_tick(tick_spacing) // tick_spacing >> 8
    code = reader_code()
    if code is not None:
        found = await _read_with_reader(node, pool, tick_spacing, block, first, last, code)
        if found is not None:
            return found
    words = range(first, last + 1)
    bitmaps = await ask(node, pool, [TICK_BITMAP + word(one) for one in words], block)
    ticks = [
        (at * TICKS_PER_WORD + bit) * tick_spacing
        for at, bitmap in zip(words, bitmaps, strict=True)
        if (marked := unsigned_at(bitmap, 0))
        for bit in range(TICKS_PER_WORD)
        if marked >> bit & 1
    ]
    answers = await ask(node, pool, [TICKS + word(tick) for tick in ticks], block)
    return {tick: _tick(whole(answer, 4, pool, f"ticks({tick})"), 0) for tick, answer in zip(ticks, answers, strict=True)}


def swap_data(hops: Sequence[Hop], amount_in: int, least_out: int, recipient: str, deadline: int) -> bytes:
    """`exactInput` of the venue's own router along a path."""
    path = bytes.fromhex(hops[0].sell[2:]) + b"".join(hop.fee_pips.to_bytes(3, "big") + bytes.fromhex(hop.buy[2:]) for hop in hops)
    head = word(WORD) + word(5 * WORD) + address_word(recipient) + word(deadline) + word(amount_in) + word(least_out)
    return EXACT_INPUT + head + word(len(path)) + path + bytes(-len(path) % WORD)


def salt_of(token0: str, token1: str, fee_pips: int) -> bytes:
    """What CREATE2 hashes the pool's address from, before it is hashed itself."""
    return address_word(token0) + address_word(token1) + word(fee_pips)


def created(topics: Sequence[str], data: bytes) -> tuple[str, str, str, int, int]:
    """Pool, token0, token1, fee in pips and tick spacing, from a factory's PoolCreated log."""
    if len(topics) != 4 or len(data) != 2 * WORD:
        raise BadInput("A PoolCreated log has 4 topics and 64 bytes of data; fetch the log again.", field="data")
    token0, token1 = ("0x" + topic[-40:] for topic in topics[1:3])
    return "0x" + data[-20:].hex(), token0, token1, int(topics[3], 16), signed_at(data, 0)


async def _read_with_reader(
    node: Node, pool: str, tick_spacing: int, block: BlockRef, first: int, last: int, code: str
) -> dict[int, Tick] | None:
    """The ticks through the injected reader; None when the node does not play along."""
    found: dict[int, Tick] = {}
    spans = [(start, min(start + WORDS_A_CALL - 1, last)) for start in range(first, last + 1, WORDS_A_CALL)]
    while spans:
        calls = [READ_TICKS + address_word(pool) + word(start) + word(end) + word(tick_spacing) for start, end in spans]
        where, put = block_ref(block), {READER_ADDRESS: {"code": code}}
        answers = await node.batch([("eth_call", ({"to": READER_ADDRESS, "data": "0x" + one.hex()}, where, put)) for one in calls])
        if any(isinstance(answer, Exception) for answer in answers):
            return None
        rest = []
        for (start, end), answer in zip(spans, answers, strict=True):
            told = answer_bytes(answer, pool)
            following = signed_at(told, 1)
            if len(told) < 3 * WORD or following <= start:
                return None
            for at in range(unsigned_at(told, 2)):
                found[signed_at(told, 3 + 5 * at)] = _tick(told, 4 + 5 * at)
            if following <= end:  # the call's gas did not reach further
                rest.append((following, end))
        spans = rest
    return found


def _tick(answer: bytes, at: int) -> Tick:
    return Tick(unsigned_at(answer, at), signed_at(answer, at + 1), unsigned_at(answer, at + 2), unsigned_at(answer, at + 3))


@cache
def reader_code() -> str | None:
    """PoolReader's runtime code; None where only the packages are installed, without the contracts."""
    return json.loads(ARTIFACTS.read_text())["PoolReader"]["runtime"] if ARTIFACTS.is_file() else None
