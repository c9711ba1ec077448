"""The firm's signature of a document: Ed25519 (RFC 8032) over its bytes, kept beside them.

A document whose schema has no place for a signature stays as it is, and whoever holds the firm's public key can check it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.problems import BadInput

VARIABLE = "GREKKO_FILING_KEY"


class DocumentSigner(Protocol):
    """Whoever signs for the firm."""

    def sign(self, content: bytes) -> Mapping[str, str]:
        """The signature as text: `algorithm`, `key_id`, `public_key` and `signature`."""
        ...


class Ed25519Signer:
    """A key of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise BadInput(f"A filing key has 32 bytes, this one has {len(seed)}.", field=VARIABLE)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Ed25519Signer:
        """The key in GREKKO_FILING_KEY, 64 hexadecimal digits. Raises BadInput when it is not there; never says what was."""
        told = environment.get(VARIABLE, "")
        try:
            if told:
                return cls(bytes.fromhex(told))
        except ValueError:
            pass
        raise BadInput(f"Set {VARIABLE} to 64 hexadecimal digits; documents are signed with it.", field=VARIABLE)

    def sign(self, content: bytes) -> Mapping[str, str]:
        return {
            "algorithm": "Ed25519",
            "key_id": hashlib.sha256(self.public_key).hexdigest()[:16],
            "public_key": base64.b64encode(self.public_key).decode(),
            "signature": base64.b64encode(self._key.sign(content)).decode(),
        }


class EnvironmentSigner:
    """The key of the environment, read when something is to be signed and not before."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def sign(self, content: bytes) -> Mapping[str, str]:
        return Ed25519Signer.from_environment(self._environment).sign(content)


def is_signed(content: bytes, signature: Mapping[str, str]) -> bool:
    """Whether the signature is one of these bytes by the key that it names."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"], validate=True))
        key.verify(base64.b64decode(signature["signature"], validate=True), content)
    except (InvalidSignature, KeyError, ValueError):
        return False
    return signature.get("algorithm") == "Ed25519"
