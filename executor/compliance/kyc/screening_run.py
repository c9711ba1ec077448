"""Screening questions as they come from the command line or a file: which chain each goes through, and what is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from domain.problems import BadInput, Problem
from domain.regulation.rulebook import KycChain, Rulebook
from executor.compliance.kyc.decision import Decision, decide
from executor.compliance.kyc.provider import Sources, Subject
from executor.compliance.kyc.queries import BadRow, Query
from executor.compliance.kyc.routing import DEFAULT_CHAIN, ClientCountries, Route, route
from executor.compliance.screening.addresses import checked_address

# Without a country there is no jurisdiction: only the lists are asked.
LISTS_ONLY = "LISTS_ONLY"


@dataclass(frozen=True, slots=True)
class Screening:
    """How questions are answered. The rulebook is read when a country first asks for it.

    `threshold` goes before that of the chain; `needs_id` says that decisions are kept, which is under an id.
    """

    rulebook: Callable[[], Rulebook]
    sources: Sources
    now: Callable[[], datetime]
    threshold: float | None = None
    needs_id: bool = False

    def answers(self, queries: Iterable[Query | BadRow]) -> Iterator[tuple[Query, Decision] | BadRow]:
        """A decision for each question, in order; what cannot be asked comes back as a bad row."""
        for one in queries:
            if isinstance(one, BadRow):
                yield one
                continue
            try:
                yield one, self.decision(one)
            except Problem as problem:
                if not one.line:
                    raise
                yield BadRow(one.line, problem.message)

    def decision(self, query: Query) -> Decision:
        """Raises BadInput for what is no address or no country."""
        if self.needs_id and not query.id:
            raise BadInput("It has no id, and a decision is kept under one.", field="id")
        if query.address:
            checked_address(query.address)
        countries = ClientCountries(query.country, query.nationality, query.tax_residence)
        if countries.in_order:
            chosen = route(self.rulebook(), countries)
        else:
            lists = ("sanctions:ofac", "sanctions:un") if query.name else ()
            providers = (*lists, *(("wallet:ofac",) if query.address else ()))
            chosen = Route((LISTS_ONLY,), replace(DEFAULT_CHAIN, providers=providers))
        addresses = (query.address,) if query.address else ()
        subject = Subject(query.id, query.name, countries.in_order, addresses)
        return decide(subject, replace(chosen, chain=self._with_threshold(chosen.chain)), self.sources, self.now())

    def _with_threshold(self, chain: KycChain) -> KycChain:
        if self.threshold is None:
            return chain
        if not 0 < self.threshold <= 1:
            raise BadInput("A threshold is above 0 and at most 1.", field="threshold")
        return replace(chain, threshold=self.threshold, review_from=min(chain.review_from, self.threshold))
