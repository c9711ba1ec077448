"""A travel-rule payload is valid IVMS101.2023, tells as much as the amount asks for, and says where nobody hosts the wallet."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.problems import BadInput
from executor.compliance.kyc.travel_rule import LegalPerson, NaturalPerson, PostalAddress, Side, named_only, payload, travel_message
from executor.compliance.kyc.travel_rule_levels import RULES, level_of, ownership_to_show
from tests.executor.compliance.screening.lists import real_lists

HOME = PostalAddress("1 Example Street", "018956", "Singapore", "SG")
ANA = NaturalPerson("Fiktiva", "Ana", HOME, "X1234567", "CCPT", "SG", date(1990, 1, 2), "Springfield", "SG", "c-1")
BOB = NaturalPerson("Erdacht", "Bob")
FIRM = LegalPerson("Fictional Desk Pte. Ltd.", "5493001KJTIIGC8Y1R12", PostalAddress("2 Example Quay", "", "Singapore", "SG"), "SG", "f-1")
OTHER = LegalPerson("Imaginary Exchange AG")
SENDER, RECEIVER = Side(ANA, "0x" + "1" * 40, FIRM), Side(BOB, "0x" + "2" * 40, OTHER)
OWN_WALLET = Side(BOB, "0x" + "3" * 40, None)


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads((real_lists().parent / "ivms101_IVMS101_2023Schema.schema.json").read_text())
    return Draft202012Validator(schema)


@pytest.mark.parametrize(
    "originator", [ANA, BOB, FIRM, OTHER, NaturalPerson("Mononymo", residence="SG"), NaturalPerson("E", national_id="1")]
)
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("provider", [FIRM, None])
def test_every_kind_of_person_gives_a_payload_that_the_schema_of_the_standard_takes(validator, originator, full, provider):
    told = payload(Side(originator, "0x" + "1" * 40, provider), RECEIVER, full=full)
    assert [error.message for error in validator.iter_errors(told)] == []
    assert ("originatingVASP" in told) == (provider is not None)


def test_the_schema_would_have_refused_a_wrong_payload(validator):
    told = payload(SENDER, RECEIVER)
    told["originator"]["originatorPerson"][0]["naturalPerson"]["geographicAddress"][0]["country"] = "Singapore"
    assert not validator.is_valid(told)


def test_above_the_threshold_of_singapore_the_originator_is_described_and_below_only_named():
    below, above = (travel_message("SG", amount, SENDER, RECEIVER) for amount in ("1500", "1500.01"))
    assert (below.level, above.level) == ("basic", "full")
    assert below.payload is not None and above.payload is not None
    (named,), (described,) = (one["originator"]["originatorPerson"] for one in (below.payload, above.payload))
    assert list(named["naturalPerson"]) == ["name"]
    assert described["naturalPerson"]["dateAndPlaceOfBirth"] == {"dateOfBirth": "1990-01-02", "placeOfBirth": "Springfield"}
    assert described["naturalPerson"]["nationalIdentification"]["countryOfIssue"] == "SG"
    assert above.payload["beneficiary"]["accountNumber"] == ["0x" + "2" * 40]
    assert above.payload["payloadMetadata"] == {"payloadVersion": "101.2023"}


def test_the_full_level_needs_a_described_originator():
    with pytest.raises(BadInput, match="address, identity number, or day and place of birth"):
        travel_message("EU", "1", OWN_WALLET, RECEIVER)
    assert travel_message("EU", "1", Side(FIRM, "0x1", FIRM), RECEIVER).level == "full"


def test_a_wallet_that_nobody_hosts_is_marked_and_above_1000_euros_its_owner_is_to_be_shown():
    small, large = (travel_message("EU", amount, SENDER, OWN_WALLET) for amount in ("1000", "1000.01"))
    assert small.beneficiary_self_hosted and large.beneficiary_self_hosted and not large.originator_self_hosted
    assert (small.ownership_to_show, large.ownership_to_show) == (False, True)
    assert large.payload is not None and "beneficiaryVASP" not in large.payload
    assert not travel_message("EU", "5000", SENDER, RECEIVER).ownership_to_show


@pytest.mark.parametrize(
    ("jurisdiction", "amount", "level"),
    [
        ("EU", "0", "full"),
        ("US", "2999.99", "none"),
        ("US", "3000", "full"),
        ("CH", "999", "basic"),
        ("CH", "1000", "full"),
        ("SG", "0", "basic"),
    ],
)
def test_the_level_is_that_of_the_jurisdiction(jurisdiction, amount, level):
    assert level_of(jurisdiction, amount) == level


def test_below_every_threshold_nothing_travels():
    assert travel_message("US", "10", SENDER, RECEIVER).payload is None


@pytest.mark.parametrize("amount", ["", "-1", "NaN", "Infinity", "1,000"])
def test_what_is_no_amount_is_refused(amount):
    with pytest.raises(BadInput, match="no amount"):
        level_of("EU", amount)
    with pytest.raises(BadInput, match="no amount"):
        ownership_to_show("EU", amount)


def test_no_threshold_claims_to_be_read_in_the_law():
    assert not any(rule.doc_ref.verified for rule in RULES.values())
    assert all(rule.doc_ref.note for rule in RULES.values())


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (NaturalPerson(" "), "surname"),
        (LegalPerson(""), "needs a name"),
        (LegalPerson("Fictional", "5493001KJTIIGC8Y1R13"), "LEI of Fictional cannot be used"),
    ],
)
def test_a_person_without_a_name_or_with_a_wrong_lei_is_refused(person, why):
    with pytest.raises(BadInput, match=why):
        person.to_json()


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1).filter(str.strip), st.text(), st.sampled_from(["", "IDCD1"]), st.dates())
def test_for_any_name_the_payload_is_valid(validator, surname, first, national_id, born):
    person = NaturalPerson(surname, first, national_id=national_id, born=born, born_in=first)
    assert validator.is_valid(payload(Side(person, "a", None), Side(named_only(person), "b", None)))
