"""What makes a model step back by itself: evidence that it fails, or is refused, or reverts, more often than it may.

With two models in force the challenger is measured against the champion, over the same time. One alone has only its own failures to
answer for: how many orders a desk refuses is not known to be its fault. The evidence holds whenever it is read, so it is read after
every order (`domain/sequential.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from domain.problems import BadInput
from domain.sequential import CHALLENGER, CHAMPION, Guardrail
from executor.activation.deployment import Deployment

FAILED, REJECTED, REVERTED = "failed", "rejected", "reverted"


@dataclass(frozen=True, slots=True)
class GuardrailSettings:
    """How much worse a model may be, as shares of orders, before it steps back, and how sure one must be.

    `alpha` is the chance that a model that keeps all margins is ever sent back, shared by the measures. At 0.001 a model that fails at
    every order is sent back after 24 of them. An answer that takes longer than `latency_seconds` counts as failed.
    """

    alpha: float = 0.001
    margins: Mapping[str, float] = field(default_factory=lambda: {FAILED: 0.01, REJECTED: 0.02, REVERTED: 0.01})
    latency_seconds: float = 0.05


class ModelGuardrails:
    """The guardrails of the models in force; a new generation begins them anew."""

    def __init__(self, settings: GuardrailSettings | None = None) -> None:
        self.settings = settings or GuardrailSettings()
        self._lock = Lock()
        self._rails: dict[str, Guardrail] = {}
        self._generation = 0
        self._alone = True
        self._told = False

    def watch(self, deployment: Deployment) -> None:
        """Begin anew, for this generation."""
        margins = self.settings.margins
        with self._lock:
            self._generation, self._alone, self._told = deployment.generation, deployment.challenger is None, False
            self._rails = {measure: Guardrail(margin, self.settings.alpha / len(margins)) for measure, margin in margins.items()}

    def add(self, measure: str, generation: int, arm: str, value: float) -> str | None:
        """One order's value, 0 or 1. The sentence that says why the model must step back, once, when it must."""
        with self._lock:
            if measure not in self._rails:
                raise BadInput(f"There is no guardrail {measure!r}; there are {', '.join(self.settings.margins)}.", field="measure")
            if generation != self._generation or self._told or (self._alone and measure != FAILED):
                return None
            rail = self._rails[measure]
            if self._alone:
                rail.add(CHAMPION, 0.0)
            rail.add(CHALLENGER if self._alone else arm, value)
            if not rail.breached:
                return None
            self._told = True
        against = "the margin" if self._alone else "the champion's and the margin"
        return f"Orders {measure} more often than {against} of {rail.margin:.2%} (evidence {rail.e_value:.0f} to 1)."

    def evidence(self) -> dict[str, float]:
        """The evidence of each measure against the model, 1 says nothing."""
        with self._lock:
            return {measure: rail.e_value for measure, rail in self._rails.items()}
