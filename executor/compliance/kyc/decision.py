"""What is decided about a client: every provider of the chain is asked, the worst answer holds, and one that is missing is never a yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from domain.problems import Problem
from executor.compliance.kyc.provider import Answer, Limits, Provider, Sources, Subject, every_provider
from executor.compliance.kyc.routing import Route
from executor.compliance.screening.names import ALGORITHM

Verdict = Literal["clear", "review", "hit", "undecided"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision with everything it was made from. `not_asked` are the providers that had nothing to ask, each with its reason."""

    subject: Subject
    verdict: Verdict
    jurisdictions: tuple[str, ...]
    providers: tuple[str, ...]
    threshold: float
    review_from: float
    answers: tuple[Answer, ...]
    algorithm: str
    decided_at: datetime
    valid_until: datetime

    @property
    def not_asked(self) -> dict[str, str]:
        """Who was not asked, and why."""
        return {one.provider: one.reason for one in self.answers if one.outcome == "not_asked"}

    @property
    def worst(self) -> Answer | None:
        """The answer with the highest score; None where none has one."""
        scored = [one for one in self.answers if one.score]
        return max(scored, key=lambda one: (one.outcome == "hit", one.score or 0.0), default=None)

    def to_json(self) -> dict[str, Any]:
        """The decision as a document, without the client's name."""
        return {
            "client_id": self.subject.client_id,
            "verdict": self.verdict,
            "jurisdictions": list(self.jurisdictions),
            "providers": list(self.providers),
            "threshold": self.threshold,
            "review_from": self.review_from,
            "algorithm": self.algorithm,
            "decided_at": self.decided_at.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "not_asked": self.not_asked,
            "answers": [asdict(one) for one in self.answers],
        }


def decide(subject: Subject, chosen: Route, sources: Sources, now: datetime, providers: Mapping[str, Provider] | None = None) -> Decision:
    """Asks the chain about the subject, all of it, since a record must show every answer and not only the first bad one."""
    known = every_provider() if providers is None else providers
    limits = Limits(chosen.chain.threshold, chosen.chain.review_from)
    answers = tuple(_asked(name, known.get(name), subject, sources, limits) for name in chosen.chain.providers)
    return Decision(
        subject,
        verdict_of(answers),
        chosen.jurisdictions,
        chosen.chain.providers,
        chosen.chain.threshold,
        chosen.chain.review_from,
        answers,
        ALGORITHM,
        now,
        now + timedelta(days=chosen.chain.refresh_days),
    )


def verdict_of(answers: tuple[Answer, ...]) -> Verdict:
    """A hit is a hit whoever else is silent; a provider that cannot be asked leaves it open; then review, then clear.

    A chain in which nobody answered is open too.
    """
    outcomes = {one.outcome for one in answers}
    if "hit" in outcomes:
        return "hit"
    if "unavailable" in outcomes or not outcomes & {"clear", "review"}:
        return "undecided"
    return "review" if "review" in outcomes else "clear"


def _asked(name: str, provider: Provider | None, subject: Subject, sources: Sources, limits: Limits) -> Answer:
    if provider is None:
        return Answer(name, "unavailable", "no provider of this name is installed")
    try:
        return provider.ask(subject, sources, limits)
    except Problem as problem:
        return Answer(name, "unavailable", problem.message)
