"""A chain in memory whose blocks hold the logs of three pools, and a node of it that can lag, forget and contradict itself."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.problems import Unavailable
from executor.chain.node import NodeRefused
from executor.ledger.rows import PoolFacts
from executor.listener.bloom import bloom_of
from executor.ports import Chance, Clock
from executor.venue import every_venue

CHAIN_ID = 31337
GENESIS_TIME = 1_767_571_200  # 2026-01-05
TOKENS = tuple("0x" + f"a{at}" * 20 for at in range(2))


def pool_facts(address: str, venue: str, fee_pips: int | None = None) -> PoolFacts:
    return PoolFacts(address, every_venue()[venue], TOKENS[0], TOKENS[1], fee_pips)


V3, V2, PANCAKE, STRANGER = ("0x" + f"{at}{at}" * 20 for at in range(1, 5))
POOLS = {V3: pool_facts(V3, "uniswap_v3", 500), V2: pool_facts(V2, "sushiswap", 3000), PANCAKE: pool_facts(PANCAKE, "pancakeswap_v3", 2500)}
SWAP = {address: facts.venue.topic_of("swap") for address, facts in POOLS.items()} | {
    STRANGER: every_venue()["uniswap_v3"].topic_of("swap")
}
ADDRESSES = (*POOLS, STRANGER)


def word(value: int) -> bytes:
    return (value % 2**256).to_bytes(32, "big")


def account(number: int) -> str:
    return "0x" + word(number).hex()


def v3_words(amount0: int, amount1: int, *more: int) -> bytes:
    return b"".join(word(value) for value in (amount0, amount1, 2**96, 10**18, -5, *more))


@dataclass(frozen=True)
class ChainBlock:
    number: int
    hash: str
    parent: str
    logs: tuple[dict[str, Any], ...]

    def header(self) -> dict[str, Any]:
        spoken = [value for log in self.logs for value in (log["address"], *log["topics"])]
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent,
            "timestamp": hex(GENESIS_TIME + 12 * self.number),
            "baseFeePerGas": hex(10**9),
            "logsBloom": "0x" + f"{bloom_of(spoken):0512x}",
            "transactions": sorted({log["transactionHash"] for log in self.logs}),
        }


@dataclass
class LogChain:
    """`grow` adds blocks, `reorg` replaces the newest; every block that ever was can still be asked for by its hash."""

    chance: Chance
    blocks: list[ChainBlock] = field(default_factory=list)
    by_hash: dict[str, ChainBlock] = field(default_factory=dict)
    made: int = 0
    highest: int = 0
    requests: int = 0
    final: int | None = None

    def __post_init__(self) -> None:
        if not self.blocks:
            self.grow(1)

    @property
    def head(self) -> ChainBlock:
        return self.blocks[-1]

    def grow(self, count: int, *, logs: int | None = None) -> None:
        for _ in range(count):
            self.made += 1
            number = len(self.blocks)
            hash = "0x" + hashlib.sha256(f"{number} {self.made}".encode()).hexdigest()
            parent = self.blocks[-1].hash if self.blocks else "0x" + "00" * 32
            wanted = self.chance.choice((0, 0, 1, 1, 2, 4)) if logs is None else logs
            block = ChainBlock(number, hash, parent, tuple(self._log(number, hash, 3 * at + 1) for at in range(wanted)))
            self.blocks.append(block)
            self.by_hash[hash] = block
            self.highest = max(self.highest, number)

    def cut(self, depth: int) -> None:
        """Only forget the newest blocks; the first one stays."""
        del self.blocks[max(1, len(self.blocks) - max(0, depth)) :]

    def reorg(self, depth: int, grow: int) -> None:
        self.cut(depth)
        self.grow(grow)

    def _log(self, number: int, hash: str, index: int) -> dict[str, Any]:
        pool = self.chance.choice(ADDRESSES if self.chance.random() < 0.1 else tuple(POOLS))
        sold, bought = self.chance.randrange(1, 10**24), self.chance.randrange(1, 10**20)
        amounts = (sold, -bought) if self.chance.random() < 0.5 else (-bought, sold)
        topics = [SWAP[pool], account(self.chance.randrange(9)), account(self.chance.randrange(9))]
        if pool == V2:
            data = b"".join(word(max(one, 0)) for one in amounts) + b"".join(word(max(-one, 0)) for one in amounts)
        else:
            data = v3_words(*amounts, *((7, 0) if pool == PANCAKE else ()))
        kind = self.chance.random()
        if kind < 0.1 and pool in POOLS:
            topics = [POOLS[pool].venue.topic_of("mint"), *topics[1:]]  # no swap, so no row
        elif kind < 0.15:
            data = data[:-1]  # cut, so set aside
        return {
            "address": pool,
            "topics": topics,
            "data": "0x" + data.hex(),
            "blockNumber": hex(number),
            "blockHash": hash,
            "transactionHash": "0x" + hashlib.sha256(f"{hash} {index}".encode()).hexdigest(),
            "transactionIndex": hex(index // 3),
            "logIndex": hex(index),
        }

    def answer(self, method: str, params: Sequence[Any], blocks: Sequence[ChainBlock]) -> Any:
        """What a node says that knows these blocks. Raises NodeRefused."""
        self.requests += 1
        match method:
            case "eth_getBlockByNumber":
                if params[0] == "finalized":
                    return blocks[self.final].header() if self.final is not None else None
                at = len(blocks) - 1 if params[0] == "latest" else int(params[0], 16)
                return blocks[at].header() if at < len(blocks) else None
            case "eth_getBlockByHash":
                return self.by_hash[params[0]].header() if params[0] in self.by_hash else None
            case "eth_getLogs":
                return self._logs(params[0], blocks)
            case "eth_getBlockReceipts":
                block = self.by_hash[params[0]]
                return [{"logs": [log]} for log in block.logs]
        raise NodeRefused(f"{method}: no such method", code=-32601)

    def _logs(self, asked: dict[str, Any], blocks: Sequence[ChainBlock]) -> list[dict[str, Any]]:
        if "blockHash" in asked:
            if asked["blockHash"] not in self.by_hash:
                raise NodeRefused("eth_getLogs: unknown block", code=-32000)
            found = [self.by_hash[asked["blockHash"]]]
        else:
            found = list(blocks[int(asked["fromBlock"], 16) : int(asked["toBlock"], 16) + 1])
        addresses, topics = asked.get("address"), asked.get("topics")
        return [
            log
            for block in found
            for log in block.logs
            if (not addresses or log["address"] in addresses) and (not topics or log["topics"][0] in topics[0])
        ]


@dataclass
class HonestNode:
    """A Node of the chain; `overrides` replaces the answers of a method."""

    chain: LogChain
    overrides: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def call(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        if method in self.overrides:
            return self.overrides[method](*params)
        return self.chain.answer(method, params, self.chain.blocks)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        told = []
        for method, params in calls:
            try:
                told.append(await self.call(method, *params))
            except NodeRefused as refused:
                told.append(refused)
        return told


@dataclass
class LyingNode:
    """A node that lags behind, forgets logs, does not answer, or answers from the branch that was; `lies` is how often."""

    chain: LogChain
    chance: Chance
    lies: float = 0.1
    former: list[ChainBlock] = field(default_factory=list)

    async def call(self, method: str, *params: Any) -> Any:
        if self.chance.random() >= self.lies:
            return self.chain.answer(method, params, self.chain.blocks)
        match self.chance.randrange(4):
            case 0:
                raise Unavailable("The node did not answer.")
            case 1 if method == "eth_getLogs":
                return []  # the block is there, its logs are not yet
            case 2 if self.former:
                return self.chain.answer(method, params, self.former)
        lag = self.chance.randrange(4)
        return self.chain.answer(method, params, self.chain.blocks[: max(1, len(self.chain.blocks) - lag)])

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        told = []
        for method, params in calls:
            try:
                told.append(await self.call(method, *params))
            except NodeRefused as refused:
                told.append(refused)
        return told


@dataclass
class RandomBell:
    """A subscription that breaks off, and forgets to ring."""

    clock: Clock
    chain: LogChain
    chance: Chance

    async def heads(self) -> AsyncIterator[str | None]:
        yield None
        rung = None
        while True:
            await self.clock.sleep(0.25)
            if self.chance.random() < 0.1:
                raise Unavailable("The WebSocket broke off.")
            if self.chain.head.hash != rung and self.chance.random() < 0.7:
                rung = self.chain.head.hash
                yield rung
