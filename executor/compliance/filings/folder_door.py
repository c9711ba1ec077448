"""A drop folder as the way to an authority: somebody else's transport takes from `outgoing` and puts into `incoming`.

    outgoing/REFERENCE/NAME            the document, and beside it submission.json with its hash and signature
    incoming/*                         answers; after they are written down they lie in incoming/taken

A document's folder appears whole: it is filled beside and moved into place. Names in `incoming` that begin with a dot or end in .new
are not looked at, so a transport can do the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from domain.foreign_json import read_foreign
from domain.problems import BadInput, Unavailable
from executor.compliance.filings.answers import MOST_BYTES
from executor.compliance.filings.documents import flush_folder
from executor.compliance.filings.door import Delivery, Submission

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
MANIFEST = "submission.json"


class FolderDoor:
    """The folder at `path`; `outgoing` and `incoming` are made where they are missing."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._outgoing, self._incoming = self.path / "outgoing", self.path / "incoming"
        self._taken = self._incoming / "taken"
        try:
            for folder in (self._outgoing, self._taken):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise BadInput(f"{self.path} cannot be a drop folder ({error.strerror}).", field="door", path=str(self.path)) from error

    def submit(self, submission: Submission) -> None:
        """Puts the document out; the same one again changes nothing. Raises BadInput when another one lies under its reference."""
        target = self._outgoing / _plain(submission.reference)
        name, sha256 = _plain(submission.name), hashlib.sha256(submission.content).hexdigest()
        if (target / MANIFEST).is_file():
            if read_foreign((target / MANIFEST).read_bytes())["sha256"] != sha256:
                raise BadInput(f"{target} holds another document under this reference; look who put it there.", field="reference")
            return
        manifest = {
            "reference": submission.reference,
            "report": submission.report_id,
            "period_start": submission.period_start.isoformat(),
            "period_end": submission.period_end.isoformat(),
            "document": name,
            "sha256": sha256,
            "signature": dict(submission.signature),
        }
        try:
            beside = target.with_name(f"{target.name}.new")
            beside.mkdir(exist_ok=True, mode=0o700)
            _write(beside / name, submission.content)
            _write(beside / MANIFEST, json.dumps(manifest, indent=2).encode())
            flush_folder(beside)
            beside.replace(target)
            flush_folder(self._outgoing)
        except OSError as error:
            raise Unavailable(f"The document was not put into {self._outgoing} ({error.strerror}); look at the disk.") from error

    def ask(self, reference: str) -> bool | None:
        """True while the document lies in `outgoing`; None once it was taken, because a folder cannot tell what became of it."""
        return True if (self._outgoing / _plain(reference) / MANIFEST).is_file() else None

    def deliveries(self) -> Sequence[Delivery]:
        """The files in `incoming`, by name. Only plain files are read, and of a large one no more than shows that it is too large."""
        found = []
        for path in sorted(self._incoming.iterdir()):
            if not _NAME.fullmatch(path.name) or path.name.endswith(".new") or not stat.S_ISREG(path.lstat().st_mode):
                continue
            with path.open("rb") as file:
                found.append(Delivery(path.name, file.read(MOST_BYTES + 1)))
        return found

    def done(self, name: str) -> None:
        """Moves the file to incoming/taken; one of that name is kept beside it under a number."""
        source, target = self._incoming / _plain(name), self._taken / name
        number = 1
        while target.exists():
            target = self._taken / f"{name}.{number}"
            number += 1
        if source.is_file():
            source.replace(target)


def _plain(name: str) -> str:
    """The name, when it is one that cannot lead out of a folder. Raises BadInput otherwise."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name[:80]!r} cannot be a file's name here; use letters, digits, dot, hyphen and underscore.", field="name")
    return name


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
