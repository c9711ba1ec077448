"""The base fee of EIP-1559: the next block's is exact once its parent is known, and later ones can only rise so fast.

https://eips.ethereum.org/EIPS/eip-1559 (elasticity multiplier 2, change denominator 8).
"""

from __future__ import annotations

ELASTICITY, CHANGE_DENOMINATOR = 2, 8
# A gas limit that is odd lets a full block be a little more than twice its target; of a target of 500,000 gas or more, at most a
# millionth of the change.
ODD_LIMIT_DENOMINATOR = 1_000_000


def next_base_fee(base_fee: int, gas_used: int, gas_limit: int) -> int:
    """The base fee (wei per gas) of the block after one with this base fee, gas used and gas limit."""
    target = gas_limit // ELASTICITY
    if gas_used > target:
        return base_fee + max(base_fee * (gas_used - target) // target // CHANGE_DENOMINATOR, 1)
    return base_fee - base_fee * (target - gas_used) // target // CHANGE_DENOMINATOR


def highest_base_fee(base_fee: int, blocks: int) -> int:
    """The most that the base fee can be `blocks` blocks later, if every block until then is full."""
    for _ in range(blocks):
        base_fee += max(base_fee // CHANGE_DENOMINATOR, 1) + base_fee // ODD_LIMIT_DENOMINATOR + 1
    return base_fee
