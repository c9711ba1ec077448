"""What is in force: pools, market and models, from the log again after a crash, and back to the models before in one call.

A decision takes the snapshot once and uses it to its end. Every change is an entry of the log of decisions before it is in force.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any

from domain.assignment import BUCKETS
from domain.problems import ActivationConflict, BundleRejected, JournalUnavailable, Problem, Unavailable
from executor.activation import operations as ops
from executor.activation.deployment import Deployment, Model, ModelName
from executor.activation.guardrails import GuardrailSettings, ModelGuardrails
from executor.activation.operations import Operation, Operations, Stage
from executor.activation.shelf import load
from executor.activation.snapshot import Flight, Snapshot
from executor.decision_log import FILE, DecisionLog, DecisionStore, ForgetfulLog
from executor.handover import Handover, generation_at, load_handover
from executor.orders import Entry
from executor.ports import Clock, SystemClock
from executor.telemetry import Telemetry

LOG = logging.getLogger(__name__)


class Standing:
    """The hand-over and the models in force. `refresh` looks for a newer hand-over."""

    def __init__(
        self,
        folder: Path,
        *,
        log: DecisionStore | None = None,
        clock: Clock | None = None,
        telemetry: Telemetry | None = None,
        guardrails: GuardrailSettings | None = None,
    ) -> None:
        self.folder = folder
        self.clock = clock or SystemClock()
        self.telemetry = telemetry or Telemetry(self.clock)
        self.guardrails = ModelGuardrails(guardrails)
        self.refusals = 0
        self.last_refusal: Problem | None = None
        self.notes: list[str] = []  # what a person should know about the models in force
        self.heard: Callable[[Entry], None] = lambda entry: None  # is told every change once it is written down, in whatever thread
        self.log = log or self._opened()
        self.operations = Operations()
        self._handed: ModelName | None = None
        self._snapshot: Snapshot | None = None
        self._draining: list[Flight] = []
        self._refused_generation: int | None = None
        self._lock = RLock()

    # --- what decides

    @property
    def snapshot(self) -> Snapshot:
        """What to decide with. Raises Unavailable, with the reason, when no hand-over could be loaded."""
        snapshot = self._snapshot
        if snapshot is None:
            why = self.last_refusal.message if self.last_refusal else "No hand-over was loaded yet."
            raise Unavailable(why, folder=str(self.folder))
        return snapshot

    @property
    def current(self) -> Handover:
        """The pools and the market to decide with. Raises Unavailable when there are none."""
        return self.snapshot.handover

    @property
    def deployment(self) -> Deployment:
        """The models in force. Raises Unavailable when there are none."""
        return self.snapshot.deployment

    @property
    def previous(self) -> Model | None:
        """What a rollback would bring back when there is no challenger."""
        return self._snapshot.deployment.previous if self._snapshot else None

    def taken(self) -> Snapshot:
        """The snapshot, counted as in flight until `flight.ends()` is called: a change waits for that before it says that it is done."""
        while True:
            snapshot = self.snapshot
            snapshot.flight.begins()
            if self.snapshot.flight is snapshot.flight:
                return snapshot
            snapshot.flight.ends()  # it was changed just between: nobody waits for this one any more

    @contextmanager
    def deciding(self) -> Iterator[Snapshot]:
        """The snapshot, in flight until the end."""
        snapshot = self.taken()
        try:
            yield snapshot
        finally:
            snapshot.flight.ends()

    # --- the hand-over

    def refresh(self) -> bool:
        """Takes over what lies in the folder when it is newer; True when decisions are now made with something else.

        Pools and market always come into force; its model only when it is another than the hand-over before brought, so that what was
        activated since stays. A hand-over that does not pass is counted and kept out: what is in force stays in force.
        """
        with self._lock:
            try:
                generation = generation_at(self.folder)
                before = self._snapshot
                if generation == self._refused_generation or (before and generation == before.handover.generation):
                    return False
                self._take_over(load_handover(self.folder))
            except Unavailable as problem:
                self.last_refusal = problem  # being written, or not there yet: ask again
                return False
            except Problem as problem:
                self.refusals += 1
                self.last_refusal = problem
                self._refused_generation = _generation_or_none(self.folder)
                return False
            self.last_refusal = self._refused_generation = None
            return True

    def _take_over(self, handover: Handover) -> None:
        brought = Model(ModelName(handover.bundle.policy, handover.version, handover.bundle.sha256), handover.bundle)
        if self._snapshot is None and not self._restore(handover, brought):
            self._put(Deployment(1, brought, operation_id="handover-1"), ops.ACTIVATED, handover, brought.called)
            return
        now = self.snapshot
        if brought.called == self._handed:
            self._snapshot = replace(now, handover=handover)
            self.tell()
            return
        generation = now.deployment.generation + 1
        deployment = Deployment(generation, brought, previous=now.deployment.champion, operation_id=f"handover-{generation}")
        self._put(deployment, ops.ACTIVATED, handover, brought.called)

    def _restore(self, handover: Handover, brought: Model) -> bool:
        """Puts in force what the log says; False when it says nothing. What vanished meanwhile is replaced, and that is written down."""
        row = self.log.last((ops.ACTIVATED, ops.ROLLED_BACK))
        for change in self.log.changes(ops.REMEMBERED):
            self.operations.take(change)
        if left := self.operations.under_way():
            self._fail(left, "restart", "The executor stopped before it came into force; activate it again.")
        if row is None:
            return False
        facts = row.entry.facts
        self.operations.put_in_force(facts)
        known_notes, self._handed = len(self.notes), ModelName.from_json(facts["handover"])
        resident = {brought.called.bundle: brought}

        def loaded(told: dict[str, str] | None) -> Model | None:
            called = ModelName.from_json(told)
            if called is None:
                return None
            if called.bundle not in resident:
                try:
                    resident[called.bundle] = load(self.folder, called)
                except BundleRejected as problem:
                    self.notes.append(f"{called.name} {called.version} was in use before the restart and is gone: {problem.message}")
                    LOG.warning(self.notes[-1])
                    return None
            return Model(called, resident[called.bundle].bundle)

        champion, challenger, previous = (loaded(facts[arm]) for arm in ("champion", "challenger", "previous"))
        generation, operation_id = facts["generation"], facts["operation_id"]
        if champion and (challenger or not facts["challenger"]):
            kept = Deployment(generation, champion, challenger, facts["share_bp"], previous, operation_id, facts["source"])
            self._assign(kept, handover)
            return True
        # Half of an experiment is none: the champion alone, or the hand-over's own model where even that is gone.
        fallback = Deployment(generation + 1, champion or brought, operation_id=f"fallback-{generation + 1}", source="fallback")
        self._put(fallback, ops.ROLLED_BACK, handover, self._handed, reason=" ".join(self.notes[known_notes:]), withdrawn=operation_id)
        return True

    def _fail(self, operation: Operation, check: str, reason: str) -> None:
        with self._lock:
            operation.stage, operation.check, operation.reason = Stage.FAILED, check, reason
            self.telemetry.activations.labels(operation.source, "failed").inc()
            entry = self._entry(ops.FAILED_TO, {"operation_id": operation.operation_id, "check": check, "reason": reason})
            try:
                self.log.append([entry])
            except Problem as problem:
                self.log.owe(entry)
                LOG.warning("not in the log yet (%s): %s failed: %s", problem.message, operation.operation_id, reason)

    # --- back

    def rollback(self, reason: str, source: str = "person") -> Deployment:
        """Withdraws the challenger; without one, puts the champion before back in force. It is resident, so nothing is loaded.

        It counts even when the disk does not take it: then the log owes it, and writes it before anything else.
        Raises ActivationConflict when there is nothing to go back to.
        """
        with self._lock:
            now = self.snapshot
            deployment = now.deployment
            if deployment.challenger is None and deployment.previous is None:
                raise ActivationConflict("There is nothing to roll back to: no other model was in force since the start.")
            back = deployment.champion if deployment.challenger else deployment.previous
            assert back is not None
            generation = deployment.generation + 1
            kept = deployment.previous if deployment.challenger else None
            after = Deployment(generation, back, None, 0, kept, f"rollback-{generation}", source)
            withdrawn = deployment.operation_id
            self._put(after, ops.ROLLED_BACK, now.handover, self._handed, reason=reason, withdrawn=withdrawn)
            self.operations.ended(withdrawn, Stage.ROLLED_BACK, reason)
            self.telemetry.rollbacks.labels(source).inc()
            return after

    def observed(self, measure: str, generation: int, arm: str, value: float) -> None:
        """One order's value, 0 or 1, for a guardrail: what is worse than it may be is rolled back here and now."""
        why = self.guardrails.add(measure, generation, arm, value)
        if why is None:
            return
        self.telemetry.alerts.labels("model_guardrail").inc()
        LOG.error("%s", why)
        try:
            self.rollback(why, "guardrail")
        except Problem as problem:
            self.notes.append(f"{why} {problem.message}")

    # --- what is told

    def document(self) -> dict[str, Any]:
        """The models in force, as GET /models tells them. Raises Unavailable when there are none."""
        snapshot = self.snapshot
        now = snapshot.deployment
        flights = [flight for flight in self._draining if flight.count]
        return {
            "generation": now.generation,
            "handover_generation": snapshot.handover.generation,
            "champion": now.champion.to_json(),
            "challenger": now.challenger.to_json() if now.challenger else None,
            "previous": now.previous.to_json() if now.previous else None,
            "share_percent": now.share_bp * 100 / BUCKETS,
            "shadow": now.challenger is not None and now.share_bp == 0,
            "salt": now.salt,
            "source": now.source,
            "operation_id": now.operation_id,
            "in_flight": snapshot.flight.count,
            "draining": [{"generation": flight.generation, "in_flight": flight.count} for flight in flights],
            "guardrails": {measure: round(value, 4) for measure, value in self.guardrails.evidence().items()},
            "durable": self.log.is_durable,
            "notes": list(self.notes),
        }

    # --- how

    def _put(
        self,
        deployment: Deployment,
        kind: str,
        handover: Handover,
        handed: ModelName | None,
        *,
        reason: str | None = None,
        withdrawn: str | None = None,
    ) -> float:
        """Writes the deployment down, then puts it in force. Returns for how many seconds nothing could be begun."""
        told = handed.to_json() if handed else None
        facts = {**deployment.to_json(), "handover": told, "reason": reason, "withdrawn": withdrawn}
        entry = self._entry(kind, facts)
        try:
            self.log.append([entry])
        except JournalUnavailable as problem:
            if kind != ops.ROLLED_BACK:
                raise
            self.log.owe(entry)
            LOG.warning("not in the log yet (%s): %s", problem.message, facts)
        self.heard(entry)
        self._handed = handed
        if not deployment.operation_id.startswith("activation-"):
            self.operations.put_in_force(facts)
        return self._assign(deployment, handover)

    def _assign(self, deployment: Deployment, handover: Handover) -> float:
        self.guardrails.watch(deployment)
        before = self._snapshot
        after = Snapshot(handover, deployment, Flight(deployment.generation))
        begun = self.clock.monotonic()
        self._snapshot = after
        pause = self.clock.monotonic() - begun
        self._draining = [flight for flight in self._draining if flight.count]
        if before is not None:
            self._draining.append(before.flight)
        self.telemetry.swap_pause.observe(pause)
        self.tell()
        return pause

    def tells(self, telemetry: Telemetry) -> None:
        """Whom to tell what happens: the metrics of the service."""
        self.telemetry = telemetry
        self.tell()

    def tell(self) -> None:
        """Tells the metrics which models are in force."""
        if (snapshot := self._snapshot) is None:
            return
        now = snapshot.deployment
        shares = [(now.champion, 1 - now.share_bp / BUCKETS), *([(now.challenger, now.share_bp / BUCKETS)] if now.challenger else [])]
        labelled = {(model.version, model.bundle.policy, model.called.bundle): share for model, share in shares}
        self.telemetry.in_force(labelled, now.generation, snapshot.handover.generation)

    def _entry(self, kind: str, facts: dict[str, Any]) -> Entry:
        return Entry(kind, None, self.clock.now(), facts)

    def _opened(self) -> DecisionStore:
        try:
            return DecisionLog(self.folder / FILE, self.clock)
        except Problem as problem:
            # Decisions can still be made, they are only forgotten: whoever asks for health is told.
            self.notes.append(problem.message)
            return ForgetfulLog(self.clock)


def _generation_or_none(folder: Path) -> int | None:
    try:
        return generation_at(folder)
    except Problem:
        return None
