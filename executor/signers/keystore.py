"""A key from an encrypted keystore (Web3 Secret Storage, version 3, scrypt), the file that wallets and nodes write."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from domain.problems import BadInput
from executor.signers.local import LocalSigner, Secret
from executor.signers.policy import SigningPolicy

PASSWORD, PASSWORD_FILE = "GREKKO_KEYSTORE_PASSWORD", "GREKKO_KEYSTORE_PASSWORD_FILE"
SHORTEST_PASSWORD = 12
MAX_BYTES = 16 * 1024
# scrypt takes 128 · n · r bytes: whoever could change the file must not be able to take all memory. Wallets use n = 262144, r = 8.
MOST_SCRYPT_BYTES = 1024**3
_ADDRESS = re.compile(r"(0x)?[0-9a-fA-F]{40}")


class KeystoreSigner(LocalSigner):
    """Signs with the key of a keystore."""

    @classmethod
    def open(cls, path: Path, password: Secret, policy: SigningPolicy | None) -> KeystoreSigner:
        """Decrypts the keystore, which takes about a second. Raises BadInput for a file that is none, or a wrong password."""
        document = _document(path)
        key = _decrypted(document, password)
        if key is None:
            raise BadInput(f"{path} does not open: the password is wrong, or the file was changed.", field="key.keystore", path=str(path))
        signer = cls(key, policy)
        told = _address_in(document)
        if told is not None and told != signer.address:
            raise BadInput(f"{path} says it is of {told} and holds the key of {signer.address}; find out which.", field="key.keystore")
        return signer


def password_from(environment: MutableMapping[str, str], ask: bool = False) -> Secret:
    """The password: from the environment (from which it is taken), from the file that it names, or asked at the terminal.

    Raises BadInput when there is none.
    """
    told = environment.pop(PASSWORD, "")
    file = environment.get(PASSWORD_FILE, "")
    if told:
        return Secret(told.encode())
    if file:
        return _password_in(Path(file))
    if ask:
        return Secret(getpass.getpass("Password of the keystore: ").encode())
    raise BadInput(f"The keystore needs a password: set {PASSWORD}, or {PASSWORD_FILE} to a file that holds it.", field=PASSWORD)


def keystore_address(path: Path) -> str | None:
    """Whose key a keystore says it holds, without opening it. Raises BadInput for a file that is none."""
    return _address_in(_document(path))


def write_keystore(path: Path, password: Secret, key: Secret | None = None, *, scrypt_n: int = 262_144) -> str:
    """A new keystore that only its owner can read; returns the address. Without `key` a new one is drawn.

    Raises BadInput when the file is there already or the password is too short.
    """
    from eth_account import Account

    if not _is_text(password):
        raise BadInput("The password is not UTF-8 text; take another.", field=PASSWORD)
    if len(password.reveal()) < SHORTEST_PASSWORD:
        raise BadInput(f"The password is shorter than {SHORTEST_PASSWORD} characters; take a longer one.", field=PASSWORD)
    fresh = key or Secret(os.urandom(32))
    address = LocalSigner(fresh, None).address
    document = Account.encrypt(fresh.reveal(), password.reveal().decode(), kdf="scrypt", iterations=scrypt_n)
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already; a keystore is never written over.", field="out", path=str(path)) from error
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}).", field="out", path=str(path)) from error
    with os.fdopen(opened, "w") as file:
        json.dump({**document, "address": address.removeprefix("0x")}, file)
        file.flush()
        os.fsync(file.fileno())
    return address


def _password_in(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            return Secret(file.read(MAX_BYTES).rstrip(b"\r\n"))
    except OSError as error:
        raise BadInput(f"{path}, named by {PASSWORD_FILE}, cannot be read ({error.strerror}).", field=PASSWORD_FILE) from error


def _is_text(password: Secret) -> bool:
    try:
        password.reveal().decode()
    except UnicodeDecodeError:
        return False
    return True


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}); `grekko desk keystore --out FILE` makes a keystore.",
            field="key.keystore",
            path=str(path),
        ) from error
    document = None
    if len(content) <= MAX_BYTES:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None  # what stands there is not repeated: somebody may have put the bare key there
    if not isinstance(document, dict) or document.get("version") != 3 or not isinstance(document.get("crypto"), dict):
        raise BadInput(f"{path} is not a keystore of version 3; `grekko desk keystore --out FILE` makes one.", field="key.keystore")
    if not _is_bearable(document["crypto"].get("kdfparams")):
        raise BadInput(f"{path} asks for more memory than a keystore needs; make a new one.", field="key.keystore", path=str(path))
    return document


def _is_bearable(params: Any) -> bool:
    if not isinstance(params, dict):
        return False
    n, r, p, rounds = (params.get(name, 1) for name in ("n", "r", "p", "c"))
    if not all(type(one) is int and one > 0 for one in (n, r, p, rounds)):
        return False
    return 128 * n * r <= MOST_SCRYPT_BYTES and p <= 16 and rounds <= 10_000_000


def _decrypted(document: dict[str, Any], password: Secret) -> Secret | None:
    """None when it does not open: the library's error is dropped here, because its frames hold the password."""
    from eth_account import Account

    try:
        return Secret(bytes(Account.decrypt(document, password.reveal().decode())))
    except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, MemoryError):
        return None


def _address_in(document: dict[str, Any]) -> str | None:
    told = document.get("address")
    if not isinstance(told, str) or not _ADDRESS.fullmatch(told):
        return None
    return "0x" + told.lower().removeprefix("0x")
