"""What an interrupted recording has already fetched, so that it goes on where it stopped, even after kill -9.

Lies in OUT/.parts: a plan (what is being recorded), the snapshot, one set of files per stretch of blocks, and a cursor that is
replaced atomically after each stretch. Files beyond the cursor are leftovers of the stretch that was being written.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from domain.problems import BadInput
from executor.chain.layout import PARTS, TABLES
from executor.chain.recording import sync, write_durably
from executor.chain.snapshot import Snapshot

FETCHED = ("blocks", "logs", "transactions")
KEYS: Mapping[str, Sequence[str]] = {
    "blocks": ("hash",),
    "logs": ("block_hash", "log_index"),
    "transactions": ("block_hash", "hash"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is being recorded; it may not change between two runs, except that the last block may move on."""

    chain_id: int
    pools: list[str]
    first_block: int
    state_block_hash: str | None
    senders: list[str]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far we are: the next block, the hash of the one before it, and the headers that a reorg left behind."""

    next_block: int
    last_hash: str | None
    stretches: int = 0
    logs: int = 0
    transactions: int = 0
    reorgs: int = 0
    orphaned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of consecutive blocks with the pools' logs and their transactions."""

    blocks: pl.DataFrame
    logs: pl.DataFrame
    transactions: pl.DataFrame


class Parts:
    """The folder of an unfinished recording."""

    def __init__(self, out: Path) -> None:
        self.folder = out / PARTS
        self._handle: int | None = None

    def claim(self) -> None:
        """Make this process the only one that writes here; raises BadInput when another one does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise BadInput(
                f"Another `grekko record` is writing to {self.folder.parent}; wait for it, or give another --out.", field="out"
            ) from error

    def release(self) -> None:
        """Let another process write here; the system does the same when this one is killed."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def plan(self) -> Plan | None:
        """What the interrupted run was recording, None when there was none."""
        document = self._read("plan.json")
        return None if document is None else Plan(**document)

    def begin(self, plan: Plan, snapshot: Snapshot) -> None:
        """Start afresh: the snapshot first, the plan that makes it count last."""
        self.claim()
        for leftover in self.folder.iterdir():
            leftover.unlink()
        for table in ("pools", "ticks", "tokens"):
            self._write_frame(f"snapshot-{table}", getattr(snapshot, table))
        self.move(Cursor(plan.first_block, plan.state_block_hash))
        write_durably(self.folder / "plan.json", json.dumps(asdict(plan), indent=1).encode())

    def snapshot(self) -> Snapshot:
        """The pools, ticks and tokens as they were read at the start."""
        return Snapshot(*(pl.read_parquet(self.folder / f"snapshot-{table}.parquet") for table in ("pools", "ticks", "tokens")))

    def cursor(self) -> Cursor:
        """How far the recording is."""
        document = self._read("cursor.json")
        if document is None:
            raise BadInput(f"{self.folder} lost its cursor.json; delete the folder and record again.", field="cursor.json")
        return Cursor(**{**document, "orphaned": tuple(document["orphaned"])})

    def move(self, cursor: Cursor) -> Cursor:
        """Make `cursor` the place to go on from."""
        write_durably(self.folder / "cursor.json", json.dumps(asdict(cursor), indent=1).encode())
        return cursor

    def add(self, stretch: Stretch, cursor: Cursor) -> Cursor:
        """Keep a stretch, then move the cursor behind it."""
        number = cursor.stretches + 1
        for table in FETCHED:
            self._write_frame(f"{number:06d}-{table}", getattr(stretch, table))
        hashes = set(stretch.blocks["hash"])
        return self.move(
            replace(
                cursor,
                next_block=stretch.blocks["number"][-1] + 1,
                last_hash=stretch.blocks["hash"][-1],
                stretches=number,
                logs=cursor.logs + stretch.logs.height,
                transactions=cursor.transactions + stretch.transactions.height,
                # A second reorg can bring a header back that the first one left behind.
                orphaned=tuple(one for one in cursor.orphaned if one not in hashes),
            )
        )

    def canonical_hashes(self, cursor: Cursor) -> dict[int, str]:
        """The hash we believe in for each block fetched so far."""
        blocks = self.table("blocks", cursor).filter("is_canonical")
        return dict(zip(blocks["number"], blocks["hash"], strict=True))

    def table(self, name: str, cursor: Cursor) -> pl.DataFrame:
        """Everything fetched of one table, each row once; orphaned headers are marked."""
        files = [self.folder / f"{number:06d}-{name}.parquet" for number in range(1, cursor.stretches + 1)]
        frames = [pl.read_parquet(file) for file in files]
        whole = pl.concat([TABLES[name].empty(), *frames]).unique(KEYS[name], keep="first", maintain_order=True)
        if name == "blocks":
            whole = whole.with_columns(is_canonical=~pl.col("hash").is_in(list(cursor.orphaned)))
        return whole

    def forget(self) -> None:
        """Throw the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, file: str) -> dict[str, Any] | None:
        try:
            return json.loads((self.folder / file).read_bytes())
        except FileNotFoundError:
            return None

    def _write_frame(self, name: str, frame: pl.DataFrame) -> None:
        # Under its own name at once: a file counts only when the cursor, written after it, says so.
        file = self.folder / f"{name}.parquet"
        frame.write_parquet(file, compression="zstd")
        sync(file)
