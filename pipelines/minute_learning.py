"""The whole loop on minute bars: orders, training, a verified bundle, shadow trials, and the decision they add up to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from domain.bundles import ACTIONS, GOLDEN_ROWS, MEANING, SPLIT
from domain.features import NAMES
from domain.problems import BadInput
from executor.bundle import LoadedBundle, load_bundle
from models.bundle import Bundle, Origin, write_bundle
from models.experiments.blocks import TRIALS
from models.experiments.decision import Decision, decide
from models.experiments.policy import PromotionPolicy
from models.minute_bars import Bars
from models.minute_null import arms_by_coin, without_direction
from models.minute_orders import WAIT, PaperFlow, PaperOrders, paper_orders
from models.policies import execute_now, quote_offset
from models.training import COSTS, LEAST_ORDERS, Trained, chosen, matrix, paid, purge, train

# A trial that lost more than this share of its rows or orders says nothing about the rest.
MOST_LOST = 0.05
# On one pool's bars a split is one in time; the manifest says so, and no executor is handed this bundle.
MINUTE_MEANING = {**MEANING, SPLIT: "execute half at once and half when the wait has passed"}
NOTHING = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the loop is run: the days that teach, the seed, the orders, and whether the data is to be made null."""

    training_days: int = 10
    seed: int = 7
    flow: PaperFlow = field(default_factory=PaperFlow)
    null: bool = False
    swap_arms: bool = False

    @property
    def arms_are_swapped(self) -> bool:
        """On null data a mechanical saving, as a split's when the pool refills, is taken away too: it is real, and no noise."""
        return self.swap_arms or (self.null and self.flow.refill_percent > 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the loop came to. `by_block` is the evidence path; `crossed_at` when a reader of every block would have promoted."""

    bars: Bars
    orders: PaperOrders
    trained: Trained | None
    lessons: int
    champion: Bundle
    challenger: Bundle | None
    trials: pl.DataFrame
    decision: Decision
    by_block: list[dict[str, Any]]
    crossed_at: datetime | None


def run(bars: Bars, course: Course, policy: PromotionPolicy, bundles: Path) -> Outcome:
    """Trains on the first days, shadows on the days after the policy's embargo, decides. The bundles are left under `bundles`.

    Raises BadInput when no day is left to judge on, BundleRejected when the executor's own loader does not take a bundle.
    """
    data = without_direction(bars, course.seed) if course.null else bars
    ends = _training_ends(data, course.training_days)
    orders = paper_orders(data, course.flow, course.seed)
    lessons = purge(orders.frame, ends, WAIT)
    judged = orders.frame.filter(pl.col("arrived_at") >= ends + timedelta(hours=policy.embargo_hours))
    trained = train(lessons, WAIT, course.seed)
    champion = _champion(bundles, policy)
    challenger = None if trained is None else _challenger(bundles, trained, lessons, course.seed, policy)
    trials = _shadow(judged, _verified(champion), None if challenger is None else _verified(challenger))
    if course.arms_are_swapped:
        trials = arms_by_coin(trials, course.seed, policy.block_hours)
    faults = _faults(bars, orders)
    decision, by_block, crossed = _judged(trials, policy, faults)
    if trained is None:
        reason = f"There is no challenger: the first {course.training_days} days hold {lessons.height} orders, {LEAST_ORDERS} are needed."
        decision = replace(decision, verdict="HOLD", reason=reason)
    return Outcome(data, orders, trained, lessons.height, champion, challenger, trials, decision, by_block, crossed)


def experiment(trials: pl.DataFrame) -> pl.DataFrame:
    """The paired experiment as `grekko evidence` reads it: cost in bps of each arm."""
    return trials.select(ts="arrived_at", order_id="order_id", champion="champion_cost_bps", challenger="challenger_cost_bps")


def yardsticks(outcome: Outcome) -> dict[str, float]:
    """What simpler rules would have saved on the judged orders, bps an order: how much of a saving is not the model's doing."""
    judged = outcome.orders.frame.join(outcome.trials.select("order_id"), on="order_id", how="semi")
    if judged.is_empty():
        return {}
    costs = judged.select(COSTS).to_numpy()
    told = {f"always_{action}_bps": float((costs[:, 0] - costs[:, at]).mean()) for at, action in enumerate(ACTIONS) if at}
    return {**told, "oracle_bps": float((costs[:, 0] - costs.min(axis=1)).mean())}


def _training_ends(bars: Bars, training_days: int) -> datetime:
    """The midnight after the last day that teaches."""
    first, last = bars.frame["timestamp"].dt.truncate("1d").item(0), bars.frame["timestamp"].item(-1)
    ends = first + timedelta(days=training_days)
    if ends > last:
        raise BadInput(
            f"{training_days} training days end at {ends:%Y-%m-%d}, the bars at {last:%Y-%m-%d %H:%M}; leave days to be judged on.",
            field="training_days",
            training_days=training_days,
        )
    return ends


def _champion(bundles: Path, policy: PromotionPolicy) -> Bundle:
    rows = np.outer(np.arange(GOLDEN_ROWS), np.ones(len(NAMES))).astype(np.float32)
    answers = np.tile([0.0, *(execute_now.NEVER_BPS for _ in ACTIONS[1:])], (GOLDEN_ROWS, 1))
    origin = Origin(execute_now.NAME, 0, None, None, 0, NOTHING, policy.sha256)
    return write_bundle(bundles, execute_now.export(), rows, answers, int(WAIT.total_seconds()), origin, meaning=MINUTE_MEANING)


def _challenger(bundles: Path, trained: Trained, lessons: pl.DataFrame, seed: int, policy: PromotionPolicy) -> Bundle:
    rows = matrix(lessons)
    origin = Origin(
        policy=quote_offset.NAME,
        seed=seed,
        first_order=lessons["arrived_at"].item(0).isoformat(),
        last_order=lessons["arrived_at"].item(-1).isoformat(),
        orders=lessons.height,
        data_sha256=hashlib.sha256(lessons.write_csv().encode()).hexdigest(),
        policy_sha256=policy.sha256,
    )
    model = trained.model
    return write_bundle(bundles, model.export(), rows, model.savings(rows), int(WAIT.total_seconds()), origin, meaning=MINUTE_MEANING)


def _verified(bundle: Bundle) -> LoadedBundle:
    return load_bundle(bundle.folder, bundle.sha256)


def _shadow(orders: pl.DataFrame, champion: LoadedBundle, challenger: LoadedBundle | None) -> pl.DataFrame:
    """Both arms' answers to the same orders, each through its bundle, and what each answer cost. Without a challenger nobody answers."""
    if challenger is None:
        return pl.DataFrame(schema={"order_id": pl.String(), **TRIALS, "champion_action": pl.String(), "challenger_action": pl.String()})
    answers = {"champion": _actions(champion, orders), "challenger": _actions(challenger, orders)}
    return orders.select(
        "order_id",
        "arrived_at",
        *(pl.Series(f"{arm}_cost_bps", paid(orders, actions)) for arm, actions in answers.items()),
        *(pl.Series(f"{arm}_action", [ACTIONS[action] for action in actions], dtype=pl.String) for arm, actions in answers.items()),
    )


def _actions(bundle: LoadedBundle, orders: pl.DataFrame) -> np.ndarray:
    if orders.is_empty():
        return np.zeros(0, dtype=np.int64)
    return chosen(np.array(bundle.answer(matrix(orders).tolist()), dtype=np.float64))


def _faults(bars: Bars, orders: PaperOrders) -> tuple[str, ...]:
    rows = bars.frame.height + bars.set_aside.height
    lost, asked = orders.unaskable.total(), orders.frame.height + orders.unaskable.total()
    faults = []
    if bars.set_aside.height > MOST_LOST * rows:
        faults.append(f"{bars.set_aside.height} of {rows} bars had to be set aside")
    if lost > MOST_LOST * asked:
        faults.append(f"{lost} of {asked} orders found no bar to be decided or executed on")
    return tuple(faults)


def _judged(
    trials: pl.DataFrame, policy: PromotionPolicy, faults: tuple[str, ...]
) -> tuple[Decision, list[dict[str, Any]], datetime | None]:
    """The decision on all trials, the evidence block by block with the verdict of the time, and the first moment that promoted."""
    decision, blocks, evidence = decide(trials, policy, faults)
    rows, crossed = [], None
    for at in range(blocks.count):
        seen = trials if at + 1 == blocks.count else trials.filter(pl.col("arrived_at") < blocks.starts[at + 1])
        verdict = decide(seen, policy, faults)[0].verdict
        if verdict == "PROMOTE" and crossed is None:
            crossed = seen["arrived_at"].max()
        cost, saving = blocks.champion_cost_bps[: at + 1].mean(), blocks.saving_bps[: at + 1].mean()
        rows.append(
            {
                "block": at + 1,
                "first_order_at": blocks.starts[at].isoformat(),
                "orders": int(blocks.orders[at]),
                "champion_cost_bps": float(blocks.champion_cost_bps[at]),
                "saving_bps": float(blocks.saving_bps[at]),
                "lift": float(saving / cost) if cost > 0 else 0.0,
                "e_value": float(evidence.e_values[at]),
                "verdict": verdict,
            }
        )
    return decision, rows, crossed  # type: ignore[return-value]


def actions_of(outcome: Outcome) -> dict[str, int]:
    """How often the challenger chose each action."""
    chosen_actions = outcome.trials["challenger_action"].to_list()
    return {action: chosen_actions.count(action) for action in ACTIONS}
