"""Personal values open for their person at their place, until the person is erased."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Broken, StillKept
from domain.regulation.retention import AppliedRule, Hold, Kept, Term
from domain.regulation.rulebook import DocRef, RetentionRule
from executor.compliance.retention.vault import MasterKey, Vault

MASTER = MasterKey(b"m" * 32)
PLACE = "people/name/C1"
TODAY = date(2031, 3, 11)
RULE = AppliedRule("EU", "EU-RET-1", RetentionRule(("order",), 5, DocRef("2023/1114", "Art 68(9)")))
OVER = Kept((Term(RULE, date(2031, 3, 10)),))
STANDING = Kept((Term(RULE, date(2031, 3, 11)),))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault", MASTER)


def test_a_value_opens_for_its_person_at_its_place_and_is_not_readable_before(vault: Vault):
    sealed = vault.seal("C1", PLACE, "Fictional Person")
    assert "Fictional" not in sealed and vault.open("C1", PLACE, sealed) == "Fictional Person"
    assert vault.seal("C1", PLACE, "Fictional Person") != sealed  # equal values do not look equal


def test_a_value_that_was_moved_or_changed_does_not_open(vault: Vault):
    sealed = vault.seal("C1", PLACE, "Fictional Person")
    vault.seal("C2", PLACE, "Somebody Else")
    for person, place, text in (
        ("C1", "people/name/C2", sealed),
        ("C2", PLACE, sealed),
        ("C1", PLACE, sealed[:-6] + "AAAA=="),
        ("C1", PLACE, "gv2" + sealed[3:]),
        ("C1", PLACE, "gv1.not base64"),
        ("C1", PLACE, ""),
    ):
        with pytest.raises(Broken, match="does not open"):
            vault.open(person, place, text)


def test_erasing_a_person_makes_the_values_unreadable_and_the_chain_over_them_still_verifies(vault: Vault, tmp_path: Path):
    sealed = [vault.seal("C1", f"log/{n}", f"value {n}") for n in range(3)]

    def chained() -> str:
        head = ""
        for text in sealed:
            head = hashlib.sha256((head + text).encode()).hexdigest()
        return head

    before = chained()
    vault.erase("C1", [OVER], TODAY, "asked to be forgotten")
    assert chained() == before
    for n, text in enumerate(sealed):
        with pytest.raises(BadInput, match="was erased"):
            Vault(tmp_path / "vault", MASTER).open("C1", f"log/{n}", text)
    assert vault.is_erased("C1") and not vault.is_erased("C2")
    assert list((tmp_path / "vault" / "keys").iterdir()) == []
    with pytest.raises(BadInput, match="was erased"):
        vault.seal("C1", PLACE, "again")
    told = json.loads(next((tmp_path / "vault" / "erased").iterdir()).read_text())
    assert told["rules"] == ["EU-RET-1"] and "C1" not in told.values()


def test_a_person_is_not_erased_while_a_rule_keeps_a_record(vault: Vault):
    sealed = vault.seal("C1", PLACE, "Fictional Person")
    with pytest.raises(StillKept, match=r"until 2031-03-11: EU-RET-1 \(2023/1114 Art 68\(9\)\)") as refused:
        vault.erase("C1", [OVER, STANDING], TODAY, "asked")
    assert refused.value.facts["until"] == date(2031, 3, 11)
    assert vault.open("C1", PLACE, sealed) == "Fictional Person"


@pytest.mark.parametrize("kept", [Kept((), ()), Kept((Term(RULE, None),)), Kept(OVER.terms, (Hold("H1", "order", "a court asked"),))])
def test_a_person_is_not_erased_under_a_hold_or_a_term_without_an_end(vault: Vault, kept: Kept):
    with pytest.raises(StillKept, match="without an end yet") as refused:
        vault.erase("C1", [kept], TODAY, "asked")
    assert refused.value.facts["until"] is None


def test_an_erasure_that_was_cut_off_is_finished_by_whoever_comes_next(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sealed = vault.seal("C1", PLACE, "Fictional Person")

    def pull(self: Vault, person: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as plug:
        plug.setattr(Vault, "_destroy", pull)
        with pytest.raises(KeyboardInterrupt):
            vault.erase("C1", [], TODAY, "asked")
    assert len(list((tmp_path / "vault" / "keys").iterdir())) == 1
    with pytest.raises(BadInput, match="was erased"):
        vault.open("C1", PLACE, sealed)
    assert list((tmp_path / "vault" / "keys").iterdir()) == []


def test_a_person_without_a_key_has_nothing_to_open(vault: Vault):
    with pytest.raises(BadInput, match="no key of C9"):
        vault.open("C9", PLACE, "gv1.AAAA")


def test_another_master_key_opens_nothing(vault: Vault, tmp_path: Path):
    sealed = vault.seal("C1", PLACE, "Fictional Person")
    with pytest.raises(BadInput, match="another one"):
        Vault(tmp_path / "vault", MasterKey(b"x" * 32)).open("C1", PLACE, sealed)


def test_a_new_master_key_takes_over_and_the_values_stay(vault: Vault, tmp_path: Path):
    sealed = vault.seal("C1", PLACE, "Fictional Person")
    new = MasterKey(b"n" * 32)
    assert vault.rewrap(new) == 1
    assert Vault(tmp_path / "vault", new).open("C1", PLACE, sealed) == vault.open("C1", PLACE, sealed) == "Fictional Person"


def test_two_processes_that_meet_a_person_at_once_agree_on_one_key(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    other = Vault(tmp_path / "vault", MASTER)
    first = vault.seal("C1", PLACE, "one")
    seen = iter([None])
    real = Vault._key
    monkeypatch.setattr(Vault, "_key", lambda self, person: next(seen, "over") and real(self, person))
    second = other.seal("C1", PLACE, "two")
    assert vault.open("C1", PLACE, first) == "one" and vault.open("C1", PLACE, second) == "two"


def test_a_key_file_that_was_damaged_says_so(vault: Vault, tmp_path: Path):
    sealed = vault.seal("C1", PLACE, "x")
    next((tmp_path / "vault" / "keys").iterdir()).write_text("{")
    with pytest.raises(Broken, match="restore it"):
        vault.open("C1", PLACE, sealed)


def test_the_keys_are_readable_by_their_owner_alone(vault: Vault, tmp_path: Path):
    vault.seal("C1", PLACE, "x")
    for one in (tmp_path / "vault").rglob("*"):
        assert stat.S_IMODE(one.stat().st_mode) & 0o077 == 0


def test_the_master_key_comes_from_the_environment_and_is_taken_from_it():
    environment = {"GREKKO_VAULT_KEY": "ab" * 32}
    assert repr(MasterKey.from_environment(environment)) == "MasterKey(…)" and environment == {}


def test_the_master_key_comes_from_a_private_file(tmp_path: Path):
    file = tmp_path / "master"
    MasterKey.write(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    environment = {"GREKKO_VAULT_KEY_FILE": str(file)}
    MasterKey.from_environment(environment)
    with pytest.raises(BadInput, match="never written over"):
        MasterKey.write(file)
    file.chmod(0o644)
    with pytest.raises(BadInput, match="read by others"):
        MasterKey.from_environment(environment)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "needs its master key"),
        ({"GREKKO_VAULT_KEY": "short"}, "must have 32"),
        ({"GREKKO_VAULT_KEY": "ab" * 16}, "has 16 bytes"),
        ({"GREKKO_VAULT_KEY_FILE": "/no/such/file"}, "cannot be read"),
    ],
)
def test_a_master_key_that_is_none_is_refused_without_repeating_it(environment: dict[str, str], reason: str):
    with pytest.raises(BadInput, match=reason) as refused:
        MasterKey.from_environment(environment)
    assert "short" not in refused.value.message


@settings(max_examples=20, deadline=None)
@given(person=st.text(max_size=20), place=st.text(max_size=20), value=st.text(max_size=200))
def test_for_any_text_what_is_sealed_opens_to_the_same_text(tmp_path_factory: pytest.TempPathFactory, person: str, place: str, value: str):
    try:
        for text in (person, place, value):
            text.encode()
    except UnicodeEncodeError:
        return
    vault = Vault(tmp_path_factory.getbasetemp() / "any", MASTER)
    assert vault.open(person, place, vault.seal(person, place, value)) == value
