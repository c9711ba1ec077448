"""The chain of a local market as steps: what a follower would tell of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from executor.chain.blocks import Back, Block, Forward, Step
from executor.chain.local.anvil import Anvil
from executor.chain.log_ranges import log_of


def block_at(node: Anvil, number: int) -> Block:
    """One block with all its logs."""
    told = node.rpc("eth_getBlockByNumber", hex(number), False)
    logs = tuple(log_of(one) for one in node.rpc("eth_getLogs", {"blockHash": told["hash"]}))
    return Block(number, told["hash"], told["parentHash"], int(told["timestamp"], 16), int(told["baseFeePerGas"], 16), logs)


class Followed:
    """Remembers which blocks were told, and tells what changed since."""

    def __init__(self, node: Anvil, from_block: int) -> None:
        self.node = node
        self.told: list[Block] = [block_at(node, from_block)]

    def steps(self, change: Callable[[Block], Block] = lambda block: block) -> Iterable[Step]:
        """Back over what is no longer there, then forward to the newest block; `change` may falsify a block."""
        while len(self.told) > 1 and not self._is_there(self.told[-1]):
            yield Back(self.told.pop())
        for number in range(self.told[-1].number + 1, self.node.block_number() + 1):
            block = block_at(self.node, number)
            self.told.append(block)
            yield Forward(change(block))

    def _is_there(self, block: Block) -> bool:
        now = self.node.rpc("eth_getBlockByNumber", hex(block.number), False)
        return now is not None and now["hash"] == block.hash


def without(topic: str) -> Callable[[Block], Block]:
    """Loses every log of that topic."""
    return lambda block: replace(block, logs=tuple(log for log in block.logs if log.topics[0] != topic))
