"""Decisions: made by the models in force, recorded before anybody is told, and the same again for the same order id ever after.

A model that fails does not stop an order: the rule "now" answers, and the failure is recorded and counted.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.bundles import ACTIONS, NOW, choice
from domain.features import NAMES
from domain.problems import BadInput, JournalUnavailable, Problem
from domain.sequential import CHALLENGER, CHAMPION
from executor.activation import FAILED, Activation, Deployment, Model, Snapshot
from executor.journal import Sealed
from executor.orders import Entry
from executor.ports import Clock

DECIDED = "decided"
# So many entries go into one commit at most.
MOST_IN_A_COMMIT = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model says about one order: the action it would take, and what each is expected to save against now, bps."""

    model: Model
    action: str
    savings: Mapping[str, float]
    failure: str | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        told = {"action": self.action, "savings_bps": dict(self.savings), "failure": self.failure}
        return {**told, "model": self.model.name, "model_version": self.model.version, "bundle_sha256": self.model.called.bundle}


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for an order, by which model of which generation, and what the other model would have done."""

    order_id: str
    generation: int
    bucket: int
    arm: str
    experiment: str
    share_bp: int
    answer: Answer
    shadow: Answer | None

    @property
    def action(self) -> str:
        return self.answer.action

    def to_json(self) -> dict[str, Any]:
        """What is recorded of it. Times are not: the same decision has the same record."""
        return {
            **self.answer.to_json(),
            "generation": self.generation,
            "bucket": self.bucket,
            "arm": self.arm,
            "experiment": self.experiment,
            "share_bp": self.share_bp,
            "shadow": self.shadow.to_json() if self.shadow else None,
        }


def checked_features(features: Sequence[float]) -> Sequence[float]:
    """The features, if they are as many finite numbers as there should be. Raises BadInput naming the one that is not."""
    if len(features) != len(NAMES):
        raise BadInput(f"{len(features)} features were given, a decision takes {len(NAMES)}; nothing was decided.", field="features")
    for name, value in zip(NAMES, features, strict=True):
        if not math.isfinite(value):
            raise BadInput(f"Feature {name} is {value}; give a finite number. Nothing was decided.", field=name)
    return features


def decide_with(
    deployment: Deployment,
    order_id: str,
    features: Sequence[float],
    clock: Clock,
    *,
    possible: Collection[str] = ACTIONS,
) -> Decision:
    """The decision of the arm that has this order. Raises BadInput for features that are no numbers; a model's failure raises nothing."""
    checked_features(features)
    place = deployment.place_of(order_id)
    deciding, shadow = deployment.arms(place)
    answer = _answer(deciding, features, possible, clock)
    other = _answer(shadow, features, possible, clock) if shadow else None
    return Decision(order_id, deployment.generation, place.bucket, place.arm, deployment.salt, deployment.share_bp, answer, other)


def _answer(model: Model, features: Sequence[float], possible: Collection[str], clock: Clock) -> Answer:
    begun = clock.monotonic()
    try:
        told, failure = model.bundle.savings(features), None
        if not all(math.isfinite(saving) for saving in told.values()):
            failure = f"it answered {told}"
    except Exception as error:  # the runtime raises its own kinds, none of which we can name
        told, failure = {}, f"it could not answer ({error!r})"
    seconds = clock.monotonic() - begun
    if failure:
        return Answer(model, NOW, {NOW: 0.0}, failure, seconds)
    savings = {action: saving for action, saving in told.items() if action in possible or action == NOW}
    return Answer(model, choice(savings), savings, None, seconds)


class Decisions:
    """Decides orders, each once. Appenders share commits: those who come while one is on its way wait together for the next."""

    def __init__(self, activation: Activation, clock: Clock) -> None:
        self._activation, self._clock = activation, clock
        self._pending: dict[tuple[str, str], asyncio.Future[Entry]] = {}
        self._waiting: list[tuple[Entry, asyncio.Future[Entry]]] = []
        self._committer: asyncio.Task[None] | None = None

    async def decide(self, order_id: str, features: Sequence[float], possible: Collection[str] = ACTIONS) -> Entry:
        """The record of the decision for this order, durable; the one that was recorded when the id is known already.

        Raises BadInput for features that are no finite numbers, Unavailable when no model is in force or the disk took nothing.
        """

        def made(snapshot: Snapshot) -> Mapping[str, Any]:
            decision = decide_with(snapshot.deployment, order_id, features, self._clock, possible=possible)
            self.observe(decision)
            return decision.to_json()

        return await self.once(DECIDED, order_id, made)

    async def once(self, kind: str, order_id: str, made: Callable[[Snapshot], Mapping[str, Any]]) -> Entry:
        """What was recorded for this id, or what is made now, once it is durable. The models that made it are in flight until then."""
        key = (kind, order_id)
        if (pending := self._pending.get(key)) is not None:
            return await asyncio.shield(pending)
        if (known := self._activation.log.decided(*key)) is not None:
            return known
        snapshot = self._activation.taken()
        future = asyncio.get_running_loop().create_future()
        # Whoever asked may leave before; the decision is in flight until it is on the disk all the same.
        future.add_done_callback(lambda _: snapshot.flight.ends())
        try:
            entry = Entry(kind, order_id, self._clock.now(), made(snapshot))
        except BaseException:
            future.cancel()
            raise
        self._pending[key] = future
        self._waiting.append((entry, future))
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())
        return await asyncio.shield(future)

    def once_now(self, kind: str, order_id: str, made: Callable[[Snapshot], Mapping[str, Any]]) -> Entry:
        """The same for a caller without a loop: the disk is waited for."""
        if (known := self._activation.log.decided(kind, order_id)) is not None:
            return known
        with self._activation.deciding() as snapshot:
            entry = Entry(kind, order_id, self._clock.now(), made(snapshot))
            self._activation.log.append([entry])
            return entry

    def observe(self, decision: Decision) -> None:
        """Counts and times the answers, and lets the guardrails see them: this may roll a model back, for the orders that follow."""
        arms = {decision.arm: decision.answer}
        if decision.shadow is not None:
            arms[CHAMPION if decision.arm == CHALLENGER else CHALLENGER] = decision.shadow
        telemetry, limit = self._activation.telemetry, self._activation.guardrails.settings.latency_seconds
        for arm, answer in arms.items():
            telemetry.answer_seconds[arm].observe(answer.seconds)
            has_failed = answer.failure is not None or answer.seconds > limit
            if has_failed:
                telemetry.model_failures.labels(answer.model.version).inc()
            self._activation.observed(FAILED, decision.generation, arm, float(has_failed))

    async def close(self) -> None:
        """Waits for what is on its way to the disk."""
        if self._committer is not None and not self._committer.done():
            await asyncio.wait([self._committer])

    async def _commit_waiting(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:MOST_IN_A_COMMIT], self._waiting[MOST_IN_A_COMMIT:]
            problem: BaseException = JournalUnavailable("The executor stopped before this was recorded; ask again.")
            rows: list[Sealed] | None = None
            try:
                rows = await asyncio.to_thread(self._activation.log.append, [entry for entry, _ in taken])
            except Problem as told:
                problem = told
            finally:
                for entry, future in taken:
                    self._pending.pop((entry.kind, str(entry.order_id)), None)
                    if not future.done():
                        future.set_result(entry) if rows is not None else future.set_exception(problem)
