"""A small trading floor for the executor's tests: three WETH/USDC pools, one WETH/DAI, one USDC/DAI, a quiet market, and the champion."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from assets.learning.handover import write_handover
from domain.amm.ticks import sqrt_price_at_tick
from domain.bundles import ACTIONS
from domain.features import NAMES
from domain.market import MarketHistory, Series, microseconds
from models.bundle import Bundle, Origin, write_bundle
from models.policies import execute_now

NOON = datetime(2026, 1, 18, 12, tzinfo=UTC)
# Addresses in the order of the pools' sides: DAI < USDC < WETH.
DAI, USDC, WETH = ("0x" + digit * 40 for digit in "123")
WEI, MICRO = 10**18, 10**6


def price_tick(usdc_per_weth: float) -> int:
    """The tick of a USDC/WETH pool (token0 is USDC) at this price."""
    return round(np.log(WEI / MICRO / usdc_per_weth) / np.log(1.0001))


def pools(usdc_per_weth: float = 3000.0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pools and ticks files: a deep and a shallow concentrated pool, a pair, and two that go round through DAI."""
    tick = price_tick(usdc_per_weth) // 10 * 10
    rows = [
        _concentrated(0, USDC, WETH, 500, 10, tick, 4 * 10**18),
        _concentrated(1, USDC, WETH, 3000, 60, tick, 2 * 10**18),
        _pair(2, USDC, WETH, int(9_000_000 * MICRO), int(9_000_000 / usdc_per_weth * WEI)),
        _pair(3, DAI, WETH, 4_000_000 * WEI, int(4_000_000 / usdc_per_weth * WEI)),
        _pair(4, DAI, USDC, 3_000_000 * WEI, 3_000_000 * MICRO),
    ]
    ticks = [
        {"pool_id": pool, "tick": edge, "liquidity_net": str(net), "liquidity_gross": str(abs(net))}
        for pool, depth in ((0, 4 * 10**18), (1, 2 * 10**18))
        for edge, net in ((-887_220 // 60 * 60 + 60, depth), (887_220 // 60 * 60 - 60, -depth))
    ]
    return pl.DataFrame(rows, infer_schema_length=None), pl.DataFrame(ticks)


def _row(pool_id: int, token0: str, token1: str, fee_pips: int) -> dict[str, object]:
    symbols = {DAI: ("DAI", 18), USDC: ("USDC", 6), WETH: ("WETH", 18)}
    return {
        "pool_id": pool_id,
        "token0": token0,
        "token0_symbol": symbols[token0][0],
        "token0_decimals": symbols[token0][1],
        "token1": token1,
        "token1_symbol": symbols[token1][0],
        "token1_decimals": symbols[token1][1],
        "fee_pips": fee_pips,
        "pool": f"0x{pool_id:040x}",
    }


def _concentrated(pool_id: int, token0: str, token1: str, fee_pips: int, spacing: int, tick: int, liquidity: int) -> dict[str, object]:
    state = {"tick_spacing": spacing, "sqrt_price_x96": str(sqrt_price_at_tick(tick)), "tick": tick, "liquidity": str(liquidity)}
    return {
        **_row(pool_id, token0, token1, fee_pips),
        **state,
        "protocol": "concentrated",
        "venue": "uniswap_v3",
        "reserve0": None,
        "reserve1": None,
    }


def _pair(pool_id: int, token0: str, token1: str, reserve0: int, reserve1: int) -> dict[str, object]:
    state = {"tick_spacing": None, "sqrt_price_x96": None, "tick": None, "liquidity": None}
    return {
        **_row(pool_id, token0, token1, 3000),
        **state,
        "protocol": "constant_product",
        "venue": "sushiswap",
        "reserve0": str(reserve0),
        "reserve1": str(reserve1),
    }


def market(usdc_per_weth: float = 3000.0) -> MarketHistory:
    """Prices that stood still for an hour, gas at 20 gwei."""
    hour_ago, now = microseconds(NOON) - 3_600_000_000, microseconds(NOON)
    flat = {WETH: usdc_per_weth, USDC: 1.0, DAI: 1.0}
    return MarketHistory(
        {token: Series.of([(hour_ago, price), (now, price)]) for token, price in flat.items()},
        Series.of([(hour_ago, 20e9)]),
        Series.of([(hour_ago, usdc_per_weth)]),
    )


def champion(under: Path) -> Bundle:
    """The rule that executes now."""
    rows = np.zeros((4, len(NAMES)), dtype=np.float32)
    return write_bundle(under, execute_now.export(), rows, _never(4), 60, ORIGIN)


def always(action: str, under: Path, saving_bps: float = 5.0, wait_seconds: int = 60) -> Bundle:
    """A model that believes in one action, whatever the order."""
    import onnx
    from onnx import numpy_helper

    answer = np.array([[saving_bps if name == action else 0.0 if name == "now" else -1.0 for name in ACTIONS]], dtype=np.float32)
    graph = onnx.load_from_string(execute_now.export())
    graph.graph.initializer[1].CopyFrom(numpy_helper.from_array(answer, "savings"))
    rows = np.zeros((4, len(NAMES)), dtype=np.float32)
    return write_bundle(under, graph.SerializeToString(), rows, np.repeat(answer, 4, axis=0).astype(float), wait_seconds, ORIGIN)


ORIGIN = Origin("execute_now", 0, None, None, 0, "0" * 64, "0" * 64)


def _never(rows: int) -> np.ndarray:
    return np.repeat([[0.0, *(execute_now.NEVER_BPS for _ in ACTIONS[1:])]], rows, axis=0)


def hand_over(folder: Path, bundle: Bundle, version: str = "v1", usdc_per_weth: float = 3000.0) -> int:
    """Writes a hand-over with this bundle and returns its generation."""
    pools_file, ticks_file = pools(usdc_per_weth)
    tokens = pl.DataFrame({"token": [DAI, USDC, WETH], "symbol": ["DAI", "USDC", "WETH"], "decimals": [18, 6, 18]})
    generation, _ = write_handover(
        folder,
        pools=pools_file,
        ticks=ticks_file,
        tokens=tokens,
        history=market(usdc_per_weth),
        bundle=bundle.folder,
        version=version,
        chain_id=31337,
        as_of=NOON,
    )
    return generation
