"""The mirror does what the chain would do, and a transaction that reverts changes nothing."""

from __future__ import annotations

import pytest

from recordings.actions import AddRange, AddToPair, BuyExact, RemoveFromPair, RemoveRange, SellExact, SellToPrice
from recordings.mirror import Reverts
from tests.recordings.stages import scene

ETHER = 10**18


def test_a_path_gives_what_its_legs_quote_one_after_the_other():
    here = scene()
    legs = (here.leg("uni-weth-usdc-5", "WETH"), here.leg("cake-wbtc-usdc-25", "USDC"))
    dollars = here.mirror.quote(legs[0], ETHER).amount_out
    expected = here.mirror.quote(legs[1], dollars).amount_out
    done = here.mirror.apply(20, SellExact(legs, ETHER, expected))
    assert (done.succeeded, done.amount_out, done.swaps, done.touched) == (True, expected, 2, ("uni-weth-usdc-5", "cake-wbtc-usdc-25"))


@pytest.mark.parametrize(
    "action",
    [
        lambda s: SellExact((s.leg("uni-weth-usdc-5", "WETH"), s.leg("sushi-weth-usdc", "USDC")), ETHER, 2 * ETHER),
        lambda s: SellExact((s.leg("uni-weth-usdc-5", "WETH"),), 10**27, 0),
        lambda s: BuyExact(s.leg("sushi-weth-usdc", "USDC"), ETHER, 1),
        lambda s: BuyExact(s.leg("sushi-weth-usdc", "USDC"), 10**27, 10**27),
        lambda s: SellToPrice(s.leg("uni-weth-usdc-5", "WETH"), ETHER, s.mirror.concentrated("uni-weth-usdc-5").sqrt_price_x96, 0),
        lambda s: SellToPrice(s.leg("uni-weth-usdc-5", "WETH"), ETHER, s.mirror.concentrated("uni-weth-usdc-5").sqrt_price_x96 * 2, 10**30),
        lambda s: RemoveFromPair("sushi-weth-usdc", 1),
        lambda s: RemoveRange("uni-weth-usdc-5", -10, 10, 1),
    ],
    ids=["too little", "partial", "too dear", "not there", "limit is here", "too little until the limit", "nothing held", "no such range"],
)
def test_a_transaction_that_reverts_changes_nothing(action):
    here = scene()
    before = here.mirror.copy()
    assert not here.mirror.apply(20, action(here)).succeeded
    assert (here.mirror.state, here.mirror.shares, here.mirror.held) == (before.state, before.shares, before.held)


def test_a_quote_that_no_pool_can_give_says_so():
    here = scene()
    with pytest.raises(Reverts):
        here.mirror.quote(here.leg("sushi-weth-usdc", "USDC"), 10**30, exact_out=True)
    assert here.mirror.out_of_path((here.leg("uni-weth-usdc-5", "WETH"),), 10**30) == 0
    assert here.mirror.out_of_path((here.leg("sushi-weth-usdc", "WETH"),), 10**36) == 0


def test_liquidity_comes_and_goes():
    here = scene()
    pool = here.mirror.concentrated("uni-weth-usdc-5")
    lower, upper = pool.tick // 10 * 10 - 100, pool.tick // 10 * 10 + 100
    here.mirror.apply(6, AddRange("uni-weth-usdc-5", lower, upper, 10**15))
    assert here.mirror.concentrated("uni-weth-usdc-5").liquidity == pool.liquidity + 10**15
    here.mirror.apply(6, RemoveRange("uni-weth-usdc-5", lower, upper, 0))
    here.mirror.apply(6, RemoveRange("uni-weth-usdc-5", lower, upper, 10**15))
    assert here.mirror.concentrated("uni-weth-usdc-5") == pool


def test_shares_of_a_pair_are_worth_what_was_put_in_less_a_wei():
    here = scene()
    pair = here.mirror.pair("sushi-weth-usdc")
    amount0, amount1 = pair.reserve0 // 100, pair.reserve1 // 100
    here.mirror.apply(11, AddToPair("sushi-weth-usdc", amount0, amount1))
    shares = here.mirror.held["sushi-weth-usdc", 11]
    assert here.mirror.apply(11, RemoveFromPair("sushi-weth-usdc", shares)).succeeded
    after = here.mirror.pair("sushi-weth-usdc")
    assert 0 <= after.reserve0 - pair.reserve0 <= 10**9
    assert 0 <= after.reserve1 - pair.reserve1 <= 10**9


def test_a_copy_goes_its_own_way():
    here = scene()
    twin = here.mirror.copy()
    twin.apply(20, SellExact((here.leg("uni-weth-usdc-5", "WETH"),), ETHER, 0))
    assert twin.price("uni-weth-usdc-5") != here.mirror.price("uni-weth-usdc-5")
