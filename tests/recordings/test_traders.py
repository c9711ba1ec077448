"""Each trader keeps its habit: who buys what, when, and only when it pays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recordings import plan
from recordings.actions import AddRange, AddToPair, BuyExact, RemoveFromPair, RemoveRange, SellExact, SellToPrice
from recordings.arbitrage import CycleArbitrage, ReferenceArbitrage, cycles, gain, reaction
from recordings.crowd import Wish, compose, wishes
from recordings.providers import SmallProvider, YieldFarmer, range_around
from recordings.scene import Scene
from recordings.speculators import Informed, TrendFollower
from tests.recordings.stages import market, scene

WISH = Wish(0, plan.CROWD[0], None, "WETH", "USDC", True, 5_000.0, 0.5, 50, 0, 1.0)


def push(here: Scene, key: str, token_in: str, usd: float) -> None:
    """A large trade in one pool."""
    assert here.mirror.apply(20, SellExact((here.leg(key, token_in),), here.units(token_in, usd), 0)).succeeded


def luck(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


class Lucky:
    """A generator whose coin always falls the same way."""

    def __init__(self, coin: float) -> None:
        self.coin, self.others = coin, luck()

    def random(self) -> float:
        return self.coin

    def __getattr__(self, name: str):
        return getattr(self.others, name)


class TestTheCrowd:
    def test_a_day_of_wishes_is_the_same_however_many_days_are_asked_for(self):
        one, two = (wishes(7, market().activity, days) for days in (1, 2))
        assert one == {slot: found for slot, found in two.items() if slot < plan.SLOTS_PER_DAY}
        assert 300 < sum(map(len, one.values())) < 900

    def test_nobody_goes_to_a_pool_that_is_not_there_yet(self):
        early = [wish for slot, found in wishes(7, market().activity, plan.NEW_POOL_DAY + 3).items() for wish in found]
        late = [wish for wish in early if wish.habit == "uni-weth-dai-30"]
        assert late
        assert min(wish.slot for wish in late) >= (plan.NEW_POOL_DAY + 1) * plan.SLOTS_PER_DAY

    def test_those_who_compare_get_the_pool_that_pays_most(self):
        here = scene()
        push(here, "cake-weth-usdc-5", "USDC", 60_000)  # WETH is dearer there now
        request = compose(here, WISH)
        assert request is not None
        assert isinstance(request.action, SellExact)
        assert request.action.legs[0].pool == "cake-weth-usdc-5"

    def test_those_with_a_habit_go_where_they_always_go(self):
        request = compose(scene(), replace(WISH, habit="sushi-weth-usdc"))
        assert request is not None
        assert isinstance(request.action, SellExact)
        assert request.action.legs[0].pool == "sushi-weth-usdc"

    def test_the_least_they_take_is_the_quote_less_their_tolerance(self):
        here = scene()
        request = compose(here, replace(WISH, tolerance_bps=100))
        assert request is not None
        assert isinstance(request.action, SellExact)
        received = here.mirror.out_of_path(request.action.legs, request.action.amount_in)
        assert request.action.least_out == received * 99 // 100

    def test_some_buy_an_exact_amount(self):
        here = scene()
        request = compose(here, replace(WISH, style=0.05))
        assert request is not None
        assert isinstance(request.action, BuyExact)
        assert here.mirror.apply(request.wallet, request.action).succeeded
        assert request.action.amount_out == here.units("USDC", WISH.size_usd)

    def test_some_stop_at_a_price_and_keep_the_rest(self):
        here = scene()
        request = compose(here, replace(WISH, style=0.12, size_usd=500_000.0))
        assert request is not None
        assert isinstance(request.action, SellToPrice)
        done = here.mirror.apply(request.wallet, request.action)
        assert 0 < done.amount_in < request.action.most_in

    def test_what_no_pool_joins_goes_through_weth(self):
        request = compose(scene(), replace(WISH, token_a="UNI", token_b="USDC"))
        assert request is not None
        assert isinstance(request.action, SellExact)
        assert [(leg.token_in, leg.token_out) for leg in request.action.legs] == [("UNI", "WETH"), ("WETH", "USDC")]

    def test_small_trades_stay_at_home_when_gas_is_dear(self):
        slot = plan.GAS_SPIKE_DAY * plan.SLOTS_PER_DAY + 15 * 300
        assert compose(scene(slot), replace(WISH, size_usd=500.0)) is None
        assert compose(scene(slot), replace(WISH, size_usd=50_000.0)) is not None

    def test_what_no_pool_can_fill_is_not_sent(self):
        assert compose(scene(), replace(WISH, token_a="UNI", token_b="WETH", size_usd=1e12)) is None
        assert compose(scene(), replace(WISH, token_a="UNI", token_b="USDC", size_usd=1e12)) is None
        assert compose(scene(), replace(WISH, habit="sushi-weth-usdc", style=0.05, sells_a=False, size_usd=6_500_000.0)) is None


class TestTheArbitrageurs:
    def test_a_pool_at_its_reference_is_left_alone(self):
        trader = ReferenceArbitrage()
        assert trader.act(scene(), luck()) == []
        assert trader.due == {}

    @pytest.mark.parametrize("key", ["uni-weth-usdc-5", "sushi-weth-usdc"])
    @pytest.mark.parametrize("token_in", ["WETH", "USDC"])
    def test_a_large_trade_is_answered_a_few_slots_later_and_the_pool_comes_back(self, key, token_in):
        here, trader, draw = scene(), ReferenceArbitrage(), luck()
        push(here, key, token_in, 150_000)
        pushed = abs(here.deviation(key))
        assert trader.act(here, draw) == []  # seen, not yet sent
        requests = []
        while not requests:
            here.slot += 1
            requests = trader.act(here, draw)
        assert 2 <= here.slot <= 7
        assert here.mirror.apply(requests[0].wallet, requests[0].action).succeeded
        fee = here.mirror.facts[key].fee_pips / 1e6
        assert abs(here.deviation(key)) < fee + 0.001 < pushed

    def test_the_second_in_the_race_is_refused_by_the_pool(self):
        here, trader = scene(), ReferenceArbitrage()
        push(here, "uni-weth-usdc-5", "WETH", 300_000)
        trader.due["uni-weth-usdc-5"] = here.slot
        first, second = trader.act(here, Lucky(0.0))
        assert first.wallet != second.wallet
        assert here.mirror.apply(first.wallet, first.action).succeeded
        assert not here.mirror.apply(second.wallet, second.action).succeeded

    def test_a_chance_that_is_gone_is_not_sent(self):
        here, trader = scene(), ReferenceArbitrage()
        trader.due["uni-weth-usdc-5"] = here.slot
        assert trader.act(here, luck()) == []

    def test_what_does_not_pay_for_the_gas_is_left_for_later(self):
        here, trader, key = scene(plan.GAS_SPIKE_DAY * plan.SLOTS_PER_DAY + 15 * 300), ReferenceArbitrage(), "uni-weth-usdc-5"
        here.market = replace(market(), prices={symbol: [path[0]] * len(path) for symbol, path in market().prices.items()})
        push(here, key, "WETH", 60_000)
        assert abs(here.deviation(key)) > 0.0010  # beyond the fee, but not by what gas costs in the spike
        assert trader.act(here, luck()) == []
        assert trader.due == {}
        assert trader.rests[key] > here.slot
        calm = ReferenceArbitrage()
        here.market = replace(here.market, base_fees=[10**9] * len(here.market.base_fees))
        calm.act(here, luck())
        assert key in calm.due

    def test_a_gap_between_two_pools_is_closed_in_one_transaction_at_a_profit(self):
        here, trader, draw = scene(), CycleArbitrage(), luck()
        push(here, "cake-weth-usdc-5", "WETH", 120_000)
        assert trader.act(here, draw, {"cake-weth-usdc-5"}) == []
        requests = []
        while not requests:
            here.slot += 1
            requests = trader.act(here, draw, set())
        action = requests[0].action
        assert isinstance(action, SellExact)
        assert action.legs[0].token_in == action.legs[-1].token_out
        done = here.mirror.apply(requests[0].wallet, action)
        assert done.succeeded
        assert done.amount_out > done.amount_in

    def test_a_gap_that_closed_meanwhile_is_not_sent(self):
        here, trader = scene(), CycleArbitrage()
        trader.act(here, luck(), set())
        trader.due[trader.cycles[0]] = here.slot
        assert trader.act(here, luck(), set()) == []

    def test_no_cycle_gains_where_pools_agree_and_each_is_listed_once(self):
        here = scene()
        found = cycles(here)
        assert all(gain(here, cycle) < 0 for cycle in found)
        assert len(found) == len(set(found))
        assert {len(cycle) for cycle in found} == {2, 3}

    def test_reactions_take_two_to_seven_slots(self):
        draw = luck()
        assert {reaction(draw) for _ in range(500)} == {2, 3, 4, 5, 6, 7}


class TestTheSpeculators:
    def test_the_informed_buy_what_will_rise_and_know_by_how_much(self):
        draw, sent = Lucky(0.0), []
        here = scene(plan.VOLATILE_DAY * plan.SLOTS_PER_DAY + 4000)
        for _ in range(40):
            sent += Informed().act(here, draw)
        assert sent
        for request in sent:
            assert isinstance(request.action, SellToPrice)
            assert here.mirror.copy().apply(request.wallet, request.action).succeeded

    def test_most_of_the_time_no_tip_arrives(self):
        assert Informed().act(scene(), Lucky(1.0)) == []

    def test_where_the_price_stays_the_informed_stay_out(self):
        here = scene()
        here.market = replace(market(), prices={symbol: [path[0]] * len(path) for symbol, path in market().prices.items()})
        draw = Lucky(0.0)
        assert [request for _ in range(40) for request in Informed().act(here, draw)] == []

    def test_the_trend_follower_buys_into_a_rise_and_sells_all_after_it(self):
        trader, here, draw = TrendFollower(4, "WETH", 10, 0), scene(), luck()
        prices = [3200.0] + [3200.0 * 1.0001**slot for slot in range(3000)] + [3200.0 * 1.0001**3000 * 0.9999**slot for slot in range(6000)]
        here.market = replace(market(), prices={**market().prices, "WETH": prices})
        held = []
        for slot in range(8990):
            here.slot = slot
            for request in trader.act(here, draw):
                assert here.mirror.copy().apply(request.wallet, request.action).succeeded
            held.append(trader.position)
        assert max(held) > 0
        assert held[-1] == 0

    def test_a_trend_in_an_asset_nobody_sells_is_not_followed(self):
        trader, here = TrendFollower(4, "UNI", 1, 0), scene()
        trader.fast, trader.slow = 9.5, 9.0
        assert trader.act(here, luck()) == []


class TestTheProviders:
    KEY = "uni-weth-usdc-5"

    def test_a_range_lies_around_the_price_on_the_pools_grid(self):
        here = scene()
        lower, upper = range_around(here.mirror, self.KEY, 0.02)
        assert lower < here.mirror.concentrated(self.KEY).tick < upper
        assert lower % 10 == upper % 10 == 0
        assert 380 <= upper - lower <= 420

    def test_the_farmer_opens_harvests_and_moves_when_the_price_leaves(self):
        here, draw = scene(), Lucky(0.0)
        farmer = YieldFarmer(6, self.KEY, 0.02, 100_000, 0)
        (opening,) = farmer.act(here, draw)
        assert isinstance(opening.action, AddRange)
        assert here.mirror.apply(6, opening.action).succeeded

        here.slot = farmer.HARVEST_EVERY
        (harvest,) = farmer.act(here, draw)
        assert harvest.action == RemoveRange(self.KEY, opening.action.tick_lower, opening.action.tick_upper, 0)
        here.slot += farmer.LOOK_EVERY
        assert farmer.act(here, draw) == []

        push(here, self.KEY, "WETH", 1_500_000)
        here.slot += farmer.LOOK_EVERY
        closing, rebalancing = farmer.act(here, draw)
        assert closing.action == RemoveRange(self.KEY, opening.action.tick_lower, opening.action.tick_upper, opening.action.liquidity)
        assert isinstance(rebalancing.action, SellExact)
        assert rebalancing.action.legs[0].token_in == "WETH"
        while farmer.opens_at != here.slot:
            assert farmer.act(here, draw) == []
            here.slot += 1
        (again,) = farmer.act(here, draw)
        assert isinstance(again.action, AddRange)
        assert again.action.tick_lower != opening.action.tick_lower

    def test_the_farmer_waits_for_a_pool_that_is_not_there(self):
        assert YieldFarmer(6, "uni-weth-dai-30", 0.02, 100_000, 0).act(scene(), luck()) == []

    def test_small_providers_leave_everything_they_brought(self):
        here, provider, draw = scene(), SmallProvider(11), Lucky(0.0)
        before = {key: pool.liquidity if hasattr(pool, "liquidity") else None for key, pool in here.mirror.state.items()}
        kinds = set()
        for _ in range(60):
            (request,) = provider.act(here, draw)
            kinds.add(type(request.action))
            assert here.mirror.apply(11, request.action).succeeded
        assert kinds == {AddRange, AddToPair}
        quiet = Lucky(1.0)
        for slot in sorted({stay[0] for stay in (*provider.ranges, *provider.pairs)}):
            here.slot = slot
            for request in provider.act(here, quiet):
                assert isinstance(request.action, RemoveRange | RemoveFromPair)
                assert here.mirror.apply(11, request.action).succeeded
        after = {key: pool.liquidity if hasattr(pool, "liquidity") else None for key, pool in here.mirror.state.items()}
        assert after == before
