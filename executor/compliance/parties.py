"""Who the firm is and whom it trades for: one file, which holds all personal data and is the only place that does.

The tables of the lake know a client by id, country, and LEI, which is public. Names, days of birth, addresses and tax numbers are joined
in memory when a report is built, from `Parties.people()`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from domain.regulation.identifiers.national_id import concat_code

if TYPE_CHECKING:
    import polars as pl

SHIPPED = Path(__file__).resolve().parents[2] / "parties.yaml"
# The id of the firm where it trades for itself.
FIRM = "FIRM"


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody is reached; `country` is ISO 3166-1 alpha-2."""

    street: str
    postcode: str
    city: str
    country: str


@dataclass(frozen=True, slots=True)
class Birth:
    """When and where a natural person was born."""

    day: date
    city: str
    country: str


@dataclass(frozen=True, slots=True)
class Party:
    """The firm or a client. A legal person has `name` and `lei`; a natural one `first_name`, `surname`, `nationality` and `birth`.

    `residence` and `tax_residence` are countries, `tin` the number the latter knows it by. `national_id` is a number that a state gave
    (`scheme` NIDN for a national number, CCPT for a passport), empty where there is none.
    """

    id: str
    kind: Literal["legal", "natural"]
    residence: str
    tax_residence: str
    tin: str
    address: Address
    wallets: tuple[str, ...]
    name: str = ""
    lei: str | None = None
    first_name: str = ""
    surname: str = ""
    nationality: str | None = None
    birth: Birth | None = None
    national_id: str = ""
    national_id_scheme: str = ""
    authorised_in: str = ""

    @property
    def full_name(self) -> str:
        """The legal name, or first name and surname."""
        return self.name or f"{self.first_name} {self.surname}"

    def identified_by(self) -> tuple[str | None, str | None]:
        """The code and scheme that name a natural person in a report, none for a legal one.

        It begins with the country of nationality; the number a state gave follows where it is known, else CONCAT (RTS 22 Art 6).
        """
        if self.birth is None:
            return None, None
        if self.national_id:
            return f"{self.nationality}{self.national_id}", self.national_id_scheme
        return f"{self.nationality}{concat_code(self.birth.day, self.first_name, self.surname)}", "CONCAT"


@dataclass(frozen=True, slots=True)
class Parties:
    """The firm and its clients. A wallet belongs to one of them at most."""

    firm: Party
    clients: tuple[Party, ...]
    _owners: Mapping[str, Party] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_owners", {wallet: party for party in self for wallet in party.wallets})

    def __iter__(self) -> Iterator[Party]:
        """The firm, then the clients in the order of the file."""
        yield self.firm
        yield from self.clients

    def of_wallet(self, address: str) -> Party | None:
        """Whose wallet it is: a client, the firm itself, or None when nobody's here."""
        return self._owners.get(address.lower())

    def client(self, client_id: str) -> Party | None:
        """The client of that id, or the firm."""
        return next((party for party in self if party.id == client_id), None)

    def firm_facts(self) -> dict[str, str]:
        """What headings say of the firm: lei, name, tin, country, tax_residence, street, postcode, city, authorised_in."""
        firm = self.firm
        place = {"street": firm.address.street, "postcode": firm.address.postcode, "city": firm.address.city, "country": firm.residence}
        told = {"lei": firm.lei or "", "name": firm.name, "tin": firm.tin, "tax_residence": firm.tax_residence}
        return {**told, **place, "authorised_in": firm.authorised_in}

    def people(self) -> pl.DataFrame:
        """One row for each client and the firm: `client_id`, and the personal columns that a report joins and the lake never holds."""
        import polars as pl

        columns = dict.fromkeys(_personal(self.firm), pl.String()) | {"person_birth_date": pl.Date()}
        return pl.DataFrame([_personal(party) for party in self], schema=columns)


def _personal(party: Party) -> dict[str, object]:
    birth, (number, scheme) = party.birth, party.identified_by()
    return {
        "client_id": party.id,
        "person_kind": party.kind,
        "person_name": party.full_name,
        "person_first_name": party.first_name or None,
        "person_surname": party.surname or None,
        "person_birth_date": birth.day if birth else None,
        "person_birth_city": birth.city if birth else None,
        "person_birth_country": birth.country if birth else None,
        "person_nationality": party.nationality,
        "person_residence": party.residence,
        "person_tax_residence": party.tax_residence,
        "person_tin": party.tin,
        "person_lei": party.lei,
        "person_national_id": number,
        "person_national_id_scheme": scheme,
        "person_street": party.address.street,
        "person_postcode": party.address.postcode,
        "person_city": party.address.city,
        "person_country": party.address.country,
    }


def parties_file() -> Path:
    """The setting GREKKO_PARTIES, else the file at the root of the repository, whose persons are fictional."""
    return Path(os.environ.get("GREKKO_PARTIES") or SHIPPED)


def load_parties(path: Path | None = None) -> Parties:
    """The parties of the file; raises BadInput with the line, the field and the fix where it is not what it must be."""
    from executor.compliance.parties_reading import read_parties

    return read_parties(path or parties_file())
