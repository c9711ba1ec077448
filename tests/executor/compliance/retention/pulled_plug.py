"""A process that moves a batch (or expires it) and kills itself with signal 9 at the n-th step, for each n that it is given a folder for.

    python pulled_plug.py move|expire FOLDER [FOLDER…]

The n-th folder's process dies at the n-th step; exit code 0 says that every one of them did, or was through before.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import date
from pathlib import Path

from executor.compliance.retention.archive import Archive, Terms
from executor.compliance.retention.expiry import expire
from executor.compliance.retention.folder_store import FolderStore
from executor.compliance.retention.move import move
from tests.executor.compliance.retention.days import Calendar
from tests.executor.compliance.retention.lives import BOOK, PAST, HotFolder, batch


def main(verb: str, folders: list[str]) -> None:
    for number, folder in enumerate(folders, start=1):
        # Forked before anything was computed, so each of them starts from a fresh state without another interpreter's start.
        child = os.fork()
        if child == 0:
            work(verb, Path(folder), number)
            os._exit(0)
        os.waitpid(child, 0)


def work(verb: str, folder: Path, die_at: int) -> None:
    heard = 0

    def at(step: str) -> None:
        nonlocal heard
        heard += 1
        if heard == die_at:
            (folder / "died_at").write_text(step)
            os.kill(os.getpid(), signal.SIGKILL)

    calendar = Calendar(PAST if verb == "expire" else date(2028, 3, 11))
    archive = Archive(FolderStore(folder / "cold", calendar, at))
    if verb == "move":
        move(batch(), HotFolder(folder / "hot"), archive, Terms(BOOK), calendar, at=at)
    else:
        expire(archive, Terms(BOOK), calendar, dry_run=False, at=at)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
