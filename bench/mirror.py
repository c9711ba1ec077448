"""What it costs to keep 10,000 pools up to date: one block's events into states and book, and one pool's whole state read from a chain.

Beside the mirror stands the plain way, a new book built from all pools at every block. Both must give the same quotes. On the local
chain each read is made twice, through the injected reader and by asking for every word and tick, and must give the same pool.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.ticks import sqrt_price_at_tick
from domain.problems import Unavailable
from executor.chain.abi import word
from executor.chain.blocks import Block, Forward, Log
from executor.chain.node import HttpNode
from executor.conformance import LocalStage
from executor.mirror import Mirror, WatchedPool
from executor.routing.pool_book import PoolBook, Token
from executor.shapes import concentrated as of_ranges
from executor.venue import PoolValue, Venue, every_venue

TOKENS, CHANGED, SEED = 400, 60, 5
AIM_MS = 5.0
HUB = "0x" + "ff" * 20


def main() -> int:
    """Prints milliseconds a block and a read; returns 1 when two ways differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.mirror", description=__doc__)
    parser.add_argument("--pools", type=int, default=10_000, help="how many pools are mirrored")
    parser.add_argument("--blocks", type=int, default=200, help="how many blocks go by")
    chosen = parser.parse_args()
    agree = _blocks(chosen.pools, chosen.blocks)
    return 0 if _reads() and agree else 1


class Prepared(Venue):
    """A venue whose pools' first states are known without a chain."""

    states: dict[str, PoolValue] = {}  # noqa: RUF012

    async def get_pool_state(self, node: Any, pool: str, block: Any = "latest") -> PoolValue:
        return self.states[pool]


class Header:
    """A node that knows one block."""

    async def call(self, method: str, *params: Any) -> Any:
        return {"number": "0x0", "hash": "0x00", "timestamp": "0x0"}


