"""Proofs for whoever has the public key and not the log."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Broken
from executor.compliance.audit import AuditLog, sign_head
from executor.compliance.audit.proofs import check_proof, prove_entry, prove_growth
from executor.compliance.audit.reading import reading
from tests.executor.compliance.audit.logs import AT, KEY, OTHER_KEY, copied, signed_log, tampering

SIZES = (1, 255, 256, 257, 700, 1_030)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return signed_log(tmp_path_factory.mktemp("good") / "log", *SIZES, rest=5)


def entry_proof(path: Path, seq: int) -> bytes:
    with reading(path) as log:
        return prove_entry(log, seq)


def growth_proof(path: Path, size: int) -> bytes:
    with reading(path) as log:
        return prove_growth(log, size)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1_029))
def test_for_any_entry_that_a_head_covers_there_is_a_proof_that_holds(good: Path, seq: int) -> None:
    proof = entry_proof(good, seq)
    result = check_proof(proof, KEY.public)
    assert result.holds and result.key == KEY.public
    assert f"Entry {seq} is in the log of 1030 entries" in result.sentence
    assert json.loads(json.loads(proof)["entry"])["about"] == f"R{seq}"
    assert len(proof) < 2_000


@pytest.mark.parametrize("size", SIZES)
def test_a_log_proves_that_it_only_grew_since_each_of_its_heads(good: Path, size: int) -> None:
    result = check_proof(growth_proof(good, size), KEY.public)
    assert result.holds and f"The log of {size} entries" in result.sentence


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_for_any_changed_value_a_proof_does_not_hold(good: Path, data: st.DataObject) -> None:
    proof = entry_proof(good, 700) if data.draw(st.booleans()) else growth_proof(good, 257)
    document: dict[str, Any] = json.loads(proof)
    name = data.draw(st.sampled_from([one for one in document if one not in ("format", "kind")]))
    within = document[name]
    if isinstance(within, dict):
        key = data.draw(st.sampled_from(list(within)))
        within[key] = changed(within[key], data)
    elif isinstance(within, list):
        place = data.draw(st.integers(0, len(within) - 1))
        within[place] = changed(within[place], data)
    else:
        document[name] = changed(within, data)
    try:
        assert not check_proof(json.dumps(document).encode(), KEY.public).holds
    except BadInput as refused:
        assert "is no proof" in refused.message


def changed(value: Any, data: st.DataObject) -> Any:
    if isinstance(value, int):
        return value + data.draw(st.sampled_from([-1, 1, 1_000]))
    place = data.draw(st.integers(0, len(value) - 1))
    return value[:place] + data.draw(st.sampled_from("0a").filter(lambda one: one != value[place])) + value[place + 1 :]


def test_a_proof_under_another_key_is_told_apart(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with AuditLog(path) as log:
        sign_head(log, OTHER_KEY, AT + timedelta(days=1))
    proof = entry_proof(path, 3)
    assert check_proof(proof).holds
    result = check_proof(proof, KEY.public)
    assert not result.holds and OTHER_KEY.public in result.sentence
    assert "is not signed by the key of the newer one" in check_proof(growth_proof(path, 256)).sentence


def test_what_no_head_covers_yet_has_no_proof(good: Path) -> None:
    with pytest.raises(BadInput, match="No signed head covers entry 1032"):
        entry_proof(good, 1_032)
    with pytest.raises(BadInput, match="There is no entry 1035"):
        entry_proof(good, 1_035)
    with pytest.raises(BadInput, match=r"No head of 7 entries .* heads of 1, 255"):
        growth_proof(good, 7)


def test_a_changed_log_makes_proofs_that_do_not_hold(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with tampering(path) as connection:
        connection.execute("update entries set body = replace(body, 'R5', 'R6') where seq = 5")
        connection.execute("update nodes set hash = zeroblob(32) where place = 1")
    assert not check_proof(entry_proof(path, 5)).holds
    assert not check_proof(entry_proof(path, 600)).holds
    assert not check_proof(growth_proof(path, 256)).holds


def test_a_missing_block_is_told_and_not_guessed(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with tampering(path) as connection:
        connection.execute("delete from nodes where place = 1")
    with pytest.raises(Broken, match="A block of the tree is missing"):
        entry_proof(path, 5)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"kind": "guess"},
        {"path": ["AAAA"]},
        {"path": "no list"},
        {"path": ["not base64!"]},
        {"path": ["A" * 43 + "="] * 131},
        {"seq": "3"},
        {"seq": True},
        {"entry": 3},
        {"head": {}},
    ],
)
def test_what_is_no_proof_is_refused(good: Path, change: dict[str, Any]) -> None:
    document = json.loads(entry_proof(good, 3)) | change
    with pytest.raises(BadInput, match="This is no proof"):
        check_proof(json.dumps(document).encode())


@pytest.mark.parametrize("told", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_noise_is_no_proof(told: bytes) -> None:
    with pytest.raises(BadInput, match="This is no proof"):
        check_proof(told)
