"""A chain of a few dozen blocks over three days, made by our own pools: small enough to know every row of it.

Three pools trade: WETH/USDC on Uniswap V3 (with a snapshot), WETH/DAI on PancakeSwap V3 (born on the chain), WETH/USDC on SushiSwap.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from assets.chain.market_replay import at_initialize
from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.ticks import sqrt_price_at_tick
from domain.events import Flash, Initialize, SetFeeProtocol
from executor.chain.layout import TABLES
from executor.chain.recording import Recording, RecordingWriter
from executor.venue import every_venue

CHAIN_ID = 31337
FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = ("2026-01-05", "2026-01-06", "2026-01-07")
WETH, USDC, DAI = ("0x" + digit * 40 for digit in "abc")
V3, CAKE, PAIR = ("0x" + digit * 40 for digit in "123")
TRADER, ARBITRAGEUR, PROVIDER, ROUTER = ("0x" + digit * 40 for digit in "4567")
ONE_WETH, ONE_USDC = 10**18, 10**6
FEE, SPACING = 3000, 60
START_TICK = -201000  # about 1,870 USDC per WETH


def word(number: int) -> bytes:
    """A number as a 32-byte two's-complement word."""
    return (number % (1 << 256)).to_bytes(32, "big")


def topic(value: str | int) -> str:
    """An indexed address or number as a topic."""
    return "0x" + word(int(value, 16) if isinstance(value, str) else value).hex()


