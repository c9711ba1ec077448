"""Signatures: what was signed verifies, and nothing else does."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.report.signature import sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()


def changed(made: bytes, **told) -> bytes:
    return json.dumps({**json.loads(made), **told}).encode()


def test_a_signed_document_verifies_whether_it_comes_whole_or_in_parts():
    signature = sign("a.xml", [b"<a>", b"</a>"], KEY)
    verify("a.xml", b"<a></a>", signature, PUBLIC)
    verify("a.xml", [b"<a></", b"a>"], signature, PUBLIC.public_bytes_raw())
    assert sign("a.xml", b"<a></a>", bytes(range(32))) == signature


@given(st.binary(min_size=1, max_size=60), st.data())
def test_for_any_document_a_changed_byte_is_found(content, data):
    signature = sign("a.xml", content, KEY)
    at = data.draw(st.integers(0, len(content) - 1))
    other = bytes([*content[:at], content[at] ^ data.draw(st.integers(1, 255)), *content[at + 1 :]])
    with pytest.raises(BadInput, match="not the one that was signed"):
        verify("a.xml", other, signature, PUBLIC)


@given(st.data())
def test_for_any_changed_byte_of_a_signature_it_is_refused(data):
    signature = sign("a.xml", b"<a/>", KEY)
    at = data.draw(st.integers(0, len(signature) - 2))
    other = bytes([*signature[:at], signature[at] ^ data.draw(st.integers(1, 255)), *signature[at + 1 :]])
    with pytest.raises(BadInput):
        verify("a.xml", b"<a/>", other, PUBLIC)


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"algorithm": "none"}, "only Ed25519"),
        ({"algorithm": "HS256"}, "only Ed25519"),
        ({"document": "b.xml"}, r"signature of 'b\.xml'"),
        ({"key": "0" * 16}, "another key"),
        ({"size": 5}, "not the one that was signed"),
        ({"signature": "AAAA"}, "not made with this key"),
        ({"signature": "%"}, "not made with this key"),
        ({"signature": sign("a.xml", b"<a/>", KEY).decode()[-91:-5] + "\n=="}, "not made with this key"),
        ({"more": 1}, "and nothing else"),
        ({"signature": None}, "and nothing else"),
    ],
)
def test_a_signature_that_says_something_else_is_refused(told, fault):
    with pytest.raises(BadInput, match=fault):
        verify("a.xml", b"<a/>", changed(sign("a.xml", b"<a/>", KEY), **told), PUBLIC)


def test_another_key_a_short_key_and_no_signature_are_refused():
    signature = sign("a.xml", b"<a/>", KEY)
    with pytest.raises(BadInput, match="another key"):
        verify("a.xml", b"<a/>", signature, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
    with pytest.raises(BadInput, match="32 bytes"):
        verify("a.xml", b"<a/>", signature, b"short")
    with pytest.raises(BadInput, match="32 bytes"):
        sign("a.xml", b"<a/>", b"short")
    with pytest.raises(BadInput, match="not JSON"):
        verify("a.xml", b"<a/>", b"{", PUBLIC)
    with pytest.raises(BadInput, match="at most"):
        verify("a.xml", b"<a/>", b" " * 5000, PUBLIC)
