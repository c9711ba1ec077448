"""The key that signs the heads of the audit log: Ed25519, from the environment or from a file that only its owner can read.

GREKKO_AUDIT_KEY is the key as 64 hexadecimal digits; GREKKO_AUDIT_KEY_FILE names a file with them. Keep it from whoever can write to
the log: with both, a past could be rewritten and signed again.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.problems import BadInput

VARIABLE, FILE_VARIABLE = "GREKKO_AUDIT_KEY", "GREKKO_AUDIT_KEY_FILE"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A private key. Only its public half is ever shown."""

    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, digits: str) -> AuditKey:
        """The key that these digits are. Raises BadInput, which does not repeat them."""
        if not _KEY.fullmatch(digits):
            raise BadInput(f"The audit key is not 64 lowercase hexadecimal digits; `grekko audit key` makes one for {FILE_VARIABLE}.")
        return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(digits)))

    @property
    def public(self) -> str:
        """Its public half, as 64 hexadecimal digits: what an auditor holds."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private.sign(message)


def is_signed(message: bytes, signature: bytes, public: str) -> bool:
    """Whether the signature of the message is that of the public key."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def checked_public(told: str) -> str:
    """A public key as a person told it. Raises BadInput when it is none."""
    if not _KEY.fullmatch(told.strip().lower()):
        raise BadInput("A public key is 64 hexadecimal digits, as `grekko audit key` prints them.", field="public_key")
    return told.strip().lower()


def key_from(environment: Mapping[str, str]) -> AuditKey:
    """The key of the settings. Raises BadInput when there is none, or others could read its file."""
    if told := environment.get(VARIABLE):
        return AuditKey.of(told.strip())
    if not (named := environment.get(FILE_VARIABLE)):
        raise BadInput(
            f"Signing needs a key: set {FILE_VARIABLE} to the file that `grekko audit key --out FILE` makes.", field=FILE_VARIABLE
        )
    path = Path(named)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            digits = file.read(1_000).decode("ascii", "replace").strip()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); {FILE_VARIABLE} names it.", field=FILE_VARIABLE) from error
    if stat.S_IMODE(mode) & 0o077:
        raise BadInput(f"Others can read the key in {path}; `chmod 600 {path}`, or make a new one.", field=FILE_VARIABLE)
    return AuditKey.of(digits)


def write_key(path: Path) -> AuditKey:
    """A new key in a new file that only its owner can read. Raises BadInput when there is a file already."""
    private = Ed25519PrivateKey.generate()
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); a key is never written over.", field="out") from error
    with os.fdopen(opened, "w") as file:
        file.write(private.private_bytes_raw().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return AuditKey(private)
