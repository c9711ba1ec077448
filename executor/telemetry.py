"""What the executor counts and times, for Prometheus. One registry per service, so two in a process do not mix.

Times of orders are taken where an entry has become durable, so "signed" includes the flush to the disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from domain.sequential import CHALLENGER, CHAMPION
from executor.orders import FOREIGN_NONCE, TERMINAL, Entry, State
from executor.ports import Clock, SystemClock

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
# One assignment takes less than a microsecond, a model some ten.
TINY_SECONDS = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
# A fill waits for blocks, and finality for many of them.
LONG_SECONDS = (0.25, 0.5, 1.0, 2.0, 5.0, 12.0, 24.0, 60.0, 120.0, 300.0, 900.0, 1800.0)
BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
STATES = frozenset(State)
# Orders whose beginning is remembered; far more than can be open at once.
REMEMBERED = 10_000


@dataclass(slots=True)
class _Begun:
    """When an order began, and what it was not yet counted for."""

    at: datetime | None = None
    monotonic: float | None = None
    mode: str = ""
    is_signed: bool = False
    is_filled: bool = False


class Telemetry:
    """The executor's metrics."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._begun: OrderedDict[str, _Begun] = OrderedDict()
        self.registry = CollectorRegistry()
        self.requests = self._counter("grekko_requests", "Requests answered.", "route", "status")
        self.seconds = self._times("grekko_request_seconds", "Time to answer, seconds.", "route")
        self.decisions = self._counter(
            "grekko_decisions", "Swaps decided, by what was chosen and by which model.", "action", "model_version"
        )
        self.model = self._gauge(
            "grekko_model_version", "Share of the orders that this model decides, 0 to 1.", "model_version", "policy", "bundle_sha256"
        )
        self.model_generation = self._gauge("grekko_model_generation", "Generation of the models in force; every change is one more.")
        answers = self._times(
            "grekko_model_answer_seconds", "Time a model takes to answer for one order, seconds.", "arm", buckets=TINY_SECONDS
        )
        self.answer_seconds = {arm: answers.labels(arm) for arm in (CHAMPION, CHALLENGER)}
        self.model_failures = self._counter(
            "grekko_model_failures", "Orders for which a model gave no answer, or none in time.", "model_version"
        )
        self.activations = self._counter("grekko_model_activations", "Activations that ended, by who asked and how.", "source", "outcome")
        self.activation_refusals = self._counter("grekko_model_activation_refusals", "Activations refused at the door, by error.", "error")
        self.rollbacks = self._counter("grekko_model_rollbacks", "Models that were withdrawn, by who did it.", "source")
        self.swap_pause = self._times(
            "grekko_model_swap_pause_seconds", "Time in which no decision could be begun, seconds.", buckets=TINY_SECONDS
        )
        self.model_drain = self._times("grekko_model_drain_seconds", "Until all decisions of the models before were done, seconds.")
        self.generation = self._gauge("grekko_handover_generation", "Generation of the hand-over in force.")
        self.refusals = self._gauge("grekko_handover_refusals", "Hand-overs refused since the start.")

        self.orders = self._counter("grekko_orders", "Orders that came to a state, by mode.", "state", "mode")
        self.open = self._gauge("grekko_orders_open", "Orders of which something may still happen, by state.", "state")
        self.rejects = self._counter("grekko_rejects", "Orders refused, by the rule that said no.", "rule")
        self.over_budget = self._counter("grekko_gas_budget_refusals", "Orders refused because gas would cost more than the budget.")
        self.stages = self._times("grekko_stage_seconds", "Time a stage of an order takes, seconds.", "stage")
        self.signed_after = self._times("grekko_intent_to_signed_seconds", "From the request until the signature is durable, seconds.")
        self.filled_after = self._times(
            "grekko_order_to_fill_seconds", "From the request until a block has the order's swap, seconds.", buckets=LONG_SECONDS
        )
        self.final_after = self._times(
            "grekko_order_to_final_seconds", "From the request until the order's end is final, seconds.", buckets=LONG_SECONDS
        )
        self.foreign_nonces = self._counter("grekko_foreign_nonce_uses", "Times that somebody else used our key.")
        self.alerts = self._counter("grekko_alerts", "Alerts raised, by name.", "name")

        self.mirror_block = self._gauge("grekko_mirror_block", "Newest block that the mirror of the pools has.")
        self.mirror_lag_blocks = self._gauge("grekko_mirror_lag_blocks", "Blocks that the mirror is behind the node.")
        self.mirror_lag_seconds = self._gauge("grekko_mirror_lag_seconds", "Seconds since the mirror last had the node's newest block.")
        self.ledger_lag = self._times("grekko_ledger_lag_seconds", "From a block's arrival until its trades are in the ledger, seconds.")
        self.reorgs = Histogram("grekko_reorg_depth_blocks", "Blocks taken back at once.", buckets=BLOCKS, registry=self.registry)
        self.suspended = self._gauge("grekko_venue_suspended", "1 for a venue that is not traded on.", "venue")
        self.killed = self._gauge("grekko_kill_switch", "1 while everything is stopped.")
        self.ready = self._gauge("grekko_ready", "1 while orders are taken.")
        self.restarts = self._counter("grekko_task_restarts", "Background tasks that ended and were started again.", "task")

    # --- what happens

    def in_force(self, models: Mapping[tuple[str, str, str], float], generation: int, handover_generation: int) -> None:
        """Tells which models decide from here on, each by version, policy and hash, and for which share of the orders."""
        self.model.clear()
        for labels, share in models.items():
            self.model.labels(*labels).set(share)
        self.model_generation.set(generation)
        self.generation.set(handover_generation)

    def begun(self, order_id: str, monotonic: float) -> None:
        """An order was asked for at this time of the clock; asking again does not begin it again."""
        begun = self._of(order_id)
        if begun.monotonic is None:
            begun.monotonic = monotonic

    def heard(self, entry: Entry) -> None:
        """Counts and times what an entry tells; it is durable."""
        if entry.kind == FOREIGN_NONCE:
            self.foreign_nonces.inc()
        if entry.order_id is None:
            return
        begun = self._of(entry.order_id)
        if entry.kind == State.INTENT:
            begun.at, begun.mode = entry.at, entry.facts["mode"]
        if entry.kind in STATES:
            self.orders.labels(str(entry.kind), begun.mode or "live").inc()
        if entry.kind == State.REFUSED:
            rule = str(entry.facts.get("rule", "unnamed"))
            self.rejects.labels(rule).inc()
            if rule == "gas_budget":
                self.over_budget.inc()
        elif entry.kind == State.SIGNED and not begun.is_signed:
            begun.is_signed = True
            if begun.monotonic is not None:
                self.signed_after.observe(self._clock.monotonic() - begun.monotonic)
        elif entry.kind in (State.SEEN, State.FINAL) and not begun.is_filled and entry.facts.get("status") == 1:
            begun.is_filled = True
            self._since(begun, entry, self.filled_after)
        if entry.kind == State.FINAL:
            self._since(begun, entry, self.final_after)
        if entry.kind in TERMINAL:
            self._begun.pop(entry.order_id, None)

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Times what is done inside, whether it succeeds or not."""
        begun = self._clock.monotonic()
        try:
            yield
        finally:
            self.stages.labels(stage).observe(self._clock.monotonic() - begun)

    def text(self) -> bytes:
        """The page Prometheus reads."""
        return generate_latest(self.registry)

    # --- how

    def _of(self, order_id: str) -> _Begun:
        if order_id not in self._begun and len(self._begun) >= REMEMBERED:
            self._begun.popitem(last=False)
        return self._begun.setdefault(order_id, _Begun())

    @staticmethod
    def _since(begun: _Begun, entry: Entry, times: Histogram) -> None:
        """From the request; an order that was taken up after a restart and whose beginning nobody remembers is not timed."""
        if begun.at is not None:
            times.observe(max((entry.at - begun.at).total_seconds(), 0.0))

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, registry=self.registry)

    def _times(self, name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = SECONDS) -> Histogram:
        return Histogram(name, meaning, labels, buckets=buckets, registry=self.registry)
