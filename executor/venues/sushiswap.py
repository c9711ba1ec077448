"""SushiSwap: constant-product pools, thirty basis points."""

from executor.venue import constant_product

VENUE = constant_product("sushiswap", "SushiSwap", fee_pips=3000)
