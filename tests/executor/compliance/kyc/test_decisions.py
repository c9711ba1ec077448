"""A decision shows every answer, is never a yes by silence, is kept for good without the name, and is due again when it should be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from domain.problems import BadInput, Broken
from executor.compliance.kyc.decision import decide, verdict_of
from executor.compliance.kyc.provider import Answer, Sources, Subject
from executor.compliance.kyc.routing import ClientCountries, Route, route
from executor.compliance.kyc.store import DecisionStore, Due, due, key_of_the_setting
from executor.compliance.screening.folder import ListFolder
from tests.executor.compliance.kyc.places import EU, RULEBOOK, US
from tests.executor.compliance.screening.lists import write_lists

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
CLEAN = Subject("c-7", "Gundula Harmlos", ("DE",), ("0x" + "9" * 40,))
KEY = b"k" * 32


@pytest.fixture
def sources(tmp_path) -> Sources:
    return Sources(date(2026, 7, 1), ListFolder.named(write_lists(tmp_path / "lists")))


@pytest.fixture
def store(tmp_path) -> DecisionStore:
    return DecisionStore(tmp_path / "home" / "kyc.sqlite", KEY)


def test_a_german_client_is_cleared_by_the_eu_chain_and_the_record_says_who_was_not_asked(sources):
    decision = decide(CLEAN, route(RULEBOOK, ClientCountries("DE")), sources, NOW)
    assert (decision.verdict, decision.jurisdictions, decision.providers) == ("clear", ("EU",), EU.providers)
    assert list(decision.not_asked) == ["pep:register"] and "no register" in decision.not_asked["pep:register"]
    assert decision.valid_until == NOW + timedelta(days=365)
    assert {one.provider: one.list_version for one in decision.answers}["sanctions:un"] == "un 2026-02-27"
    assert decision.worst is None
    assert "Gundula" not in str(decision.to_json()) and decision.to_json()["client_id"] == "c-7"


def test_a_missing_list_leaves_it_undecided_and_never_clear():
    decision = decide(CLEAN, route(RULEBOOK, ClientCountries("DE")), Sources(date(2026, 7, 1)), NOW)
    assert decision.verdict == "undecided"
    assert {one.provider for one in decision.answers if one.outcome == "unavailable"} == {"sanctions:un", "sanctions:ofac", "wallet:ofac"}


def test_a_provider_nobody_installed_leaves_it_undecided(sources):
    decision = decide(CLEAN, Route(("US",), US), sources, NOW, providers={})
    assert decision.verdict == "undecided" and decision.answers[0].reason == "no provider of this name is installed"


def test_a_listed_client_is_a_hit_with_the_entry_also_when_another_list_is_missing(tmp_path):
    folder = write_lists(tmp_path, un=None)
    decision = decide(Subject("c-8", "Serge Petrovanoff"), Route(("EU",), EU), Sources(date(2026, 7, 1), ListFolder(folder)), NOW)
    assert decision.verdict == "hit"
    assert decision.worst is not None and (decision.worst.matched, decision.worst.score) == ("ofac 101", 1.0)


def test_for_any_answers_the_verdict_is_the_worst_of_them():
    told = ("clear", "review", "hit", "not_asked", "unavailable")
    for outcomes in product(told, repeat=3):
        verdict = verdict_of(tuple(Answer("p", outcome, "r") for outcome in outcomes))
        if "hit" in outcomes:
            assert verdict == "hit"
        elif "unavailable" in outcomes or set(outcomes) == {"not_asked"}:
            assert verdict == "undecided"
        else:
            assert verdict == ("review" if "review" in outcomes else "clear")
    assert verdict_of(()) == "undecided"


def test_a_decision_is_kept_without_the_name(sources, store):
    decision = decide(Subject("c-8", "Serge Petrovanoff"), Route(("US",), US), sources, NOW)
    assert store.add(decision) == 1
    (kept,) = store.all()
    assert (kept.client_id, kept.verdict, kept.matched, kept.score, kept.threshold) == ("c-8", "hit", "ofac 101", 1.0, 0.9)
    assert (kept.jurisdictions, kept.decided_at, kept.algorithm) == (("US",), NOW, decision.algorithm)
    assert kept.name_hash == store.name_hash("serge  PETROVANOFF") != DecisionStore(store.path, b"x" * 32).name_hash("Serge Petrovanoff")
    content = store.path.read_bytes().lower()
    assert b"petrovano" not in content and b"serge" not in content
    assert store.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ["update decisions set verdict = 'clear'", "delete from decisions"])
def test_a_kept_decision_can_be_neither_changed_nor_deleted(sources, store, change):
    store.add(decide(CLEAN, Route(("US",), US), sources, NOW))
    with closing(sqlite3.connect(store.path)) as connection, pytest.raises(sqlite3.IntegrityError, match="only added"):
        connection.execute(change)


def test_a_damaged_file_is_a_fault(store):
    store.path.parent.mkdir()
    store.path.write_bytes(b"no database" * 100)
    with pytest.raises(Broken, match="cannot be read or written"):
        store.all()


def test_a_client_is_due_when_the_time_is_out_when_a_list_changed_and_when_it_was_left_open(sources, store, tmp_path):
    chosen = route(RULEBOOK, ClientCountries("SG"))
    store.add(decide(CLEAN, chosen, Sources(date(2026, 7, 1)), NOW))
    assert due(store.newest(), NOW, sources) == [Due("c-7", "it was left undecided")]
    store.add(decide(CLEAN, chosen, sources, NOW))
    assert due(store.newest(), NOW + timedelta(days=179), sources) == []
    assert due(store.newest(), NOW + timedelta(days=180), sources) == [Due("c-7", "it held until 2026-12-28")]
    un = sources.folder().path / "UN_consolidated.xml"
    un.write_text(un.read_text().replace("2026-02-27", "2026-07-02"))
    newer = Sources(date(2026, 7, 2), ListFolder(un.parent))
    assert due(store.newest(), NOW, newer) == [Due("c-7", "sanctions:un was un 2026-02-27, is un 2026-07-02")]
    assert len(store.all()) == 2


def test_a_provider_that_is_gone_does_not_make_a_client_due(sources, store):
    store.add(decide(CLEAN, Route(("US",), US), sources, NOW))
    assert due(store.newest(), NOW, sources, providers={}) == []


def test_the_key_of_the_hashes_must_be_a_secret():
    with pytest.raises(BadInput, match="at least 32 characters"):
        key_of_the_setting({"GREKKO_KYC_KEY": "short"})
    assert key_of_the_setting({"GREKKO_KYC_KEY": "k" * 32}) == KEY


def test_the_document_of_a_decision_has_every_answer(sources):
    told = decide(CLEAN, Route(("US",), US), sources, NOW).to_json()
    assert [one["provider"] for one in told["answers"]] == list(US.providers)
    assert told["valid_until"] == "2027-07-01T12:00:00+00:00"
