"""Files two reports through a drop folder in a process that dies by SIGKILL at its Nth step; prints how each run ended.

A step is anything that reaches the disk: a flush, a move into place, a commit. Run with the folder of the schemas and an empty one.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

from executor.compliance.filings import documents, folder_door
from executor.compliance.filings import store as filing_store
from executor.compliance.filings.answers.writing import Said, status_advice
from executor.compliance.filings.folder_door import FolderDoor
from executor.compliance.filings.rounds import Rounds
from tests.executor.compliance.filings.world import SharedSchemas, Trades, World


class Death:
    """Dies at its step `at`; counts the steps when there is none."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def mortal(death: Death) -> None:
    """Makes everything that reaches the disk a step: to die before the next one is to die after this one."""
    flush, replace = os.fsync, Path.replace

    def fsync(file: int) -> None:
        death.step()
        flush(file)

    def moved(self: Path, target: Path) -> Path:
        death.step()
        return replace(self, target)

    os.fsync, Path.replace = fsync, moved

    class MortalConnection(sqlite3.Connection):
        def execute(self, sql: str, *told):
            death.step()
            return super().execute(sql, *told)

    connect = sqlite3.connect
    filing_store.sqlite3.connect = lambda *args, **options: connect(*args, factory=MortalConnection, **options)
    assert documents.os is os and folder_door.os is os


def answer_all(door: Path) -> None:
    """An authority that accepts what lies in `outgoing`."""
    for folder in sorted((door / "outgoing").iterdir()):
        if (folder / folder_door.MANIFEST).is_file() and not folder.name.endswith(".new"):
            beside = door / "incoming" / f"{folder.name}.new"
            beside.write_bytes(status_advice(Said(folder.name)))
            beside.rename(door / "incoming" / f"{folder.name}.xml")


def story(schemas: SharedSchemas, root: Path) -> None:
    """A filing and a correction of it, from whatever was there before."""
    world = World(schemas, root / "filings")
    rounds = Rounds(world.desk, FolderDoor(root / "door"))
    changed = root / "changed"
    for price in (10, 11):
        if changed.exists() and price == 10:
            continue
        if price == 11:
            changed.touch()
        trades = Trades(rows={"T1": price, "T2": 5})
        rounds.run([trades])
        answer_all(root / "door")
        rounds.run([trades])
        rounds.run([trades])
    world.store.close()


def child(schemas: SharedSchemas, root: Path, at: int | None) -> int:
    """Runs the story in a process of its own; its exit status, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        death = Death(at)
        mortal(death)
        story(schemas, root)
        (root / "steps").write_text(str(death.steps))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    schemas, base = SharedSchemas(Path(sys.argv[1])), Path(sys.argv[2])
    (base / "whole").mkdir()
    assert child(schemas, base / "whole", None) == 0
    steps = int((base / "whole" / "steps").read_text())
    for at in range(1, steps + 1):
        root = base / f"{at:04d}"
        root.mkdir()
        died = child(schemas, root, at)
        again = child(schemas, root, None)
        print(at, died, again, flush=True)


if __name__ == "__main__":
    main()