def hash_of(*parts: Any) -> str:
    """A hash that depends on nothing but the parts."""
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(slots=True)
class SmallChain:
    """Writes blocks, transactions and logs as its pools trade."""

    blocks: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    v3: ConcentratedPool = field(init=False)
    at_start: ConcentratedPool = field(init=False)
    cake: ConcentratedPool | None = None
    pair: ConstantProductPool = field(init=False)

    def __post_init__(self) -> None:
        empty = ConcentratedPool(FEE, SPACING, sqrt_price_at_tick(START_TICK), START_TICK, 0)
        self.pair = ConstantProductPool(3000, 1000 * ONE_WETH, 1_870_000 * ONE_USDC)
        self.v3 = empty.mint(START_TICK - 6000, START_TICK + 6000, 10**18)[0].mint(START_TICK - 600, START_TICK + 600, 2 * 10**18)[0]
        self.at_start = self.v3

    def block(self, hours: float) -> None:
        """A new block, so many hours after the first midnight."""
        number = 100 + len(self.blocks)
        self.blocks.append(
            {
                "number": number,
                "hash": hash_of("block", number),
                "parent_hash": hash_of("block", number - 1),
                "timestamp": FIRST_DAY + timedelta(hours=hours),
                "base_fee_per_gas": 20 * 10**9,
                "gas_used": 5_000_000,
                "gas_limit": 30_000_000,
                "is_canonical": True,
            }
        )

    def send(self, wallet: str, *, status: int = 1, gas_used: int = 200_001) -> None:
        """A new transaction in the newest block."""
        block = self.blocks[-1]
        index = sum(one["block_number"] == block["number"] for one in self.transactions)
        self.transactions.append(
            {
                "hash": hash_of("tx", block["number"], index),
                "block_number": block["number"],
                "block_hash": block["hash"],
                "transaction_index": index,
                "from_address": wallet,
                "to_address": ROUTER,
                "nonce": len(self.transactions),
                "value": 0,
                "gas_limit": 500_000,
                "gas_used": gas_used,
                "effective_gas_price": 21 * 10**9,
                "status": status,
            }
        )

    def emit(self, address: str, topics: list[str], data: bytes) -> None:
        """A log of the newest transaction."""
        sent, block = self.transactions[-1], self.blocks[-1]
        padded: list[str | None] = [*topics, None, None, None]
        self.logs.append(
            {
                "block_number": block["number"],
                "block_hash": block["hash"],
                "block_timestamp": block["timestamp"],
                "transaction_hash": sent["hash"],
                "transaction_index": sent["transaction_index"],
                "log_index": sum(log["block_number"] == block["number"] for log in self.logs),
                "address": address,
                **{f"topic{n}": padded[n] for n in range(4)},
                "data": data,
            }
        )

    def swap_v3(self, zero_for_one: bool, amount: int, *, exact_out: bool = False) -> int:
        """A swap in the Uniswap pool; returns what came out."""
        self.v3, quote = self.v3.swap(zero_for_one, amount, exact_out=exact_out)
        signed = (quote.amount_in, -quote.amount_out) if zero_for_one else (-quote.amount_out, quote.amount_in)
        told = (*signed, self.v3.sqrt_price_x96, self.v3.liquidity, self.v3.tick)
        self.emit(V3, [_topic("uniswap_v3", "swap"), topic(ROUTER), topic(TRADER)], b"".join(word(number) for number in told))
        return quote.amount_out

    def swap_cake(self, zero_for_one: bool, amount: int) -> int:
        """A swap in the PancakeSwap pool, whose event also tells the protocol's part of the fee."""
        assert self.cake is not None
        before = (self.cake.protocol_fees0, self.cake.protocol_fees1)
        self.cake, quote = self.cake.swap(zero_for_one, amount)
        signed = (quote.amount_in, -quote.amount_out) if zero_for_one else (-quote.amount_out, quote.amount_in)
        fees = (self.cake.protocol_fees0 - before[0], self.cake.protocol_fees1 - before[1])
        told = (*signed, self.cake.sqrt_price_x96, self.cake.liquidity, self.cake.tick, *fees)
        self.emit(CAKE, [_topic("pancakeswap_v3", "swap"), topic(ROUTER), topic(TRADER)], b"".join(word(number) for number in told))
        return quote.amount_out

    def swap_pair(self, zero_for_one: bool, amount: int) -> int:
        """A swap in the SushiSwap pair: first its reserves, then the trade."""
        self.pair, quote = self.pair.swap(zero_for_one, amount)
        self._sync()
        amounts = (amount, 0, 0, quote.amount_out) if zero_for_one else (0, amount, quote.amount_out, 0)
        self.emit(PAIR, [_topic("sushiswap", "swap"), topic(ROUTER), topic(TRADER)], b"".join(word(number) for number in amounts))
        return quote.amount_out

    def add_to_pair(self, amount0: int, amount1: int) -> None:
        """Liquidity for the pair, with the transfer of its shares."""
        self.pair = ConstantProductPool(3000, self.pair.reserve0 + amount0, self.pair.reserve1 + amount1)
        self.emit(PAIR, [_topic("sushiswap", "transfer"), topic(0), topic(PROVIDER)], word(1))
        self._sync()
        self.emit(PAIR, [_topic("sushiswap", "mint"), topic(ROUTER)], word(amount0) + word(amount1))

    def take_from_pair(self, amount0: int, amount1: int) -> None:
        """Liquidity out of the pair."""
        self.pair = ConstantProductPool(3000, self.pair.reserve0 - amount0, self.pair.reserve1 - amount1)
        self._sync()
        self.emit(PAIR, [_topic("sushiswap", "burn"), topic(ROUTER), topic(PROVIDER)], word(amount0) + word(amount1))

    def mint(self, lower: int, upper: int, liquidity: int) -> None:
        """Liquidity for the Uniswap pool."""
        self.v3, amount0, amount1 = self.v3.mint(lower, upper, liquidity)
        topics = [_topic("uniswap_v3", "mint"), topic(PROVIDER), topic(lower), topic(upper)]
        self.emit(V3, topics, word(int(ROUTER, 16)) + word(liquidity) + word(amount0) + word(amount1))

    def burn(self, lower: int, upper: int, liquidity: int) -> None:
        """Liquidity out of the Uniswap pool, and its collection."""
        self.v3, amount0, amount1 = self.v3.burn(lower, upper, liquidity)
        ends = [topic(PROVIDER), topic(lower), topic(upper)]
        self.emit(V3, [_topic("uniswap_v3", "burn"), *ends], word(liquidity) + word(amount0) + word(amount1))
        self.emit(V3, [_topic("uniswap_v3", "collect"), *ends], word(int(PROVIDER, 16)) + word(amount0) + word(amount1))

    def open_cake(self) -> None:
        """The PancakeSwap pool's first price and first liquidity."""
        price, tick = sqrt_price_at_tick(75_300), 75_300
        self.emit(CAKE, [_topic("pancakeswap_v3", "initialize")], word(price) + word(tick))
        self.cake = at_initialize(Initialize(CAKE, price, tick), "pancakeswap_v3", 2500, 50)
        self.cake, amount0, amount1 = self.cake.mint(tick - 1000, tick + 1000, 10**22)
        topics = [_topic("pancakeswap_v3", "mint"), topic(PROVIDER), topic(tick - 1000), topic(tick + 1000)]
        self.emit(CAKE, topics, word(int(ROUTER, 16)) + word(10**22) + word(amount0) + word(amount1))

    def other_events(self) -> None:
        """Events that change fees or nothing at all: a flash, a fee setting, its collection, more observations."""
        paid = (10**15, 0)
        self.v3 = self.v3.apply(Flash(V3, 10**18, 0, *paid)).apply(SetFeeProtocol(V3, 4, 5))
        self.emit(V3, [_topic("uniswap_v3", "flash"), topic(ROUTER), topic(TRADER)], word(10**18) + word(0) + word(paid[0]) + word(paid[1]))
        self.emit(V3, [_topic("uniswap_v3", "set_fee_protocol")], word(0) + word(0) + word(4) + word(5))
        self.emit(V3, [_topic("uniswap_v3", "collect_protocol"), topic(ROUTER), topic(TRADER)], word(1) + word(1))
        self.emit(V3, [_topic("uniswap_v3", "increase_observation_cardinality")], word(1) + word(2))

    def _sync(self) -> None:
        self.emit(PAIR, [_topic("sushiswap", "sync")], word(self.pair.reserve0) + word(self.pair.reserve1))

    def tables(self) -> dict[str, pl.DataFrame]:
        """The recording's tables, in the types of a recording."""
        start = self.at_start
        pools = [
            _pool(
                V3,
                "uniswap_v3",
                "concentrated",
                (WETH, USDC),
                FEE,
                SPACING,
                sqrt_price_x96=str(start.sqrt_price_x96),
                tick=start.tick,
                liquidity=str(start.liquidity),
            ),
            _pool(CAKE, "pancakeswap_v3", "concentrated", (WETH, DAI), 2500, 50, has_state=False),
            _pool(
                PAIR,
                "sushiswap",
                "constant_product",
                (WETH, USDC),
                3000,
                None,
                reserve0=str(1000 * ONE_WETH),
                reserve1=str(1_870_000 * ONE_USDC),
            ),
        ]
        ticks = [
            {
                "pool": V3,
                "tick": tick,
                "liquidity_gross": str(one.liquidity_gross),
                "liquidity_net": str(one.liquidity_net),
                "is_inferred": False,
            }
            for tick, one in start.ticks.items()
        ]
        tokens = [(WETH, "WETH", 18, "ETH/USD"), (USDC, "USDC", 6, "USDC/USD"), (DAI, "DAI", 18, "DAI/USD")]
        moments = [FIRST_DAY - timedelta(hours=1) + timedelta(minutes=5 * n) for n in range(12 * 75)]
        prices = [
            {"token": token, "timestamp": moment, "price_usd": 1870.0 + n if token == WETH else 1.0, "source": "made up"}
            for token in (WETH, USDC, DAI)
            for n, moment in enumerate(moments)
        ]
        rows: dict[str, list[dict[str, Any]]] = {
            "blocks": self.blocks,
            "logs": self.logs,
            "transactions": self.transactions,
            "tokens": [{"address": a, "symbol": s, "name": s, "decimals": d, "reference_symbol": r} for a, s, d, r in tokens],
            "pools": pools,
            "ticks": ticks,
            "prices": prices,
        }
        return {name: _frame(name, rows[name]) for name in TABLES}

    def write(self, folder: Path, **changed: pl.DataFrame) -> Recording:
        """The chain as a recording in that folder, with some tables replaced."""
        return write_recording(folder, {**self.tables(), **changed})


