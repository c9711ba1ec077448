"""Small books of pools for the tests, and the files they come from."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.ticks import sqrt_price_at_tick
from executor.routing.pool_book import BookedPool, PoolBook, Token

USDC, WETH, DAI, PEPE = (
    Token("0x" + digit * 40, symbol, 18) for digit, symbol in zip("abcd", ("USDC", "WETH", "DAI", "PEPE"), strict=True)
)
ONE = 1 << 96


def pair(pool_id: int, token0: Token, token1: Token, reserve0: int, reserve1: int, fee_pips: int = 3000) -> BookedPool:
    return BookedPool(pool_id, ConstantProductPool(fee_pips, reserve0, reserve1), token0, token1, "UniswapV2State")


def concentrated(pool_id: int, token0: Token, token1: Token, liquidity: int, fee_pips: int = 500, reach: int = 600) -> BookedPool:
    pool = ConcentratedPool(fee_pips, 10, ONE, 0, 0).mint(-reach, reach, liquidity)[0]
    return BookedPool(pool_id, pool, token0, token1, "UniswapV3State")


def any_book(seed: int, tokens: int = 5, pools: int = 14) -> PoolBook:
    """A book drawn from a seed: both families, several pools a pair, prices that leave room for detours."""
    chance = random.Random(seed)
    known = [Token(f"0x{number:040x}", f"T{number}", 18) for number in range(1, tokens + 1)]
    booked = []
    for pool_id in range(pools):
        token0, token1 = sorted(chance.sample(known, 2), key=lambda token: token.address)
        if chance.random() < 0.5:
            booked.append(pair(pool_id, token0, token1, chance.randint(10**5, 10**9), chance.randint(10**5, 10**9)))
        else:
            booked.append(concentrated(pool_id, token0, token1, chance.randint(10**6, 10**10), reach=chance.choice((60, 600, 6000))))
    return PoolBook(booked)


def wild_book(seed: int) -> PoolBook:
    """A book with prices and sizes from one end to the other, where endless gains are the rule."""
    chance = random.Random(seed)
    known = [Token(f"0x{number:040x}", f"T{number}", 18) for number in range(1, 5)]
    worth = [chance.uniform(-60, 60) for _ in known]
    booked = []
    for pool_id in range(chance.choice((4, 8, 14))):
        one, two = sorted(chance.sample(range(4), 2))
        tick = int((worth[one] - worth[two]) * 5000)
        if chance.random() < 0.5:
            reserve0 = int(10 ** chance.uniform(3, 25))
            reserve1 = min(max(int(reserve0 * 1.0001**tick), 1), (1 << 112) - 1)
            booked.append(pair(pool_id, known[one], known[two], reserve0, reserve1, chance.choice((100, 3000, 10000))))
            continue
        spacing = chance.choice((1, 10, 60, 200))
        pool = ConcentratedPool(chance.choice((100, 500, 3000)), spacing, sqrt_price_at_tick(tick), tick, 0)
        for _ in range(chance.randint(1, 6)):
            lower = (tick + chance.randint(-50000, 20000)) // spacing * spacing
            pool = pool.mint(lower, lower + spacing * chance.randint(1, 400), int(10 ** chance.uniform(2, 30)))[0]
        booked.append(BookedPool(pool_id, pool, known[one], known[two], "UniswapV3State"))
    return PoolBook(booked)


def write_files(folder: Path, pools: list[dict[str, Any]] | None = None, ticks: list[dict[str, Any]] | None = None) -> tuple[Path, Path]:
    """Two files in the shape of router_pools_19: a concentrated pool 0 (USDC/WETH) and a pair 1 (WETH/DAI)."""
    pools_path, ticks_path = folder / "pools.parquet", folder / "ticks.parquet"
    pl.DataFrame(POOL_ROWS if pools is None else pools, infer_schema_length=None).write_parquet(pools_path)
    pl.DataFrame(TICK_ROWS if ticks is None else ticks, infer_schema_length=None).write_parquet(ticks_path)
    return pools_path, ticks_path


POOL_ROWS: list[dict[str, Any]] = [
    {
        "pool_id": 0, "protocol": "UniswapV3State",
        "token0": USDC.address, "token0_symbol": "USDC", "token0_decimals": 18,
        "token1": WETH.address, "token1_symbol": "WETH", "token1_decimals": 18,
        "fee_pips": 500, "tick_spacing": 10, "sqrt_price_x96": str(ONE), "tick": 0, "liquidity": "1000000000",
        "reserve0": None, "reserve1": None,
    },
    {
        "pool_id": 1, "protocol": "UniswapV2State",
        "token0": WETH.address, "token0_symbol": "WETH", "token0_decimals": 18,
        "token1": DAI.address, "token1_symbol": "DAI", "token1_decimals": 18,
        "fee_pips": 3000, "tick_spacing": None, "sqrt_price_x96": None, "tick": None, "liquidity": None,
        "reserve0": "1000000", "reserve1": "1000000",
    },
]  # fmt: skip
TICK_ROWS: list[dict[str, Any]] = [
    {"pool_id": 0, "tick": -600, "liquidity_net": "1000000000"},
    {"pool_id": 0, "tick": 600, "liquidity_net": "-1000000000"},
]


def changed(rows: list[dict[str, Any]], at: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**row, **changes} if number == at else row for number, row in enumerate(rows)]
