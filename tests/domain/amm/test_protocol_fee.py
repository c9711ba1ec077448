import pytest

from domain.amm.protocol_fee import (
    checked_pancakeswap,
    checked_uniswap,
    pancakeswap_at_initialize,
    unpack_pancakeswap,
    unpack_uniswap,
)
from domain.problems import BadInput


def test_uniswap_packs_two_divisors_into_a_byte():
    assert unpack_uniswap(0) == (0, 0)
    assert unpack_uniswap(4 + (10 << 4)) == (4, 10)


def test_pancakeswap_packs_two_shares_into_four_bytes():
    assert unpack_pancakeswap(0) == (0, 0)
    assert unpack_pancakeswap(3300 + (4000 << 16)) == (3300, 4000)


@pytest.mark.parametrize("divisors", [(3, 4), (4, 11), (1, 0)])
def test_a_divisor_that_uniswap_would_not_allow_is_refused(divisors):
    with pytest.raises(BadInput, match="one n-th"):
        checked_uniswap(*divisors)


@pytest.mark.parametrize("shares", [(999, 0), (0, 4001)])
def test_a_share_that_pancakeswap_would_not_allow_is_refused(shares):
    with pytest.raises(BadInput, match="ten-thousandths"):
        checked_pancakeswap(*shares)


def test_a_pancakeswap_pool_begins_with_a_share_that_follows_from_its_fee():
    assert pancakeswap_at_initialize(500) == (3400, 3400)
    assert pancakeswap_at_initialize(3000) == (0, 0)
