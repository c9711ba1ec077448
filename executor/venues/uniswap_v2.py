"""Uniswap V2: constant-product pools, thirty basis points; the shape that most forks copied."""

from executor.venue import constant_product

VENUE = constant_product("uniswap_v2", "Uniswap V2", fee_pips=3000)
