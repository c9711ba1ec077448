"""The cast and the stage of the shipped recording: tokens, pools, wallets and dates. Facts only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from executor.chain.local.world import PoolVenue

FIRST_DAY = date(2026, 1, 5)
DAYS = 14
START = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
GENESIS = START - 2 * 3600  # the world is built in the two hours before the first day
SLOT_SECONDS = 12
SLOTS_PER_DAY = 86_400 // SLOT_SECONDS

VOLATILE_DAY = 8  # 2026-01-13
GAS_SPIKE_DAY = 4  # 2026-01-09, 14:00 to 16:00
GAS_SPIKE_HOURS = (14.0, 16.0)
NEW_POOL_DAY = 3  # 2026-01-08
VOTE_DAY = 5  # 2026-01-10: governance gives the protocol a part of one pool's fee
REORG_DAY = 9  # 2026-01-14
REORG_DEPTH = 3


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """A token and the price the reference market opens with."""

    symbol: str
    name: str
    decimals: int
    reference_symbol: str
    opening_price_usd: float
    price_digits: int


TOKENS: tuple[TokenPlan, ...] = (
    TokenPlan("WETH", "Wrapped Ether", 18, "ETH/USD", 3200.0, 2),
    TokenPlan("USDC", "USD Coin", 6, "USDC/USD", 1.0, 5),
    TokenPlan("WBTC", "Wrapped BTC", 8, "BTC/USD", 95_000.0, 1),
    TokenPlan("DAI", "Dai Stablecoin", 18, "DAI/USD", 1.0, 5),
    TokenPlan("UNI", "Uniswap", 18, "UNI/USD", 9.0, 4),
)


@dataclass(frozen=True, slots=True)
class Range:
    """A position of the pool's founders: `width` is how far it reaches on each side of the price, as a fraction."""

    width: float
    value_usd: float


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A pool, the money its founders put into it, and how much of the crowd walks in by habit."""

    venue: PoolVenue
    base: str
    quote: str
    fee_pips: int
    founders: tuple[Range, ...]
    habit: float
    retail_size_usd: float  # the median trade of those who come by habit
    protocol_fee: int | None = None  # Uniswap: one in so many of the fee goes to the protocol
    created_on_day: int | None = None


def _deep(millions: float) -> tuple[Range, ...]:
    """Founders who spread their money over four widths, so that ranges overlap."""
    dollars = millions * 1e6
    return (Range(0.60, dollars * 0.40), Range(0.20, dollars * 0.30), Range(0.08, dollars * 0.20), Range(0.03, dollars * 0.10))


POOLS: Mapping[str, PoolPlan] = {
    "uni-weth-usdc-5": PoolPlan("uniswap_v3", "WETH", "USDC", 500, _deep(7), 0.20, 7_500, protocol_fee=6),
    "uni-weth-usdc-30": PoolPlan("uniswap_v3", "WETH", "USDC", 3000, _deep(4), 0.09, 4_500),
    "cake-weth-usdc-5": PoolPlan("pancakeswap_v3", "WETH", "USDC", 500, _deep(2.5), 0.12, 3_500),
    "sushi-weth-usdc": PoolPlan("sushiswap", "WETH", "USDC", 3000, (Range(0, 12e6),), 0.12, 1_800),
    "uni-wbtc-weth-30": PoolPlan("uniswap_v3", "WBTC", "WETH", 3000, _deep(5), 0.08, 6_000),
    "cake-wbtc-usdc-25": PoolPlan("pancakeswap_v3", "WBTC", "USDC", 2500, _deep(3), 0.08, 4_500),
    "sushi-wbtc-weth": PoolPlan("sushiswap", "WBTC", "WETH", 3000, (Range(0, 8e6),), 0.05, 1_500),
    "uni-usdc-dai-1": PoolPlan("uniswap_v3", "USDC", "DAI", 100, (Range(0.02, 3e6), Range(0.004, 6e6)), 0.07, 15_000),
    "cake-weth-dai-25": PoolPlan("pancakeswap_v3", "WETH", "DAI", 2500, _deep(2), 0.06, 2_500),
    "sushi-weth-dai": PoolPlan("sushiswap", "WETH", "DAI", 3000, (Range(0, 6e6),), 0.04, 1_000),
    "uni-uni-weth-100": PoolPlan("uniswap_v3", "UNI", "WETH", 10000, _deep(2), 0.06, 1_500, protocol_fee=4),
    "uni-weth-dai-30": PoolPlan("uniswap_v3", "WETH", "DAI", 3000, _deep(2.5), 0.07, 3_000, created_on_day=NEW_POOL_DAY),
}

VOTED_POOL, VOTED_SHARE = "uni-weth-usdc-30", 5

# Accounts of the node's mnemonic, by number. Account 0 deploys, and is the governance of the venues.
ACCOUNTS = 40
GOVERNANCE = 0
ARBITRAGE, TREND_FOLLOWING, DEFI_YIELD = (1, 2, 3), (4, 5), (6, 7, 8)
FOUNDERS = (9, 10)
SMALL_PROVIDERS = (11, 12)
INFORMED = (13, 14, 15)
CROWD = tuple(range(16, ACCOUNTS))
PROFIT_CENTERS: Mapping[str, tuple[int, ...]] = {
    "Arbitrage": ARBITRAGE,
    "Trend-Following": TREND_FOLLOWING,
    "DeFi-Yield": DEFI_YIELD,
}


def day_of(index: int) -> date:
    """The calendar day with this number, counted from the first."""
    return FIRST_DAY + timedelta(days=index)
