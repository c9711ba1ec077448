"""Which chain of providers a client goes through: their countries choose the jurisdictions, the strictest rule of those holds.

Residence comes first, then nationality, then tax residence. Of several chains the providers are joined (in that order, each once), the
lowest threshold and the lowest score from which a person looks hold, and so does the shortest refresh. A country that no jurisdiction
with a chain covers brings the default chain, which asks everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.problems import BadInput
from domain.regulation.rulebook import KycChain, Rulebook

DEFAULT = "DEFAULT"
DEFAULT_CHAIN = KycChain(("sanctions:ofac", "sanctions:un", "wallet:ofac", "country:fatf", "pep:register"), 0.85, 0.75, 365)


@dataclass(frozen=True, slots=True)
class ClientCountries:
    """Where a client belongs, ISO 3166-1 alpha-2. An empty one is not known; at least the residence must be."""

    residence: str
    nationality: str = ""
    tax_residence: str = ""

    @property
    def in_order(self) -> tuple[str, ...]:
        """The countries that are known, each once."""
        return tuple(dict.fromkeys(one for one in (self.residence, self.nationality, self.tax_residence) if one))


@dataclass(frozen=True, slots=True)
class Route:
    """The chain that a client goes through, and the jurisdictions it comes from."""

    jurisdictions: tuple[str, ...]
    chain: KycChain


def route(rulebook: Rulebook, countries: ClientCountries) -> Route:
    """The chain for a client. Raises BadInput for a residence that is missing, or a country that is no two letters."""
    if not countries.residence:
        raise BadInput("The client's residence is not known, so no chain can be chosen.", field="residence")
    chains: dict[str, KycChain] = {}
    for country in countries.in_order:
        if len(country) != 2 or not country.isalpha() or not country.isupper():
            raise BadInput(f"{country[:20]!r} is no country: write two capitals (ISO 3166-1), such as DE.", field="country")
        covering = {place.code: place.kyc for place in rulebook.of_country(country) if place.kyc is not None}
        chains |= {code: chain for code, chain in (covering or {DEFAULT: DEFAULT_CHAIN}).items() if code not in chains}
    return Route(tuple(chains), strictest(list(chains.values())))


def strictest(chains: Sequence[KycChain]) -> KycChain:
    """One chain that is at least as strict as each of these."""
    if len(chains) == 1:
        return chains[0]
    travelling = [one for one in chains if one.travel_rule_standard]
    return KycChain(
        tuple(dict.fromkeys(provider for one in chains for provider in one.providers)),
        min(one.threshold for one in chains),
        min(one.review_from for one in chains),
        min(one.refresh_days for one in chains),
        travelling[0].travel_rule_standard if travelling else None,
        min((one.travel_rule_minimum or "0" for one in travelling), key=Decimal) if travelling else None,
    )
