"""Pairs of the Uniswap V2 family on the chain: their reserves at a block, their logs, their creation, their venue's own router."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from domain.amm.constant_product import ConstantProductPool
from domain.amm.pair_logs import decode_pair
from domain.events import Event
from domain.problems import BadInput
from executor.chain.abi import WORD, BlockRef, address_at, address_word, ask, pinned, unsigned_at, whole, word
from executor.shapes.concentrated import Hop

if TYPE_CHECKING:
    from executor.chain.blocks import Log
    from executor.chain.node import Node

# keccak-256 of PairCreated(address,address,address,uint256), which the factory emits.
PAIR_CREATED = "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
GET_RESERVES = bytes.fromhex("0902f1ac")
EXACT_INPUT = bytes.fromhex("38ed1739")  # swapExactTokensForTokens(amountIn, least, address[] path, address, deadline)


def decode(log: Log, event: str, position: Mapping[str, Any]) -> Event | None:
    """The event that a log announces. Raises BadInput naming the field when topics or data are not those of the event."""
    return decode_pair(event, [bytes.fromhex(topic[2:]) for topic in log.topics], log.data, log.address, **position)


async def read_state(node: Node, pool: str, block: BlockRef, fee_pips: int) -> ConstantProductPool:
    """The pair's reserves at the end of one block. Raises UnknownPool when it is none, Unavailable when the node cannot tell."""
    (answer,) = await ask(node, pool, [GET_RESERVES], await pinned(node, block))
    whole(answer, 2, pool, "getReserves()")
    return ConstantProductPool(fee_pips, unsigned_at(answer, 0), unsigned_at(answer, 1))


def swap_data(hops: Sequence[Hop], amount_in: int, least_out: int, recipient: str, deadline: int) -> bytes:
    """`swapExactTokensForTokens` of the venue's own router along a path."""
    tokens = [hops[0].sell, *(hop.buy for hop in hops)]
    head = word(amount_in) + word(least_out) + word(5 * WORD) + address_word(recipient) + word(deadline)
    return EXACT_INPUT + head + word(len(tokens)) + b"".join(address_word(token) for token in tokens)


def salt_of(token0: str, token1: str) -> bytes:
    """What CREATE2 hashes the pair's address from, before it is hashed itself."""
    return address_word(token0)[12:] + address_word(token1)[12:]


def created(topics: Sequence[str], data: bytes) -> tuple[str, str, str]:
    """Pair, token0 and token1, from a factory's PairCreated log."""
    if len(topics) != 3 or len(data) != 2 * WORD:
        raise BadInput("A PairCreated log has 3 topics and 64 bytes of data; fetch the log again.", field="data")
    token0, token1 = ("0x" + topic[-40:] for topic in topics[1:3])
    return address_at(data, 0), token0, token1
