"""Uniswap V3: concentrated liquidity; every pool has its own fee."""

from executor.venue import concentrated

VENUE = concentrated("uniswap_v3", "Uniswap V3")