def _blocks(count: int, blocks: int) -> bool:
    chance = random.Random(SEED)
    venues = {name: _prepared(every_venue()[name]) for name in ("uniswap_v3", "sushiswap")}
    pools = [_pool(chance, number) for number in range(1, count + 1)]
    Prepared.states = {one.address: _state(chance, one) for one in pools}
    mirror = Mirror(venues)
    asyncio.run(mirror.start(Header(), pools))  # type: ignore[arg-type]
    states = {one.pool_id: Prepared.states[one.address] for one in pools}
    ours, theirs, agree = [], [], True
    for number in range(1, blocks + 1):
        logs = []
        for pool in chance.sample(pools, CHANGED):
            states[pool.pool_id], log = _traded(chance, venues[pool.venue], pool, states[pool.pool_id])
            logs.append(log)
        step = Forward(Block(number, hex(number), mirror.head.hash, number, 0, tuple(logs)))
        ours.append(_timed(lambda step=step: mirror.apply(step)))
        theirs.append(_timed(lambda: PoolBook(one.booked(states[one.pool_id], venues[one.venue].shape) for one in pools)))
        agree &= all(mirror.book.pool(one.pool_id).pool == states[one.pool_id] for one in pools[:: max(count // 200, 1)])
    agree &= not mirror.suspended and all(booked.pool == states[booked.pool_id] for booked in mirror.book)
    table = Table("way", "cpu ms a block, p50", "p95", title=f"{count:,} pools, {CHANGED} events a block")
    for name, taken in (("mirror: decode, prove, apply, renew the book", ours), ("a new book alone, from all pools", theirs)):
        table.add_row(name, f"{_at(taken, 0.5):.2f}", f"{_at(taken, 0.95):.2f}")
    Console().print(table)
    Console().print(f"aim {AIM_MS} ms p95: {'met' if _at(ours, 0.95) <= AIM_MS else 'missed'}; states {'equal' if agree else 'DIFFER'}")
    return agree


def _reads() -> bool:
    table = Table("pool", "ticks", "injected reader, ms", "word by word, ms", title="One pool's whole state over JSON-RPC, local chain")
    agree = True

    async def read(stage: LocalStage, pool: str) -> tuple[Any, float]:
        async with HttpNode(stage.world.node.url, timeout_seconds=60) as node:
            await stage.venue.get_pool_state(node, pool)
            begun = time.perf_counter()
            value = await stage.venue.get_pool_state(node, pool)
            return value, (time.perf_counter() - begun) * 1000

    try:
        with LocalStage.open(every_venue()["uniswap_v3"]) as stage:
            for fee in (3000, 500, 100):
                pool = stage.pool if fee == 3000 else stage.furnished(stage.pool.token0, stage.next_pool.token0, fee, fee)
                value, fast = asyncio.run(read(stage, pool.address))
                code, of_ranges.reader_code = of_ranges.reader_code, lambda: None  # type: ignore[assignment]
                other, slow = asyncio.run(read(stage, pool.address))
                of_ranges.reader_code = code
                agree &= value == other
                table.add_row(f"spacing {pool.tick_spacing}", str(len(value.ticks)), f"{fast:.1f}", f"{slow:.1f}")
    except Unavailable as absent:
        Console().print(f"No local chain here: {absent.message}")
        return True
    Console().print(table)
    return agree


def _prepared(venue: Venue) -> Prepared:
    return Prepared(**{name: getattr(venue, name) for name in venue.__dataclass_fields__})


def _pool(chance: random.Random, number: int) -> WatchedPool:
    """Half of all pools trade against one token, as they do against wrapped ether."""
    low, high = sorted({f"0x{chance.randrange(TOKENS):040x}", f"0x{TOKENS + chance.randrange(TOKENS):040x}"})
    token0, token1 = Token(low, "", 18), Token(HUB if number % 2 else high, "", 18)
    is_pair = number % 3 == 0
    return WatchedPool(number, "sushiswap" if is_pair else "uniswap_v3", f"0x{number:040x}", token0, token1, 3000, None if is_pair else 60)


def _state(chance: random.Random, pool: WatchedPool) -> PoolValue:
    if pool.tick_spacing is None:
        return ConstantProductPool(3000, chance.randint(10**20, 10**24), chance.randint(10**20, 10**24))
    tick = chance.randint(-50_000, 50_000)
    value = ConcentratedPool(3000, 60, sqrt_price_at_tick(tick), tick, 0)
    for _ in range(10):
        lower = (tick // 60 + chance.randint(-40, 20)) * 60
        value = value.mint(lower, lower + 60 * chance.randint(1, 40), 10**21)[0]
    return value.mint((tick // 60 - 50) * 60, (tick // 60 + 50) * 60, 10**22)[0]


def _traded(chance: random.Random, venue: Venue, pool: WatchedPool, value: PoolValue) -> tuple[PoolValue, Log]:
    """The pool after a trade, and the log that tells of it."""
    zero_for_one = chance.random() < 0.5
    after, quote = value.swap(zero_for_one, int(10 ** chance.uniform(15, 19)))
    if isinstance(after, ConstantProductPool):
        topics, numbers = (venue.topic_of("sync"),), [after.reserve0, after.reserve1]
    else:
        amounts = (quote.amount_in, -quote.amount_out) if zero_for_one else (-quote.amount_out, quote.amount_in)
        topics = (venue.topic_of("swap"), "0x" + "00" * 32, "0x" + "00" * 32)
        numbers = [*amounts, after.sqrt_price_x96, after.liquidity, after.tick]
    return after, Log(pool.address, topics, b"".join(word(number) for number in numbers), 0, "0x", "0x", 0, 0)


def _timed(deed: Callable[[], Any]) -> float:
    begun = time.process_time()
    deed()
    return (time.process_time() - begun) * 1000


def _at(taken: list[float], part: float) -> float:
    return sorted(taken)[min(int(len(taken) * part), len(taken) - 1)]


if __name__ == "__main__":
    raise SystemExit(main())
