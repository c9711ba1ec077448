"""The shelf's words: safe names, and pointers that are what they say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.shelf import Pointer, checked_name, checked_sha256, checked_version, read_pointer

POINTER = Pointer("execution", "3", "ab" * 32, "quote_offset")


@given(st.text(max_size=70) | st.sampled_from(["..", ".", "a/b", "a\\b", "", "-x", "a\n", "x" * 65, "a.json"]))
def test_for_any_text_a_name_that_passes_stays_on_the_shelf(text: str) -> None:
    for check in (checked_name, checked_version):
        try:
            passed = check(text)
        except BadInput:
            continue
        assert passed == text and text.isascii() and not set(text) & set("./\\\0 \n") and text[0] not in "-_"


def test_a_version_is_a_number_or_text() -> None:
    assert (checked_version(3), checked_version("v3")) == ("3", "v3")
    for wrong in (True, None, 3.0, -1, [], "x" * 33):
        with pytest.raises(BadInput, match="version is"):
            checked_version(wrong)


def test_a_name_is_text_and_a_hash_is_a_hash() -> None:
    with pytest.raises(BadInput, match="name is 7"):
        checked_name(7)
    for wrong in (None, "AB" * 32, "ab" * 31, "ab" * 32 + "\n"):
        with pytest.raises(BadInput, match="64 hexadecimal digits"):
            checked_sha256(wrong)


def test_a_pointer_is_read_as_it_was_written() -> None:
    assert read_pointer(POINTER.to_bytes(), "execution", "3") == POINTER


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"rubbish",
        b"[]",
        b"null",
        b"\xff\xfe",
        POINTER.to_bytes()[:-20],
        *(
            json.dumps({**json.loads(POINTER.to_bytes()), field: value}).encode()
            for field, value in (("format", "grekko-shelf/2"), ("name", "other"), ("version", "4"), ("bundle", "../../etc"), ("bundle", 7))
        ),
    ],
)
def test_what_is_no_pointer_of_this_model_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"execution/3|64 hexadecimal"):
        read_pointer(content, "execution", "3")
