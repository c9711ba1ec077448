"""The seller's episode: the whole order is always sold, at what the exact pool pays; the environment is the protocol's own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.amm.constant_product import ConstantProductPool
from domain.problems import BadInput, Unavailable
from models.rl import train
from models.rl.environment import make_environment
from models.rl.liquidation import EIGHTHS, Liquidation, Terms


@given(st.lists(st.integers(0, len(EIGHTHS) - 1), min_size=8, max_size=8), st.integers(0, 1_000))
@settings(max_examples=50, deadline=None)
def test_for_any_choices_the_whole_order_is_sold_by_the_last_step(choices: list[int], seed: int) -> None:
    episode = Liquidation(Terms(), seed)
    for choice in choices:
        if episode.done:
            break
        episode.sell(choice)
    assert episode.done and episode.left == 0 and episode.got > 0
    with pytest.raises(BadInput, match="another episode"):
        episode.sell(0)


def test_sold_at_once_it_gets_what_the_pool_pays() -> None:
    terms = Terms()
    episode = Liquidation(terms, 1)
    earned = episode.sell(len(EIGHTHS) - 1)
    assert episode.got == ConstantProductPool(terms.fee_pips, terms.reserve0, terms.reserve1).swap(True, terms.amount)[1].amount_out
    assert earned < -200  # two percent of the pool, and the fee


def test_the_same_seed_is_the_same_episode() -> None:
    assert train.mean_reward(train.in_pieces, Terms(), 3, 5) == train.mean_reward(train.in_pieces, Terms(), 3, 5)


def test_where_arbitrage_brings_the_price_back_pieces_cost_less_than_all_at_once() -> None:
    assert train.mean_reward(train.in_pieces, Terms(), 20, 5) > train.mean_reward(train.at_once, Terms(), 20, 5) + 50


@pytest.mark.parametrize("wrong", [{"amount": 0}, {"steps": 0}, {"reversion": 1.5}])
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="above 0"):
        Terms(**wrong)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gymnasium", None)
    monkeypatch.setattr("sys.argv", ["train", "--steps", "1"])
    with pytest.raises(Unavailable, match=r"grekko\[rl\]"):
        make_environment()
    assert train.main() == 1
    assert "grekko[rl]" in capsys.readouterr().out


def test_the_environment_keeps_gymnasium_s_protocol() -> None:
    pytest.importorskip("gymnasium", reason="gymnasium is absent: the extra rl is not installed")
    from gymnasium.utils.env_checker import check_env  # pyright: ignore[reportMissingImports]

    check_env(make_environment(), skip_render_check=True)
