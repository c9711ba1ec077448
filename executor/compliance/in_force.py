"""The rulebook, the clients and the lists of a desk, read once at the start: what was in force is in the journal, by hash.

None of it is read again while the desk runs, so nothing is loosened under way: a change takes a start, which the journal tells.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from domain.problems import BadInput
from executor.guards.jurisdictions import Client, Jurisdictions
from executor.orders import Entry

if TYPE_CHECKING:
    from executor.compliance.parties import Parties
    from executor.desk_sections import ComplianceSettings

RULEBOOK_IN_FORCE = "rulebook_in_force"


class PartiesAsClients:
    """The clients of the file of parties, as the guards look them up: by id, countries and wallets, without a name."""

    def __init__(self, parties: Parties) -> None:
        self._clients: dict[str, Client] = {}
        for party in parties.clients:
            told = (party.residence, party.tax_residence, party.nationality)
            countries = frozenset(country.upper() for country in told if country)
            self._clients[party.id] = Client(party.id, party.residence.upper() or None, countries, party.wallets)

    def of(self, client_id: str) -> Client | None:
        """The client of that id. The firm itself is none."""
        return self._clients.get(client_id)


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds at a desk, and the sentence, document and journal entry that say so."""

    jurisdictions: Jurisdictions
    regulations_sha256: str | None
    parties_sha256: str | None
    lists: str | None

    def to_json(self) -> dict[str, Any]:
        """As GET /health tells it. Nobody's name or country is in it."""
        told = self.jurisdictions.to_json()
        return {"regulations_sha256": self.regulations_sha256, "parties_sha256": self.parties_sha256, "lists": self.lists, **told}

    def entry(self, at: datetime) -> Entry:
        """What the journal says at each start; it is about no order."""
        return Entry(RULEBOOK_IN_FORCE, None, at, self.to_json())

    def __str__(self) -> str:
        told = self.jurisdictions.to_json()
        limits, places = told["limits"], told["jurisdictions"]
        assert isinstance(limits, list) and isinstance(places, list), "both are lists"
        rules = f"{len(limits)} limits of {', '.join(places)} (rulebook {self.regulations_sha256[:12]})" if self.regulations_sha256 else ""
        parts = [rules or "no rulebook", "clients known" if self.parties_sha256 else "no clients", f"lists: {self.lists or 'none'}"]
        return ", ".join(parts)


def put_in_force(settings: ComplianceSettings | None, cash: frozenset[str] = frozenset()) -> InForce | None:
    """Reads what the desk file names; None where it names nothing. `cash` are the tokens that count as dollars.

    Raises BadInput with the file, the line and the fix when one of the files is not what it must be, and when the rulebook is not the one
    that `regulations_sha256` names.
    """
    if settings is None:
        return None
    rulebook = clients = listed = lists = regulations_sha256 = parties_sha256 = None
    if settings.regulations is not None:
        from domain.regulation.reading import read_rulebook
        from executor.compliance.rulebook_file import rulebook_texts, sha256_of

        texts = rulebook_texts(settings.regulations)
        regulations_sha256 = sha256_of(texts)
        _refuse_another(settings, regulations_sha256)
        rulebook = read_rulebook(texts)
    if settings.parties is not None:
        from executor.compliance.parties import load_parties

        clients = PartiesAsClients(load_parties(settings.parties))
        told = f"{hashlib.sha256(settings.parties.read_bytes()).hexdigest()}  {settings.parties.name}"
        parties_sha256 = hashlib.sha256(told.encode()).hexdigest()
    if settings.lists is not None:
        from executor.compliance.screening.folder import ListFolder

        listed = ListFolder.named(settings.lists).addresses
        lists = listed.version
    return InForce(Jurisdictions(rulebook, clients, listed, cash), regulations_sha256, parties_sha256, lists)


def _refuse_another(settings: ComplianceSettings, found: str) -> None:
    wanted = settings.regulations_sha256
    if wanted is not None and wanted != found:
        raise BadInput(
            f"The rulebook {settings.regulations} has the sha256 {found}, and the desk file's regulations_sha256 is {wanted}: it changed "
            "since it was approved. Put the approved one back, or look at the change and write its hash.",
            field="regulations_sha256",
            found=found,
            wanted=wanted,
        )
