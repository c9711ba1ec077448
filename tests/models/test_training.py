"""Training: honest about the future, indifferent to noise, and the same twice."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from domain.bundles import ACTIONS
from models.bundle import predict
from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy
from models.reward import RewardSettings
from models.training import COSTS, chosen, credit_column, matrix, paid, purge, train
from tests.models.order_book import START, orders

WAIT = timedelta(seconds=60)
POLICY = PromotionPolicy.read()


def judged(model, later: pl.DataFrame) -> pl.DataFrame:
    actions = chosen(model.savings(matrix(later)))
    return later.select("arrived_at", champion_cost_bps=pl.col(COSTS[0])).with_columns(challenger_cost_bps=pl.Series(paid(later, actions)))


def saving(trials: pl.DataFrame) -> float:
    return float((trials["champion_cost_bps"] - trials["challenger_cost_bps"]).mean())  # type: ignore[arg-type]


def later_days(**world) -> pl.DataFrame:
    return orders(days=9, seed=11, **world).with_columns(pl.col("arrived_at") + timedelta(days=5))


def test_an_order_whose_outcome_reaches_past_the_end_teaches_nothing() -> None:
    known = orders(days=1, per_day=1440)
    end = START + timedelta(hours=1)
    kept = purge(known, end, WAIT)
    # The order of 00:58 is known at 00:59; that of 00:59 only at the end itself.
    assert kept.height == 59
    assert purge(known, end, timedelta(hours=2)).is_empty()


def test_too_few_orders_teach_nothing() -> None:
    assert train(orders(days=1, per_day=100), WAIT, seed=1) is None


def test_what_is_there_to_learn_is_learned_and_promoted() -> None:
    trained = train(orders(), WAIT, seed=1)
    assert trained is not None
    # 150 orders a day are few: nobody can tell before three weeks that the saving is not undone by an accident still to come.
    trials = judged(trained.model, orders(days=24, seed=11).with_columns(pl.col("arrived_at") + timedelta(days=5)))
    assert decide(trials, POLICY)[0].verdict == "PROMOTE"
    assert trained.walk_forward_lift > 0.1
    assert 0.1 < trained.walk_forward_waits < 0.9


def test_null_where_waiting_brings_only_noise_the_model_saves_no_more_than_the_quote() -> None:
    gains = []
    for seed in range(2):
        trained = train(orders(truth=0.0, noise_bps=15, seed=seed), WAIT, seed=seed)
        assert trained is not None
        later = orders(days=9, truth=0.0, noise_bps=15, seed=100 + seed)
        quotable = later[COSTS[0]].to_numpy() - np.minimum(later[COSTS[0]], later[COSTS[1]]).to_numpy()
        gains.append(saving(judged(trained.model, later)) - quotable.mean())
    assert max(gains) < 0.5


def test_the_same_lessons_and_seed_give_the_same_bytes() -> None:
    lessons = orders(days=3)
    first, second = train(lessons, WAIT, 5), train(lessons.sample(fraction=1, shuffle=True, seed=2), WAIT, 5)
    assert first is not None and second is not None
    assert first.model.export() == second.model.export()


def test_the_exported_graph_answers_like_the_policy_on_orders_it_never_saw() -> None:
    trained = train(orders(days=3), WAIT, seed=5)
    assert trained is not None
    unseen = matrix(orders(days=20, seed=77))
    told, asked = predict(trained.model.export(), unseen), trained.model.savings(unseen)
    assert told.shape == (unseen.shape[0], len(ACTIONS))
    assert np.abs(told - asked).max() <= 1e-5 * max(1.0, np.abs(asked).max())
    assert (chosen(told) == chosen(asked)).mean() > 0.999


def test_one_day_of_lessons_has_nothing_to_walk_forward_on_so_the_model_never_waits() -> None:
    trained = train(orders(days=1, per_day=400), WAIT, seed=1)
    assert trained is not None
    assert trained.model.margin_bps == pytest.approx(1000.0)
    assert "wait" not in {ACTIONS[action] for action in chosen(trained.model.savings(matrix(later_days())))}


def test_days_with_too_few_orders_before_them_are_not_walked_to() -> None:
    # Sixty orders on the first day: too few to learn from for the second, enough with the second for the third.
    sparse = orders(days=3, per_day=150)
    first = sparse.filter(pl.col("arrived_at") < START + timedelta(days=1)).head(60)
    trained = train(pl.concat([first, sparse.filter(pl.col("arrived_at") >= START + timedelta(days=1))]), WAIT, seed=1)
    assert trained is not None and trained.orders == 360


def test_a_champion_that_costs_nothing_leaves_no_lift_to_forecast() -> None:
    free = orders(days=3).with_columns(pl.col(*COSTS) - 100)
    trained = train(free, WAIT, seed=1)
    assert trained is not None and trained.walk_forward_lift == 0.0


def test_days_walked_through_are_what_margin_reward_and_gate_rest_on() -> None:
    trained = train(orders(), WAIT, seed=1)
    assert trained is not None
    assert trained.gate.passes and trained.gate.orders == 600
    assert trained.choice.reward.total == pytest.approx(
        trained.choice.reward.net_bps - RewardSettings().risk * trained.choice.reward.cvar_bps
    )
    assert trained.facts()["gate_passes"] == 1.0


def test_without_credit_columns_the_ablation_changes_nothing_and_with_them_it_says_what_credit_did() -> None:
    lessons = orders(truth=0.0, noise_bps=15)
    wary = RewardSettings(risk=0.05)
    plain = train(lessons, WAIT, seed=1, settings=wary)
    # Agents that are paid a lot for every wait: credit alone would have the model wait.
    paid_to_wait = lessons.with_columns(
        pl.lit(0.0).alias(credit_column("now")), pl.lit(0.0).alias(credit_column("split")), pl.lit(500.0).alias(credit_column("wait"))
    )
    bribed = train(paid_to_wait, WAIT, seed=1, settings=wary)
    assert plain is not None and bribed is not None
    assert plain.choice == plain.without_credit
    # What credit there would have been is told; it counted nothing.
    assert (bribed.without_credit.margin_bps, bribed.without_credit.reward.total) == (plain.choice.margin_bps, plain.choice.reward.total)
    assert bribed.choice.margin_bps < plain.choice.margin_bps
    deaf = train(paid_to_wait, WAIT, seed=1, settings=RewardSettings(risk=0.05, credit=0.0))
    assert deaf is not None and deaf.choice == deaf.without_credit == bribed.without_credit
