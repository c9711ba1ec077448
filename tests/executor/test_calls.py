"""A plan becomes the right call: the venue's own router where one path stays within it, ours for everything else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.amm.constant_product import ConstantProductPool
from domain.problems import BadInput, NotEnoughLiquidity
from executor.calls import ALL_X64, Routers, call_for, replay, split_data
from executor.chain.local.contracts import own
from executor.orders import PlannedLeg
from executor.routing.pool_book import BookedPool, PoolBook, Token
from executor.venue import ETHEREUM, Deployment, every_venue

USDC, WETH = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"
ME, SPLIT = "0x" + "11" * 20, "0x" + "22" * 20
ROUTERS = Routers({name: venue.deployments[ETHEREUM] for name, venue in every_venue().items()}, SPLIT)


def leg(venue: str, sell: str, buy: str, fee: int, share: int = ALL_X64, pool_id: int = 1) -> PlannedLeg:
    """A leg through the pool that stands on Ethereum."""
    known = every_venue()[venue]
    pool = known.pool_address(known.deployments[ETHEREUM], sell, buy, fee) or ""
    return PlannedLeg(pool_id, pool, venue, known.shape == "concentrated", fee, sell, buy, share, 0, 0)


def call(legs: list[PlannedLeg], routers: Routers = ROUTERS, amount_in: int = 10**18, least: int = 5):
    return call_for(legs, routers, recipient=ME, amount_in=amount_in, min_amount_out=least, deadline=1_800_000_000)


@pytest.mark.parametrize(
    ("venue", "router"),
    [
        ("uniswap_v3", "0xe592427a0aece92de3edee1f18e0157c05861564"),
        ("pancakeswap_v3", "0x1b81d678ffb9c0263b24a97847620c99d213eb14"),
        ("sushiswap", "0xd9e1ce17f2641f24ae83637ab66a2cca9c378b9f"),
        ("uniswap_v2", "0x7a250d5630b4cf539739df2c5dacb4c659f2488d"),
    ],
)
def test_one_path_within_a_venue_goes_through_its_own_router(venue, router):
    fee = 500 if venue.endswith("v3") else 3000
    execution = call([leg(venue, WETH, USDC, fee), leg(venue, USDC, DAI, fee)])
    assert (execution.to, execution.spender) == (router, router)


def test_a_path_across_venues_goes_through_ours():
    execution = call([leg("sushiswap", WETH, USDC, 3000), leg("uniswap_v3", USDC, DAI, 100)])
    assert (execution.to, execution.spender) == (SPLIT, SPLIT)


def test_a_split_within_one_venue_goes_through_ours():
    assert call([leg("uniswap_v3", WETH, USDC, 500, 1 << 63), leg("uniswap_v3", WETH, USDC, 3000)]).to == SPLIT


def test_two_paths_that_do_not_follow_each_other_go_through_ours():
    assert call([leg("uniswap_v3", WETH, USDC, 500), leg("uniswap_v3", WETH, DAI, 500)]).to == SPLIT


def test_a_pool_that_the_venues_router_would_not_choose_goes_through_ours():
    stranger = replace(leg("uniswap_v3", WETH, USDC, 500), pool="0x" + "99" * 20)
    assert call([stranger]).to == SPLIT


@pytest.mark.parametrize("deployment", [None, Deployment("0x" + "01" * 20), Deployment("0x" + "01" * 20, "0x" + "02" * 20)])
def test_a_venue_whose_router_or_rule_is_not_known_goes_through_ours(deployment):
    routers = Routers({} if deployment is None else {"uniswap_v3": deployment}, SPLIT)
    assert call([leg("uniswap_v3", WETH, USDC, 500)], routers).to == SPLIT


def test_without_our_router_what_only_it_can_do_is_refused():
    with pytest.raises(BadInput, match=r"SplitRouter\.sol"):
        call([leg("sushiswap", WETH, USDC, 3000), leg("uniswap_v3", USDC, DAI, 100)], replace(ROUTERS, split_router=None))


def test_the_call_of_our_router_is_encoded_as_its_abi_says():
    legs = [leg("sushiswap", WETH, USDC, 3000, 1 << 62), leg("uniswap_v3", WETH, USDC, 500), leg("uniswap_v3", USDC, DAI, 100)]
    told = [(one.concentrated, one.pool, one.sell, one.buy, one.fee_pips, one.share_x64) for one in legs]
    expected = own("SplitRouter").call_data("swap", told, WETH, 10**18, DAI, 5, ME, 1_800_000_000)
    assert split_data(legs, WETH, 10**18, DAI, 5, ME, 1_800_000_000) == expected
    assert call(legs).call_data == "0x" + expected.hex()


@pytest.mark.parametrize(("amount_in", "least"), [(0, 1), (1, 0), (-1, 1)])
def test_a_call_without_an_amount_or_a_minimum_is_refused(amount_in, least):
    with pytest.raises(BadInput, match="at least 1"):
        call([leg("uniswap_v3", WETH, USDC, 500)], amount_in=amount_in, least=least)


def test_an_empty_plan_is_refused():
    with pytest.raises(BadInput, match="no legs"):
        call([])


@pytest.mark.parametrize("share", [0, ALL_X64 + 1])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(BadInput, match="share"):
        call([leg("uniswap_v3", WETH, USDC, 500, share), leg("sushiswap", WETH, USDC, 3000)])


class TestReplay:
    """Two pairs of one million each, WETH to USDC, and one from USDC to DAI, without fees."""

    BOOK = PoolBook(
        BookedPool(number, ConstantProductPool(0, 10**6, 10**6), Token(low, "", 18), Token(high, "", 18), "constant_product")
        for number, (low, high) in enumerate(((USDC, WETH), (USDC, WETH), (DAI, USDC)), 1)
    )

    def leg(self, pool_id: int, sell: str, buy: str, share: int = ALL_X64) -> PlannedLeg:
        return leg("sushiswap", sell, buy, 3000, share, pool_id)

    def test_each_leg_takes_its_part_of_what_is_held_then(self):
        legs = [self.leg(1, WETH, USDC, 1 << 63), self.leg(2, WETH, USDC), self.leg(3, USDC, DAI)]
        assert replay(self.BOOK, legs, 2_000) == [(1_000, 999), (1_000, 999), (1_998, 1_994)]

    def test_a_remainder_goes_with_the_leg_that_takes_all(self):
        legs = [self.leg(1, WETH, USDC, ALL_X64 // 3), self.leg(2, WETH, USDC)]
        assert [filled.amount_in for filled in replay(self.BOOK, legs, 1_000)] == [333, 667]

    def test_a_pool_that_appears_twice_is_refused(self):
        with pytest.raises(BadInput, match="twice"):
            replay(self.BOOK, [self.leg(1, WETH, USDC, 1 << 63), self.leg(1, WETH, USDC)], 1_000)

    def test_what_is_left_unsold_is_refused(self):
        with pytest.raises(BadInput, match="unsold"):
            replay(self.BOOK, [self.leg(1, WETH, USDC, 1 << 63)], 1_000)
        with pytest.raises(BadInput, match="unsold"):
            replay(self.BOOK, [self.leg(1, WETH, USDC), self.leg(3, USDC, DAI, 1 << 63)], 1_000)

    def test_a_leg_for_which_nothing_is_left_is_refused(self):
        with pytest.raises(NotEnoughLiquidity, match="Nothing is left"):
            replay(self.BOOK, [self.leg(1, WETH, USDC), self.leg(2, WETH, USDC)], 1_000)

    def test_a_pool_that_fills_a_part_is_refused(self):
        from domain.amm.concentrated import ConcentratedPool
        from domain.amm.ticks import sqrt_price_at_tick

        thin = ConcentratedPool(500, 10, sqrt_price_at_tick(0), 0, 0).mint(-10, 10, 10**6)[0]
        book = PoolBook([BookedPool(1, thin, Token(USDC, "", 18), Token(WETH, "", 18), "concentrated")])
        with pytest.raises(NotEnoughLiquidity, match="takes only"):
            replay(book, [self.leg(1, WETH, USDC)], 10**9)
