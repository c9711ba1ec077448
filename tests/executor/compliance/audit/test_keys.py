"""The key that signs: where it comes from, and who may read it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from domain.problems import BadInput
from executor.compliance.audit.keys import AuditKey, checked_public, is_signed, key_from, write_key
from tests.executor.compliance.audit.logs import KEY, OTHER_KEY


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    made = write_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert key_from({"GREKKO_AUDIT_KEY_FILE": str(tmp_path / "key")}).public == made.public
    with pytest.raises(BadInput, match="never written over"):
        write_key(tmp_path / "key")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(BadInput, match="chmod 600"):
        key_from({"GREKKO_AUDIT_KEY_FILE": str(tmp_path / "key")})


def test_the_environment_may_hold_the_key_itself() -> None:
    assert key_from({"GREKKO_AUDIT_KEY": "11" * 32}).public == KEY.public
    assert "11" * 32 not in repr(KEY)


@pytest.mark.parametrize("told", ["", "11", "zz" * 32, "11" * 33])
def test_what_is_no_key_is_refused_without_repeating_it(told: str) -> None:
    with pytest.raises(BadInput, match="64 lowercase hexadecimal digits") as refused:
        AuditKey.of(told)
    assert not told or told not in refused.value.message


def test_without_a_key_the_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="GREKKO_AUDIT_KEY_FILE"):
        key_from({})
    with pytest.raises(BadInput, match="cannot be read"):
        key_from({"GREKKO_AUDIT_KEY_FILE": str(tmp_path / "none")})


def test_a_signature_is_of_one_key_and_one_message() -> None:
    signature = KEY.sign(b"message")
    assert is_signed(b"message", signature, KEY.public)
    assert not is_signed(b"massage", signature, KEY.public)
    assert not is_signed(b"message", signature, OTHER_KEY.public)
    assert not is_signed(b"message", signature, "00")
    assert checked_public(f" {KEY.public.upper()}\n") == KEY.public
    with pytest.raises(BadInput, match="64 hexadecimal digits"):
        checked_public("key")
