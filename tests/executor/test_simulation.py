"""A simulated swap: decided by the model, exact on the pools, with its reasons, and without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.amm.constant_product import ConstantProductPool
from domain.problems import BadInput, NoRoute, UnknownToken
from executor.handover import Handover, load_handover
from executor.simulation import intent_of, quote, simulate_swap
from tests.executor.trading_floor import WEI, always, hand_over


@pytest.fixture
def handover(folder: Path) -> Handover:
    return load_handover(folder)


@pytest.fixture
def deciding(folder: Path, tmp_path: Path):
    """A hand-over whose model always believes in one action."""

    def with_action(action: str) -> Handover:
        hand_over(folder, always(action, tmp_path / "bundles"), action)
        return load_handover(folder)

    return with_action


def swap(handover: Handover, amount: int = 1_000 * WEI, **options):
    return simulate_swap(handover, intent_of(handover.book, "WETH", "USDC", amount), **options)


def test_the_champion_executes_at_once_on_one_path(handover: Handover) -> None:
    done = swap(handover)
    assert done["decision"]["action"] == "now"
    assert len(done["legs"]) == 1
    assert done["sent"] is False and done["mode"] == "simulate"
    assert done["decision"]["why"].startswith("No other way is expected to be cheaper")


def test_a_model_that_splits_sends_two_legs_that_add_up(deciding) -> None:
    done = swap(deciding("split"))
    assert done["decision"]["action"] == "split"
    assert sum(int(leg["amount_in"]) for leg in done["legs"]) == 1_000 * WEI == int(done["amount_in"])
    assert sum(int(leg["amount_out"]) for leg in done["legs"]) == int(done["amount_out"])
    assert int(done["amount_out"]) > int(swap(deciding("now"))["amount_out"])
    assert "expected to save 5.00 bps" in done["decision"]["why"]


def test_a_wait_says_that_its_amounts_are_those_of_now(deciding) -> None:
    done = swap(deciding("wait"))
    assert done["decision"]["action"] == "wait"
    assert done["decision"]["wait_seconds"] == 60
    assert "decide again in 60 s" in done["decision"]["why"]
    assert int(done["amount_out"]) == int(swap(deciding("split"))["amount_out"])  # the better of both, for a large order


def test_an_order_that_may_not_wait_does_not(deciding) -> None:
    done = swap(deciding("wait"), may_wait=False)
    assert done["decision"]["action"] == "now"
    assert "wait" not in done["decision"]["savings_bps"]


def test_what_cannot_be_split_is_not(deciding) -> None:
    lonely = deciding("split")
    empty = ConstantProductPool(3000, 0, 0)
    book = lonely.book.with_pool(1, empty).with_pool(2, empty).with_pool(3, empty)
    alone = Handover(1, "v", 1, lonely.as_of, book, lonely.history, lonely.bundle)
    done = simulate_swap(alone, intent_of(book, "WETH", "USDC", WEI), may_wait=False)
    assert done["decision"]["action"] == "now"
    assert done["decision"]["why"] == "There is no other way."


def test_the_minimum_is_the_amount_less_the_slippage_rounded_down(handover: Handover) -> None:
    done = swap(handover, slippage_bps=50)
    assert int(done["min_amount_out"]) == int(done["amount_out"]) * 9950 // 10_000
    assert swap(handover, slippage_bps=0)["min_amount_out"] == done["amount_out"]
    for slippage in (-1, 10_000):
        with pytest.raises(BadInput, match="slippage_bps"):
            swap(handover, slippage_bps=slippage)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(10**13, 2_000 * WEI))
def test_for_any_amount_each_leg_is_what_the_pool_itself_gives_and_the_pools_stay_as_they_were(handover: Handover, amount: int) -> None:
    before = {booked.pool_id: booked.pool for booked in handover.book}
    for leg in swap(handover, amount)["legs"]:
        booked = handover.book.pool(leg["pool_id"])
        told = booked.pool.quote(leg["sell"] == booked.token0.symbol, int(leg["amount_in"]))
        assert (int(leg["amount_out"]), leg["ticks_crossed"]) == (told.amount_out, told.ticks_crossed)
    assert {booked.pool_id: booked.pool for booked in handover.book} == before


def test_the_same_order_is_answered_the_same(handover: Handover) -> None:
    assert swap(handover) == swap(handover)


def test_a_quote_shows_both_ways_leg_by_leg(handover: Handover) -> None:
    told = quote(handover, intent_of(handover.book, "weth", "USDC", 1_000 * WEI))
    assert set(told["options"]) == {"now", "split"}
    assert int(told["options"]["split"]["amount_out"]) > int(told["options"]["now"]["amount_out"])
    assert told["options"]["split"]["gas_units"] > told["options"]["now"]["gas_units"]


def test_what_the_book_does_not_know_is_refused(handover: Handover) -> None:
    with pytest.raises(UnknownToken):
        intent_of(handover.book, "DOGE", "USDC", 1)
    with pytest.raises(NoRoute):
        swap(handover, 1 << 200)
