"""The factories whose pools we recognise by asking a pool for its `factory()`.

A contract's address tells who deployed it, so the same address means the same factory on every chain that has it.
"""

from __future__ import annotations

from collections.abc import Mapping

VENUE_OF_FACTORY: Mapping[str, str] = {
    "0x1f98431c8ad98523631ae4a59f267346ea31f984": "uniswap_v3",
    "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f": "uniswap_v2",
    "0xc0aee478e3658e2610c5f7a4a2e1777ce9e4f2ac": "sushiswap",
    "0x0bfbcf9fa4f9c56b0f40a671ad40e0805a091865": "pancakeswap_v3",
}
