"""A client's countries choose the chain, and of several chains the strictest of everything holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from executor.compliance.kyc.routing import DEFAULT_CHAIN, ClientCountries, route
from tests.executor.compliance.kyc.places import EU, MAS, RULEBOOK, US


def test_a_client_from_germany_goes_through_the_eu_chain():
    assert route(RULEBOOK, ClientCountries("DE")) == route(RULEBOOK, ClientCountries("DE", "DE", "FR"))
    found = route(RULEBOOK, ClientCountries("DE"))
    assert (found.jurisdictions, found.chain) == (("EU",), EU)


def test_a_client_from_singapore_goes_through_the_mas_chain():
    found = route(RULEBOOK, ClientCountries("SG", "SG"))
    assert (found.jurisdictions, found.chain) == (("SG",), MAS)


def test_a_client_from_the_united_states_goes_through_their_chain():
    assert route(RULEBOOK, ClientCountries("US")).chain == US


def test_a_country_without_a_chain_brings_the_default_one():
    found = route(RULEBOOK, ClientCountries("CH"))  # covered by the OECD's reports only
    assert (found.jurisdictions, found.chain) == (("DEFAULT",), DEFAULT_CHAIN)


def test_of_two_chains_the_strictest_of_everything_holds():
    found = route(RULEBOOK, ClientCountries("SG", "US", "DE"))
    assert found.jurisdictions == ("SG", "US", "EU")
    assert found.chain.providers == ("sanctions:un", "country:fatf", "wallet:ofac", "sanctions:ofac", "pep:register")
    assert (found.chain.threshold, found.chain.review_from, found.chain.refresh_days) == (0.80, 0.70, 180)
    assert (found.chain.travel_rule_standard, found.chain.travel_rule_minimum) == ("ivms101.2023", "0")
    assert route(RULEBOOK, ClientCountries("US", "SG")).chain.travel_rule_minimum == "1500"
    assert route(RULEBOOK, ClientCountries("US", "BR")).chain.travel_rule_standard is None


@given(st.lists(st.sampled_from(["DE", "SG", "US", "CH", "BR", "FR"]), min_size=1, max_size=3))
def test_for_any_countries_no_chain_of_one_of_them_is_stricter(countries):
    joined = route(RULEBOOK, ClientCountries(*countries)).chain
    for country in countries:
        alone = route(RULEBOOK, ClientCountries(country)).chain
        assert set(alone.providers) <= set(joined.providers)
        assert joined.threshold <= alone.threshold and joined.review_from <= alone.review_from
        assert joined.refresh_days <= alone.refresh_days


@pytest.mark.parametrize(
    ("countries", "why"), [(("",), "residence is not known"), (("de",), "no country"), (("DE", "Germany"), "no country")]
)
def test_without_a_residence_or_with_no_country_there_is_no_chain(countries, why):
    with pytest.raises(BadInput, match=why):
        route(RULEBOOK, ClientCountries(*countries))
