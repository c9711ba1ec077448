"""The protocol's part of a pool's fee: Uniswap takes one n-th of it, PancakeSwap a number of ten-thousandths.

Both pack the two tokens' settings into one number of the pool's storage.
"""

from __future__ import annotations

from domain.problems import BadInput

PANCAKESWAP_DENOMINATOR = 10_000


def unpack_uniswap(packed: int) -> tuple[int, int]:
    """Uniswap's slot0.feeProtocol (uint8) as the two divisors; 0 means that the protocol takes nothing."""
    return checked_uniswap(packed % 16, packed >> 4)


def unpack_pancakeswap(packed: int) -> tuple[int, int]:
    """PancakeSwap's slot0.feeProtocol (uint32) as two shares in ten-thousandths of the fee."""
    return checked_pancakeswap(packed % 65536, packed >> 16)


def checked_uniswap(divisor0: int, divisor1: int) -> tuple[int, int]:
    """The divisors, refused unless each is 0 or 4..10, as the contract refuses them."""
    for name, divisor in (("fee_protocol0", divisor0), ("fee_protocol1", divisor1)):
        if divisor != 0 and not 4 <= divisor <= 10:
            raise BadInput(f"{name} is {divisor}; Uniswap allows 0 or 4 to 10 (one n-th of the fee).", field=name, value=divisor)
    return divisor0, divisor1


def checked_pancakeswap(share0: int, share1: int) -> tuple[int, int]:
    """The shares, refused unless each is 0 or 1000..4000 ten-thousandths, as the contract refuses them."""
    for name, share in (("fee_protocol0", share0), ("fee_protocol1", share1)):
        if share != 0 and not 1000 <= share <= 4000:
            raise BadInput(f"{name} is {share}; PancakeSwap allows 0 or 1000 to 4000 ten-thousandths.", field=name, value=share)
    return share0, share1


def pancakeswap_at_initialize(fee_pips: int) -> tuple[int, int]:
    """The shares that a PancakeSwap pool starts with, which no event tells: they follow from its fee alone."""
    share = {100: 3300, 500: 3400, 2500: 3200, 10_000: 3200}.get(fee_pips, 0)
    return share, share
