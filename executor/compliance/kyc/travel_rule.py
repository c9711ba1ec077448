"""What travels with a transfer: originator and beneficiary in the form of IVMS101.2023, the data model of the travel rule.

The functions are pure: values in, a document out that is valid against the standard's schema. IVMS101 carries persons and accounts and no
amounts; what it has no place for (a wallet that nobody hosts, the level that was asked for) stands beside the payload as marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.problems import BadInput
from domain.regulation.identifiers import check
from executor.compliance.kyc.travel_rule_levels import Level, level_of, ownership_to_show

VERSION = "101.2023"


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Where somebody lives or is registered. The street is one line, as people write it."""

    street: str
    postcode: str
    town: str
    country: str

    def to_json(self, kind: str) -> dict[str, Any]:
        """The address as IVMS101 has it; `kind` is HOME, BIZZ or GEOG."""
        given = {"addressType": kind, "postcode": self.postcode, "townName": self.town, "country": self.country}
        return {**{name: value for name, value in given.items() if value}, "addressLine": [self.street]}


@dataclass(frozen=True, slots=True)
class NaturalPerson:
    """A human being. `national_id_kind` is a code of IVMS101 such as CCPT for a passport, IDCD for an identity card."""

    surname: str
    first_names: str = ""
    address: PostalAddress | None = None
    national_id: str = ""
    national_id_kind: str = "IDCD"
    national_id_country: str = ""
    born: date | None = None
    born_in: str = ""
    residence: str = ""
    customer_id: str = ""

    @property
    def described(self) -> bool:
        """Whether an address, a number, or day and place of birth is known: one of them is asked for at the full level."""
        return self.address is not None or bool(self.national_id) or (self.born is not None and bool(self.born_in))

    def to_json(self) -> dict[str, Any]:
        """The person as IVMS101 has it. Raises BadInput where the name is missing."""
        if not self.surname.strip():
            raise BadInput("A natural person needs at least a surname (primaryIdentifier).", field="surname")
        name = {"primaryIdentifier": self.surname, "secondaryIdentifier": self.first_names, "naturalPersonNameIdentifierType": "LEGL"}
        told: dict[str, Any] = {"name": {"nameIdentifier": [{key: value for key, value in name.items() if value}]}}
        if self.address is not None:
            told["geographicAddress"] = [self.address.to_json("HOME")]
        if self.national_id:
            told["nationalIdentification"] = {
                "nationalIdentifier": self.national_id,
                "nationalIdentifierType": self.national_id_kind,
                **({"countryOfIssue": self.national_id_country} if self.national_id_country else {}),
            }
        if self.customer_id:
            told["customerIdentification"] = self.customer_id
        if self.born is not None and self.born_in:
            told["dateAndPlaceOfBirth"] = {"dateOfBirth": self.born.isoformat(), "placeOfBirth": self.born_in}
        if self.residence:
            told["countryOfResidence"] = self.residence
        return {"naturalPerson": told}


@dataclass(frozen=True, slots=True)
class LegalPerson:
    """A firm, known by its LEI where it has one."""

    name: str
    lei: str = ""
    address: PostalAddress | None = None
    registered_in: str = ""
    customer_id: str = ""

    @property
    def described(self) -> bool:
        """Whether an address or the LEI is known."""
        return self.address is not None or bool(self.lei)

    def to_json(self) -> dict[str, Any]:
        """The firm as IVMS101 has it. Raises BadInput for a missing name or an LEI whose check digits are wrong."""
        if not self.name.strip():
            raise BadInput("A legal person needs a name (legalPersonName).", field="name")
        named = {"legalPersonName": self.name, "legalPersonNameIdentifierType": "LEGL"}
        told: dict[str, Any] = {"name": {"nameIdentifier": [named]}}
        if self.address is not None:
            told["geographicAddress"] = [self.address.to_json("BIZZ")]
        if self.customer_id:
            told["customerIdentification"] = self.customer_id
        if self.lei:
            wrong = check("lei", self.lei)
            if wrong:
                raise BadInput(f"The LEI of {self.name} cannot be used: {wrong}.", field="lei")
            # With an LEI the standard leaves out who issued it.
            told["nationalIdentification"] = {"nationalIdentifier": self.lei, "nationalIdentifierType": "LEIX"}
        if self.registered_in:
            told["countryOfRegistration"] = self.registered_in
        return {"legalPerson": told}


Person = NaturalPerson | LegalPerson


@dataclass(frozen=True, slots=True)
class Side:
    """Who sends or receives, and by which account (a wallet's address). `provider` is None for a wallet that its owner keeps."""

    person: Person
    account: str
    provider: LegalPerson | None

    @property
    def self_hosted(self) -> bool:
        """Whether no provider keeps the wallet."""
        return self.provider is None


@dataclass(frozen=True, slots=True)
class TravelMessage:
    """The payload, None where nothing has to travel, with what it has no place for."""

    payload: dict[str, Any] | None
    level: Level
    originator_self_hosted: bool
    beneficiary_self_hosted: bool
    ownership_to_show: bool


def travel_message(jurisdiction: str, amount: str, originator: Side, beneficiary: Side) -> TravelMessage:
    """What has to travel with so much (text, in the jurisdiction's currency).

    Raises BadInput for what is no amount, and where the originator is not described as the level asks.
    """
    level = level_of(jurisdiction, amount)
    hosted_by_nobody = originator.self_hosted or beneficiary.self_hosted
    if level == "full" and not originator.person.described:
        raise BadInput(
            f"{amount} under the rules of {jurisdiction} needs the originator's address, identity number, or day and place of birth.",
            field="originator",
        )
    return TravelMessage(
        None if level == "none" else payload(originator, beneficiary, full=level == "full"),
        level,
        originator.self_hosted,
        beneficiary.self_hosted,
        hosted_by_nobody and ownership_to_show(jurisdiction, amount),
    )


def payload(originator: Side, beneficiary: Side, *, full: bool = True) -> dict[str, Any]:
    """The IVMS101.2023 document. Without `full` only names and accounts are in it, so that no more is told than was asked for."""
    sender = originator.person if full else named_only(originator.person)
    told: dict[str, Any] = {
        "originator": {"originatorPerson": [sender.to_json()], "accountNumber": [originator.account]},
        # Of the beneficiary the originator's side knows, and is asked for, no more than the name.
        "beneficiary": {"beneficiaryPerson": [named_only(beneficiary.person).to_json()], "accountNumber": [beneficiary.account]},
    }
    if originator.provider is not None:
        told["originatingVASP"] = originator.provider.to_json()
    if beneficiary.provider is not None:
        told["beneficiaryVASP"] = beneficiary.provider.to_json()
    return {**told, "payloadMetadata": {"payloadVersion": VERSION}}


def named_only(person: Person) -> Person:
    """The person with nothing but the name."""
    return NaturalPerson(person.surname, person.first_names) if isinstance(person, NaturalPerson) else LegalPerson(person.name)
