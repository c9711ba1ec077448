"""The few pieces of the contracts' binary interface that calls and answers are made of; numbers and addresses, a word each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from domain.problems import BadInput, Unavailable, UnknownPool

if TYPE_CHECKING:
    from executor.chain.node import Node

WORD = 32
BlockRef = int | str


def word(number: int) -> bytes:
    """A number as 32 bytes, two's complement. Raises BadInput when it has more than 256 bits."""
    if not -(1 << 255) <= number < 1 << 256:
        raise BadInput(f"{number} does not fit 256 bits; no contract takes it.", field="amount")
    return (number % (1 << 256)).to_bytes(WORD, "big")


def address_word(address: str) -> bytes:
    """An address as 32 bytes. Raises BadInput for anything but 0x and 40 hexadecimal digits."""
    try:
        raw = bytes.fromhex(address.removeprefix("0x"))
    except ValueError:
        raw = b""
    if not address.startswith("0x") or len(raw) != 20:
        raise BadInput(f"{address!r} is no address; give 0x and 40 hexadecimal digits.", field="address", value=address)
    return bytes(12) + raw


def unsigned_at(answer: bytes, index: int) -> int:
    """The word at that place as an unsigned number."""
    return int.from_bytes(answer[index * WORD : (index + 1) * WORD], "big")


def signed_at(answer: bytes, index: int) -> int:
    """The word at that place as a signed number."""
    return int.from_bytes(answer[index * WORD : (index + 1) * WORD], "big", signed=True)


def address_at(answer: bytes, index: int) -> str:
    """The word at that place as an address."""
    return "0x" + answer[index * WORD + 12 : (index + 1) * WORD].hex()


def block_ref(block: BlockRef) -> Any:
    """A block as eth_call takes it: a number, a hash (0x and 64 digits), or a tag such as latest."""
    if isinstance(block, int):
        return hex(block)
    return {"blockHash": block} if block.startswith("0x") and len(block) == 66 else block


async def pinned(node: Node, block: BlockRef) -> BlockRef:
    """The block itself: a tag is resolved to the hash it means now, so that several questions are about one moment.

    Raises Unavailable when the node does not have it.
    """
    if isinstance(block, int) or block.startswith("0x"):
        return block
    found = await node.call("eth_getBlockByNumber", block, False)
    if not isinstance(found, dict) or not isinstance(found.get("hash"), str):
        raise Unavailable(f"The node has no {block} block yet; ask again.", block=block)
    return found["hash"]


async def ask(node: Node, to: str, questions: Sequence[bytes], block: BlockRef, *, most_in_batch: int = 1000) -> list[bytes]:
    """What one contract answers to each call at one block.

    Raises UnknownPool when it reverts (no such function there), Unavailable when the node cannot tell.
    """
    where = block_ref(block)
    answers: list[Any] = []
    for start in range(0, len(questions), most_in_batch):
        part = questions[start : start + most_in_batch]
        answers += await node.batch([("eth_call", ({"to": to, "data": "0x" + data.hex()}, where)) for data in part])
    return [answer_bytes(answer, to) for answer in answers]


def answer_bytes(answer: Any, to: str) -> bytes:
    """An eth_call's answer as bytes; see `ask` for what it raises."""
    if isinstance(answer, Exception):
        told = str(answer)
        if "revert" in told.lower():
            raise UnknownPool(f"{to} does not answer as a pool does ({told}); check its address and venue.", pool=to)
        raise Unavailable(f"The node could not answer about {to} at that block ({told}); ask again, or another node.", pool=to)
    try:
        return bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise Unavailable(f"The node answered {answer!r:.60} about {to}, which is no 0x text; ask again.", pool=to) from error


def whole(answer: bytes, words: int, to: str, question: str) -> bytes:
    """The answer, refused with UnknownPool when it has fewer words: an address without code answers nothing at all."""
    if len(answer) < words * WORD:
        raise UnknownPool(f"{to} does not answer {question}; it is no pool of this shape at that block, check address and venue.", pool=to)
    return answer
