"""What a provider is: one source that is asked about a client, under the name by which a chain of the rulebook calls it.

A provider is one file in `executor/compliance/kyc/providers/` that defines `PROVIDER`, or a package with an entry point in the group
`grekko.kyc_providers`. Dropping the file in is the whole registration.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from domain.problems import Broken, Unavailable
from executor.compliance.screening.entries import ReadList
from executor.compliance.screening.folder import ListFolder
from executor.compliance.screening.names import Match, NameIndex

Outcome = Literal["clear", "review", "hit", "not_asked", "unavailable"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the question is about. `countries` are ISO 3166-1 alpha-2: residence, nationality and tax residence, in this order.

    What is empty is not known; a provider that needs it says that it was not asked.
    """

    client_id: str
    name: str = ""
    countries: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """From which score on a name is a hit, and from which a person looks."""

    threshold: float
    review_from: float

    def outcome_of(self, score: float) -> Outcome:
        """What a score means."""
        return "hit" if score >= self.threshold else "review" if score >= self.review_from else "clear"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said, and which version of its list said it. `matched` names the list's entry (`ofac 26137`), never the client."""

    provider: str
    outcome: Outcome
    reason: str
    list_version: str = ""
    score: float | None = None
    matched: str = ""
    explanation: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Sources:
    """Where providers look: the folder of lists, the register of politically exposed persons, and the day for which they answer."""

    day: date
    lists: ListFolder | None = None
    pep_register: Path | None = None
    _indexes: dict[str, NameIndex] = field(default_factory=dict)

    def folder(self) -> ListFolder:
        """The folder of lists. Raises Unavailable where none was named."""
        if self.lists is None:
            raise Unavailable("no folder of lists was named (GREKKO_LISTS)")
        return self.lists

    def index(self, name: str, read: Callable[[], ReadList]) -> NameIndex:
        """The names of a list, made ready once."""
        if name not in self._indexes:
            self._indexes[name] = NameIndex([read()])
        return self._indexes[name]


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `ask` answers, or raises a Problem where it cannot, which leaves the chain undecided.

    `version` is that of the list it would ask now; decisions made with another one are due again.
    """

    name: str
    why: str
    ask: Callable[[Subject, Sources, Limits], Answer]
    version: Callable[[Sources], str]


def ask_names(provider: str, index: NameIndex, subject: Subject, limits: Limits) -> Answer:
    """The answer of a provider that looks for the subject's name in a list."""
    version = ", ".join(map(str, index.versions))
    if not subject.name.strip():
        return Answer(provider, "not_asked", "no name is known", version)
    matches = index.search(subject.name, limits.review_from, 3)
    if not matches:
        return Answer(provider, "clear", f"no listed name scores {limits.review_from} or more", version, 0.0)
    best: Match = matches[0]
    outcome = limits.outcome_of(best.score)
    matched = f"{best.entry.list_name} {best.entry.uid}"
    return Answer(provider, outcome, f"scores {best.score} against {matched}", version, best.score, matched, best.to_json())


@cache
def every_provider() -> Mapping[str, Provider]:
    """All providers by name: those of this repository and those that installed packages bring. Raises Broken when two share a name."""
    folder = importlib.import_module("executor.compliance.kyc.providers")
    built_in = [importlib.import_module(f"{folder.__name__}.{module.name}").PROVIDER for module in pkgutil.iter_modules(folder.__path__)]
    return by_name([*built_in, *(point.load() for point in entry_points(group="grekko.kyc_providers"))])


def by_name(providers: Iterable[Provider]) -> Mapping[str, Provider]:
    """The providers by name. Raises Broken when two have one: a record could not tell who answered."""
    found: dict[str, Provider] = {}
    for one in providers:
        if one.name in found:
            raise Broken(f"Two KYC providers are called {one.name}; rename one of them.", provider=one.name)
        found[one.name] = one
    return found
