"""Documents by the sha256 of their bytes, in a folder that only its user can read. Nothing in it is ever changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from domain.problems import BadInput, Broken


class DocumentFolder:
    """`<root>/ab/abcd…`: written beside, flushed and moved into place, so a file under its name is whole."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, content: bytes) -> str:
        """Keeps the bytes and returns their sha256; durable when it returns. The same bytes are kept once."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return sha256
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f"{sha256}.new")
        file = os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)
        beside.replace(path)
        flush_folder(path.parent)
        flush_folder(self.root)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes with this hash. Raises BadInput when there are none, Broken when they were changed."""
        path = self._path(sha256)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise BadInput(f"No document has the sha256 {sha256}.", field="sha256") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Broken(f"The document {path} was changed: its bytes have another sha256; restore it from a copy.", sha256=sha256)
        return content

    def _path(self, sha256: str) -> Path:
        if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise BadInput(f"{sha256!r} is no sha256.", field="sha256")
        return self.root / sha256[:2] / sha256


def flush_folder(path: Path) -> None:
    """What was moved into the folder stays there, also when the machine stops."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