def write_recording(folder: Path, tables: dict[str, pl.DataFrame]) -> Recording:
    """Tables as a recording of three days."""
    writer = RecordingWriter(folder)
    for name, frame in tables.items():
        writer.write(name, frame)
    return writer.finish(
        name="small",
        chain_id=CHAIN_ID,
        first_block=100,
        last_block=200,
        first_day=DAYS[0],
        last_day=DAYS[-1],
        simulated_traders=True,
        description="Made for tests.",
        pools=[V3, CAKE, PAIR],
    )


def small_chain() -> SmallChain:
    """Three days: trades in all pools, liquidity in and out, a round trip, a reverted transaction, every other event."""
    chain = SmallChain()
    for day in range(3):
        start = 24 * day
        chain.block(start + 1)
        chain.send(TRADER)
        chain.swap_v3(True, ONE_WETH + day)
        chain.send(TRADER)
        chain.swap_v3(False, 500 * ONE_USDC, exact_out=False)
        chain.block(start + 2.5)
        chain.send(PROVIDER)
        if day == 0:
            chain.mint(START_TICK - 120, START_TICK + 120, 10**17)
            chain.add_to_pair(10 * ONE_WETH, 18_700 * ONE_USDC)
        if day == 1:
            chain.burn(START_TICK - 120, START_TICK + 120, 10**17)
            chain.open_cake()
            chain.other_events()
        if day == 2:
            chain.take_from_pair(ONE_WETH, 1_900 * ONE_USDC)
            chain.swap_cake(True, ONE_WETH)
        chain.block(start + 2.6)
        chain.send(ARBITRAGEUR)
        bought = chain.swap_pair(False, 1_000 * ONE_USDC)
        chain.swap_v3(True, bought)
        chain.send(TRADER, status=0, gas_used=60_000)
        chain.block(start + 23.9)
        chain.send(TRADER)
        chain.swap_pair(True, ONE_WETH // 2)
    return chain


def _topic(venue: str, event: str) -> str:
    return every_venue()[venue].topic_of(event)


def _pool(
    pool: str, venue: str, protocol: str, tokens: tuple[str, str], fee_pips: int, spacing: int | None, **state: Any
) -> dict[str, Any]:
    told = {"pool": pool, "venue": venue, "protocol": protocol, "token0": tokens[0], "token1": tokens[1], "fee_pips": fee_pips}
    return {**told, "tick_spacing": spacing, "block_number": 100, "log_index": -1, "has_state": True, **state}


def _frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = TABLES[name].schema
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema, strict=False)
