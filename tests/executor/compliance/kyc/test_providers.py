"""Each provider answers about a name, a wallet or a country, says which list it asked, and says so when it asked nobody."""

from __future__ import annotations

from datetime import date

import pytest

from domain.problems import BadInput, Broken, Problem
from executor.compliance.kyc.fatf import load_fatf
from executor.compliance.kyc.provider import Limits, Sources, Subject, by_name, every_provider
from executor.compliance.screening.folder import ListFolder
from tests.executor.compliance.screening.lists import WALLET, write_lists

LIMITS = Limits(0.85, 0.75)
DAY = date(2026, 7, 1)
NOBODY = Subject("c-0")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Sources:
    folder = tmp_path_factory.mktemp("lists")
    register = folder / "register.csv"
    register.write_text("name,position,country\nOdalric Ministrov,minister,RU\n,,\n")
    return Sources(DAY, ListFolder.named(write_lists(folder)), register)


@pytest.mark.parametrize("name", sorted(every_provider()))
def test_every_provider_in_the_folder_answers_as_the_protocol_says(name, sources):
    """The contract: a name of two words, a reason to exist, a version, and an answer under its own name that nobody is clear by silence."""
    provider = every_provider()[name]
    assert name == provider.name and name.count(":") == 1 and provider.why.endswith(".")
    answer = provider.ask(NOBODY, sources, LIMITS)
    assert (answer.provider, answer.outcome, answer.score) == (name, "not_asked", None)
    assert answer.reason and answer.list_version == provider.version(sources) != ""
    full = provider.ask(Subject("c-1", "Gundula Harmlos", ("DE",), ("0x" + "9" * 40,)), sources, LIMITS)
    assert (full.outcome, full.matched, full.list_version) == ("clear", "", answer.list_version)


@pytest.mark.parametrize("name", ["sanctions:ofac", "sanctions:un", "wallet:ofac"])
def test_a_provider_without_its_list_raises_and_never_clears(name, tmp_path):
    for lists in (None, ListFolder(tmp_path)):
        with pytest.raises(Problem, match="list"):
            every_provider()[name].ask(Subject("c", "A B", ("DE",), ("0x" + "9" * 40,)), Sources(DAY, lists), LIMITS)


@pytest.mark.parametrize(
    ("name", "subject", "outcome", "matched"),
    [
        ("sanctions:ofac", Subject("c", "Sergey Petrovanov"), "hit", "ofac 101"),
        ("sanctions:ofac", Subject("c", "Bison"), "review", "ofac 101"),
        ("sanctions:un", Subject("c", "Kwambo Talleyrandi"), "hit", "un TSi.001"),
        ("wallet:ofac", Subject("c", addresses=("0x" + "9" * 40, WALLET.upper().replace("0X", "0x"))), "hit", "ofac 101"),
        ("country:fatf", Subject("c", countries=("DE", "IR")), "hit", "fatf IR"),
        ("country:fatf", Subject("c", countries=("KW",)), "review", "fatf KW"),
        ("country:fatf", Subject("c", countries=("KW", "KP")), "hit", "fatf KP"),
        ("pep:register", Subject("c", "Ministrov, Odalric"), "review", "pep line 2"),
    ],
)
def test_who_is_listed_is_told_with_the_entry(name, subject, outcome, matched, sources):
    answer = every_provider()[name].ask(subject, sources, LIMITS)
    assert (answer.outcome, answer.matched) == (outcome, matched)
    assert answer.explanation


def test_without_a_register_nobody_is_asked_and_it_says_so():
    pep = every_provider()["pep:register"]
    answer = pep.ask(Subject("c", "Odalric Ministrov"), Sources(DAY), LIMITS)
    assert (answer.outcome, answer.reason) == ("not_asked", "no register of politically exposed persons was named (GREKKO_PEP_REGISTER)")
    assert pep.version(Sources(DAY)) == ""


def test_a_register_without_names_is_refused(tmp_path):
    (tmp_path / "r.csv").write_text("person\nX\n")
    with pytest.raises(BadInput, match="no column `name`"):
        every_provider()["pep:register"].ask(Subject("c", "X Y"), Sources(DAY, None, tmp_path / "r.csv"), LIMITS)


def test_the_fatf_lists_change_with_the_day_and_say_what_nobody_checked():
    lists = load_fatf()
    assert lists.state_of("IQ", date(2026, 5, 31)) is None
    for country, day in (("iq", date(2026, 6, 1)), ("DZ", date(2026, 5, 31))):
        state = lists.state_of(country, day)
        assert state is not None and state.listed == "increased_monitoring"
    assert lists.state_of("DZ", date(2026, 6, 1)) is None
    assert {one.country for one in lists.states if one.listed == "call_for_action"} == {"KP", "IR", "MM"}
    assert all(one.checked == (one.source != "from memory") for one in lists.states)
    assert "October 2026" in lists.not_checked
    assert lists.version(date(2026, 3, 1)) == "fatf 2026-02-01 (brought up to 2026-06)"
    assert lists.version(date(2020, 1, 1)).startswith("fatf before its lists")


def test_a_wrong_line_of_the_fatf_file_is_named(tmp_path):
    path = tmp_path / "fatf.yaml"
    path.write_text(
        "as_of: a\nnot_checked: b\ncountries:\n  - {country: KP, listed: call_for_action, valid_from: June, source: s, checked: true}\n"
    )
    with pytest.raises(BadInput, match=r"line 4.*write a day"):
        load_fatf(path)


def test_two_providers_of_one_name_are_a_fault():
    one = every_provider()["country:fatf"]
    with pytest.raises(Broken, match="Two KYC providers are called country:fatf"):
        by_name([one, one])
