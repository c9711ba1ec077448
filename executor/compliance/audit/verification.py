"""Reads an audit log as a stranger would, from the first entry to the last, and says what holds of it.

A chain of hashes shows a change, a gap and an order that is not the written one. Whoever rewrote all that follows, or cut off the end,
is found by the heads: those in the log, and those in the anchor folder, which should lie where the log's writer cannot delete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.problems import BadInput, Broken
from domain.regulation.merkle import Frontier
from executor.compliance.audit.entries import BEFORE_THE_FIRST, hash_of
from executor.compliance.audit.heads import SignedHead, anchored
from executor.compliance.audit.reading import LogReader, reading
from executor.journal.verification import Fault, Finding, finding_of

# Faults beyond these only repeat themselves, and need not be held.
_MOST_FAULTS = 1_000


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """Everything that was checked. `covered` is up to which entry a head was kept elsewhere: an end cut off after it is not seen."""

    entries: int
    root: str
    heads: int
    anchors: int
    covered: int
    keys: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.holds for finding in self.findings)

    @property
    def first_broken_seq(self) -> int | None:
        """The first entry with which something is wrong."""
        return min((finding.first_seq for finding in self.findings if finding.first_seq is not None), default=None)

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "holds": self.holds,
            "first_broken_seq": self.first_broken_seq,
            "entries": self.entries,
            "root": self.root,
            "heads": self.heads,
            "anchors": self.anchors,
            "covered": self.covered,
            "keys": list(self.keys),
            "findings": [finding.to_json() for finding in self.findings],
        }


def verify_log(path: Path, anchors: Path | None = None, public_key: str | None = None) -> AuditVerification:
    """Checks the log at `path`, with `anchors` also against the heads that were kept there, with `public_key` that it signed them.

    Raises BadInput when there is no log. A damaged file is a finding.
    """
    kept = list(anchored(anchors)) if anchors is not None else []
    walk = _Walk({head.size for _, head in kept if head is not None})
    damage: list[Fault] = []
    rows: list[tuple[int, int, bytes]] = []
    try:
        with reading(path) as log:
            rows = list(log.head_rows())
            walk.sizes |= {size for _, size, _ in rows} | {head.size for _, _, head in _read(rows) if head is not None}
            walk.through(log)
    except Broken as problem:
        damage.append((walk.end, f"after entry {walk.end - 1}: {problem.message}"))
    heads = _Heads(walk, public_key)
    findings = [
        finding_of("The file can be read to its end.", damage),
        finding_of("Every entry carries the hash of all before it, without a gap.", walk.wrong),
        finding_of("The stored blocks of the tree are those of the entries.", walk.wrong_blocks),
        finding_of("Every head in the log is signed, and the log is as it says.", heads.of_log(rows)),
    ]
    if anchors is not None:
        sentence = "Every head that was kept in the anchor folder is one the log still agrees with."
        findings.append(finding_of(sentence, heads.of_anchors(anchors, kept, rows)))
    return AuditVerification(
        entries=walk.end,
        root=walk.tree.root().hex(),
        heads=len(rows),
        anchors=len(kept),
        covered=max((head.size for _, head in kept if head is not None), default=0),
        keys=tuple(sorted(heads.keys)),
        findings=tuple(findings),
    )


@dataclass(slots=True)
class _Walk:
    """From the first entry to the last: the tree as it grows, its root at every size of interest, and what is wrong."""

    sizes: set[int]
    end: int = 0
    tree: Frontier = field(default_factory=Frontier)
    roots: dict[int, str] = field(default_factory=dict)
    wrong: list[Fault] = field(default_factory=list)
    wrong_blocks: list[Fault] = field(default_factory=list)

    def through(self, log: LogReader) -> None:
        before, tree, sizes = BEFORE_THE_FIRST, self.tree, self.sizes
        if 0 in sizes:
            self.roots[0] = tree.root().hex()
        for seq, text, hash_ in log.entries(-(2**63)):
            if seq < 0:
                self._fault(0, f"entry {seq} stands before the first")
                continue
            if seq != self.end:
                self._fault(self.end, f"entry {self.end} is missing; entry {seq} stands there")
            found = hash_of(before, text)
            if found != hash_:
                self._fault(seq, f"the hash of entry {seq} is not that of its text and of the entry before it")
            # What is stored goes on, so that a changed entry is told once and not with all that follow.
            before, self.end = hash_, seq + 1
            tree.push(hash_)
            if tree.size in sizes:
                self.roots[tree.size] = tree.root().hex()
        self._blocks(log)

    def first_between(self, first: int, last: int) -> int:
        """The first entry from `first` to `last` - 1 with which something is wrong; `first` where none is known to be."""
        return min((seq for seq, _ in self.wrong if first <= seq < last), default=first)

    def _fault(self, seq: int, sentence: str) -> None:
        if len(self.wrong) < _MOST_FAULTS:
            self.wrong.append((seq, sentence))

    def _blocks(self, log: LogReader) -> None:
        right = {(level, place): root for level, place, root in self.tree.blocks}
        for level, place, root in log.nodes():
            expected = right.pop((level, place), None)
            shift = min(max(level, 0), 60)
            first = max(place, 0) << shift
            broken = self.first_between(first, first + (1 << shift))
            if expected is None:
                self.wrong_blocks.append((broken, f"block {place} of level {level} stands there, and the log has no such block"))
            elif expected != root:
                self.wrong_blocks.append((broken, f"block {place} of level {level}, which begins at entry {first}, has another root"))
        for level, place in right:
            self.wrong_blocks.append(
                (place << level, f"block {place} of level {level}, which begins at entry {place << level}, is missing")
            )


class _Heads:
    """What the heads say, against the log as it was walked."""

    def __init__(self, walk: _Walk, public_key: str | None) -> None:
        self.walk, self.public_key = walk, public_key
        self.keys: set[str] = set()
        self.good = 0

    def of_log(self, rows: list[tuple[int, int, bytes]]) -> Iterator[Fault]:
        """The heads of the log, in their order."""
        before: SignedHead | None = None
        for expected, (number, size, head) in enumerate(_read(rows), start=1):
            if number != expected:
                yield max(size - 1, 0), f"head {expected} is missing"
            if head is None or head.size != size:
                yield max(size - 1, 0), f"head {number}, of {size} entries, is not one"
                continue
            yield from self._one(f"head {number}", head)
            if before is not None and (head.size < before.size or head.at <= before.at):
                yield max(size - 1, 0), f"head {number}, of {size} entries, is older than the one before it"
            before = head

    def of_anchors(self, folder: Path, kept: list[tuple[str, SignedHead | None]], rows: list[tuple[int, int, bytes]]) -> Iterator[Fault]:
        """The heads in the folder: each holds, and none of the log's is missing there."""
        if not folder.is_dir():
            yield 0, f"there is no folder {folder}"
            return
        for name, head in kept:
            if head is None or head.name != name:
                yield max(head.size - 1, 0) if head else 0, f"{name} is no signed head"
            else:
                yield from self._one(name, head)
        there = {head for _, head in (*kept, *anchored(folder))}  # once more: a head may have been signed meanwhile
        for number, size, head in _read(rows):
            if head is not None and head not in there:
                yield max(size - 1, 0), f"head {number}, of {size} entries, is not in the folder"

    def _one(self, name: str, head: SignedHead) -> Iterator[Fault]:
        self.keys.add(head.key)
        last = max(head.size - 1, 0)
        if not head.is_valid:
            yield last, f"{name}, of {head.size} entries: its signature is not that of its key"
        elif self.public_key is not None and head.key != self.public_key:
            yield last, f"{name}, of {head.size} entries: it was signed by another key, {head.key}"
        elif head.size > self.walk.end:
            first, count = self.walk.end, head.size - self.walk.end
            yield first, f"{name} was signed over {head.size} entries: the end is cut off, {count} are missing from entry {first} on"
        elif self.walk.roots.get(head.size) != head.root:
            first = self.walk.first_between(self.good, head.size)
            yield first, f"{name}: what was signed as the first {head.size} entries is not what stands there, from entry {first} on"
        else:
            self.good = max(self.good, head.size)


def _read(rows: Iterable[tuple[int, int, bytes]]) -> Iterator[tuple[int, int, SignedHead | None]]:
    for number, size, text in rows:
        try:
            head = SignedHead.read(text)
            yield number, size, head if head.to_text().encode() == text else None
        except BadInput:
            yield number, size, None
