"""Activations: a model of the shelf is verified and warmed up beside the orders, shifted in one assignment, and what was before drained."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from domain.assignment import BUCKETS
from domain.problems import ActivationConflict, ActivationUnderWay, BadInput, Problem, Unavailable
from executor.activation import operations as ops
from executor.activation.deployment import Deployment, Model
from executor.activation.operations import Operation, Stage, Wish
from executor.activation.shelf import find, load
from executor.activation.snapshot import Flight
from executor.activation.standing import Standing

LOG = logging.getLogger(__name__)
WARM_UPS = 20
DRAIN_LOOKS_SECONDS, LONGEST_DRAIN_SECONDS = 0.002, 30.0
RETRY_AFTER_SECONDS = 1


class Activation(Standing):
    """What is in force, and how it is changed: `ask` takes a wish in, `carry_out` does it."""

    def ask(self, wish: Wish, *, key: str | None = None, if_generation: int | None = None) -> tuple[Operation, bool]:
        """The operation that carries the wish out, and whether it is new: then `carry_out` must follow. Durable when it returns.

        The same wish again, while it is under way or in force, is the same operation, and so is the same key.
        Raises BadInput, UnknownModel, ActivationConflict (another wish of that key, another generation than `if_generation`), and
        Unavailable: ActivationUnderWay while another is not done.
        """
        with self._lock:
            now = self.deployment
            if known := self.operations.of_key(key, wish):
                return known, False
            under_way = self.operations.under_way()
            if under_way and _same_but_pin(under_way.wish, wish):
                return self._pinned(under_way, wish), False
            if not under_way and self._is_in_force(wish, now):
                return self._pinned(self.operations.get(now.operation_id), wish), False
            if if_generation is not None and if_generation != now.generation:
                raise ActivationConflict(
                    f"Generation {now.generation} is in force, not {if_generation}; look at GET /models and ask again.",
                    generation=now.generation,
                )
            if under_way:
                raise ActivationUnderWay(
                    f"The activation of {under_way.wish.name} {under_way.wish.version} is {str(under_way.stage).lower()}; ask again in "
                    f"{RETRY_AFTER_SECONDS} s.",
                    operation_id=under_way.operation_id,
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            if not self.log.is_durable:
                raise Unavailable(f"Nothing can be activated here, it would be forgotten. {' '.join(self.notes)}".strip())
            called = find(self.folder, wish.name, wish.version)
            _refuse_another_hash(called.bundle, wish)
            if wish.share_bp < BUCKETS and called.bundle == now.champion.called.bundle:
                raise BadInput(
                    f"{wish.name} {wish.version} is the champion; a share or a shadow is for another model.", field="share_percent"
                )
            facts = {"wish": ops.wish_facts(wish), "key": key, "base_generation": now.generation, "bundle": called.bundle}
            (row,) = self.log.append([self._entry(ops.ASKED, facts)])
            asked = Operation(ops.id_of(row), wish, key=key, base_generation=now.generation, bundle=called.bundle)
            return self.operations.add(asked), True

    async def carry_out(self, operation: Operation) -> Operation:
        """Verify, warm up, shift, drain. The operation says what came of it; nothing is raised."""
        try:
            model = await self._timed(operation, Stage.VERIFYING, self._load, operation)
            await self._timed(operation, Stage.WARMING, _warm_up, model)
            before = await self._timed(operation, Stage.SHIFTING, self._shift, operation, model)
        except Problem as problem:
            await asyncio.to_thread(self._fail, operation, str(problem.facts.get("check", type(problem).__name__)), problem.message)
            return operation
        except Exception as error:  # an activation must end whatever happens, or no other could begin
            LOG.exception("The activation of %s %s failed.", operation.wish.name, operation.wish.version)
            await asyncio.to_thread(self._fail, operation, "unexpected", repr(error))
            return operation
        begun = self.clock.monotonic()
        while before.count and self.clock.monotonic() - begun < LONGEST_DRAIN_SECONDS:
            await self.clock.sleep(DRAIN_LOOKS_SECONDS)
        operation.seconds["draining"] = self.clock.monotonic() - begun
        self.telemetry.model_drain.observe(operation.seconds["draining"])
        await asyncio.to_thread(self._drained, operation, before)
        return operation

    def _load(self, operation: Operation) -> Model:
        called = find(self.folder, operation.wish.name, operation.wish.version)
        if called.bundle != operation.bundle:
            raise ActivationConflict(f"{called.name} {called.version} became another bundle meanwhile; activate it again.", check="pointer")
        return load(self.folder, called)

    def _shift(self, operation: Operation, model: Model) -> Flight:
        """The one assignment. Returns the flight of what decided before."""
        with self._lock:
            before = self.snapshot
            now, wish = before.deployment, operation.wish
            if now.generation != operation.base_generation:
                raise ActivationConflict(
                    f"Generation {now.generation} came into force meanwhile; look at GET /models and activate again.", check="superseded"
                )
            generation, source = now.generation + 1, operation.source
            if wish.share_bp < BUCKETS:
                after = Deployment(generation, now.champion, model, wish.share_bp, now.previous, operation.operation_id, source)
            else:
                replaced = now.previous if model.called == now.champion.called else now.champion
                after = Deployment(generation, model, None, 0, replaced, operation.operation_id, source)
            operation.seconds["pause"] = self._put(after, ops.ACTIVATED, before.handover, self._handed)
            operation.generation, operation.stage = generation, Stage.DRAINING
            return before.flight

    def _drained(self, operation: Operation, flight: Flight) -> None:
        with self._lock:
            if operation.stage is not Stage.DRAINING:
                return  # rolled back while it drained
            if not flight.count:
                try:
                    facts = {"operation_id": operation.operation_id, "generation": operation.generation}
                    self.log.append([self._entry(ops.DRAINED, facts)])
                except Problem as problem:
                    LOG.warning("that %s has drained is not in the log: %s", operation.operation_id, problem.message)
            operation.stage = Stage.DONE
            self.telemetry.activations.labels(operation.source, "done").inc()

    def _is_in_force(self, wish: Wish, now: Deployment) -> bool:
        newest = now.challenger or now.champion
        share_bp = now.share_bp if now.challenger else BUCKETS
        return (newest.name, newest.version, share_bp) == (wish.name, wish.version, wish.share_bp)

    def _pinned(self, operation: Operation, wish: Wish) -> Operation:
        _refuse_another_hash(operation.bundle, wish)
        return operation

    async def _timed(self, operation: Operation, stage: Stage, work: Any, *args: Any) -> Any:
        operation.stage = stage
        begun = self.clock.monotonic()
        try:
            return await asyncio.to_thread(work, *args)
        finally:
            operation.seconds[stage.lower()] = self.clock.monotonic() - begun


def _warm_up(model: Model) -> None:
    """The golden rows again: the first answers of a session are slower than the rest."""
    for _ in range(WARM_UPS):
        model.bundle.answer(model.bundle.manifest["golden"]["inputs"][:1])


def _same_but_pin(one: Wish, other: Wish) -> bool:
    return replace(one, pin=None) == replace(other, pin=None)


def _refuse_another_hash(bundle: str | None, wish: Wish) -> None:
    if wish.pin is not None and wish.pin != bundle:
        raise BadInput(
            f"{wish.name} {wish.version} is bundle {bundle}, not the {wish.pin} it was pinned to; nothing was activated.",
            field="bundle_sha256",
            bundle=bundle,
        )
