"""Values of persons, each encrypted with a key of that person, so that destroying the key erases them all at once.

A value becomes text that can lie in any table, log or archive: AES-256-GCM with the person's key, bound to its place, so that it opens
nowhere else. The persons' keys lie here, wrapped by a master key that is kept elsewhere. Erasing a person destroys the key: the text
stays as it is, so every hash and chain over it still holds, and nobody can read it. Copies of the key folder (backups) must forget it too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from collections.abc import MutableMapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.foreign_json import read_foreign
from domain.problems import BadInput, Broken, StillKept
from domain.regulation.retention import Kept

KEY, KEY_FILE = "GREKKO_VAULT_KEY", "GREKKO_VAULT_KEY_FILE"
KEY_BYTES, NONCE_BYTES = 32, 12
PREFIX = "gv1"


class MasterKey:
    """The key that wraps the persons' keys. It is never shown: its text says nothing."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise BadInput(f"The vault's master key has {len(key)} bytes, it must have {KEY_BYTES}.", field=KEY)
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "MasterKey(…)"

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> MasterKey:
        """64 hex digits from GREKKO_VAULT_KEY (from which they are taken), or from the file that GREKKO_VAULT_KEY_FILE names.

        Raises BadInput when there is none, it is no such key, or others may read the file.
        """
        told, file = environment.pop(KEY, ""), environment.get(KEY_FILE, "")
        if not told and not file:
            raise BadInput(f"The vault needs its master key: set {KEY}, or {KEY_FILE} to a file of mode 0600.", field=KEY)
        try:
            key = bytes.fromhex((told or _private_text(Path(file))).strip())
        except ValueError:
            key = b""  # what stands there is not repeated
        return cls(key)

    @staticmethod
    def write(file: Path) -> None:
        """Draws a master key into a new file that only its owner can read. Raises BadInput when there is one already."""
        try:
            opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise BadInput(f"{file} cannot be made ({error.strerror}); a master key is never written over.", field="out") from error
        with os.fdopen(opened, "w") as writing:
            writing.write(os.urandom(KEY_BYTES).hex() + "\n")
            writing.flush()
            os.fsync(writing.fileno())

    def wrap(self, key: bytes, whose: bytes) -> bytes:
        """The key encrypted, openable only as that person's."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, whose)

    def unwrap(self, wrapped: bytes, whose: bytes) -> bytes:
        """The key again. Raises InvalidTag for another master key or person."""
        return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], whose)


class Vault:
    """The persons' keys in a folder that only its owner can read."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self._keys = folder / "keys"
        self._erased = folder / "erased"
        self._master = master
        for one in (folder, self._keys, self._erased):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)

    def seal(self, person: str, place: str, value: str) -> str:
        """The value as text that only `open` at the same place reads. `place` is where it lies: table, column and row key.

        Raises BadInput for a person that was erased.
        """
        self._refuse_erased(person)
        key = self._key(person) or self._new_key(person)
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, value.encode(), _bound(person, place))
        return f"{PREFIX}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, person: str, place: str, sealed: str) -> str:
        """The value. Raises BadInput for a person that was erased or has no key, and Broken for text that was changed or lies elsewhere."""
        self._refuse_erased(person)
        key = self._key(person)
        if key is None:
            raise BadInput(f"The vault has no key of {person}.", field="person")
        prefix, _, body = sealed.partition(".")
        try:
            raw = base64.b64decode(body, altchars=b"-_", validate=True)
            if prefix != PREFIX:
                raise ValueError
            return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(person, place)).decode()
        except (InvalidTag, ValueError) as error:
            raise Broken(f"The value at {place} does not open: it was changed, or belongs elsewhere.", place=place) from error

    def is_erased(self, person: str) -> bool:
        """Whether the person was erased."""
        return self._tombstone(person).exists()

    def erase(self, person: str, records: Sequence[Kept], today: date, reason: str) -> None:
        """Destroys the person's key, for good. `records` say how long the records with values of this person are kept.

        Raises StillKept, with the reason and the last day, while a retention rule or a legal hold keeps any of them.
        """
        standing = [one for one in records if not one.may_go(today)]
        if standing:
            days = [None if one.holds else one.until for one in standing]
            until = None if None in days else max(day for day in days if day is not None)
            when = f"until {until.isoformat()}" if until else "without an end yet"
            told = "; ".join(dict.fromkeys(one.why(today) for one in standing))
            raise StillKept(f"{person} cannot be erased, records are kept {when}: {told}.", person=person, until=until)
        # The tombstone first: from here on nobody gets a new key for the person, and a cut off erasure is finished by the next.
        rules = sorted({rule for one in records for rule in one.rule_ids})
        _write(self._tombstone(person), {"person_sha256": _hash_of(person), "on": today.isoformat(), "reason": reason, "rules": rules})
        self._destroy(person)

    def rewrap(self, new: MasterKey) -> int:
        """Wraps every person's key by a new master key; the sealed values stay as they are. Returns how many."""
        files = sorted(self._keys.glob("*.json"))
        for file in files:
            told = read_foreign(file.read_bytes())
            key = self._unwrapped(told)
            _write(file, told | {"wrapped": base64.b64encode(new.wrap(key, _whose(told["person"]))).decode()})
        self._master = new
        return len(files)

    def _refuse_erased(self, person: str) -> None:
        if self.is_erased(person):
            self._destroy(person)
            raise BadInput(f"{person} was erased; what was sealed can no longer be read.", field="person")

    def _destroy(self, person: str) -> None:
        file = self._file(person)
        if file.exists():
            file.chmod(0o600)
            with file.open("r+b") as opened:
                opened.write(bytes(file.stat().st_size))
                opened.flush()
                os.fsync(opened.fileno())
            file.unlink()
            _sync(self._keys)

    def _key(self, person: str) -> bytes | None:
        try:
            return self._unwrapped(read_foreign(self._file(person).read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError) as error:
            raise Broken(f"The key of {person} cannot be read; restore it from a copy.", person=person) from error

    def _unwrapped(self, told: dict[str, Any]) -> bytes:
        try:
            return self._master.unwrap(base64.b64decode(told["wrapped"]), _whose(told["person"]))
        except InvalidTag as error:
            raise BadInput(f"The master key does not open the key of {told['person']}; it is another one.", field=KEY) from error

    def _new_key(self, person: str) -> bytes:
        key = os.urandom(KEY_BYTES)
        wrapped = base64.b64encode(self._master.wrap(key, _whose(person))).decode()
        _write(self._file(person), {"person": person, "wrapped": wrapped}, only_new=True)
        # Another process may have been first: its key is the person's.
        return self._key(person) or key

    def _file(self, person: str) -> Path:
        return self._keys / f"{_hash_of(person)}.json"

    def _tombstone(self, person: str) -> Path:
        return self._erased / f"{_hash_of(person)}.json"


def _hash_of(person: str) -> str:
    return hashlib.sha256(person.encode()).hexdigest()


def _whose(person: str) -> bytes:
    return f"grekko vault key of {person}".encode()


def _bound(person: str, place: str) -> bytes:
    return json.dumps([PREFIX, person, place]).encode()


def _private_text(file: Path) -> str:
    try:
        told = file.stat()
        if stat.S_IMODE(told.st_mode) & 0o077:
            raise BadInput(f"{file} can be read by others: chmod 600 it.", field=KEY_FILE, path=str(file))
        return file.read_text()[:1024]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}, named by {KEY_FILE}, cannot be read ({type(error).__name__}).", field=KEY_FILE) from error


def _write(file: Path, told: dict[str, Any], *, only_new: bool = False) -> None:
    beside = file.with_name(f".{file.name}.{os.urandom(8).hex()}")
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w") as writing:
        json.dump(told, writing)
        writing.flush()
        os.fsync(writing.fileno())
    try:
        if only_new:
            os.link(beside, file)
        else:
            beside.replace(file)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
