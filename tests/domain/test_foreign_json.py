"""JSON from outside is read, or refused with a reason; it never takes the process with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.foreign_json import DEEPEST, read_foreign

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES)
def test_for_any_document_it_reads_what_was_written(document):
    assert read_foreign(json.dumps(document)) == document
    assert read_foreign(json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass")) == document


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'"[', b'"\\"['])
def test_a_hundred_thousand_brackets_are_refused(opening):
    with pytest.raises(ValueError):
        read_foreign(opening * 100_000)


def test_brackets_inside_a_text_are_only_text():
    assert read_foreign(json.dumps(["[" * 1_000, '"[']))[0] == "[" * 1_000


def test_the_deepest_that_is_read_is_said():
    assert read_foreign("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(ValueError, match="deeper than 64"):
        read_foreign("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
