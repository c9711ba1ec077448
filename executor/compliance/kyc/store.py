"""Decisions, kept: one SQLite file to which rows are only added.

No name stands in it. The client is there by the id that the firm's own file of clients gives, and by a keyed hash (HMAC-SHA-256) of the
name as it was screened: with the key one can show that a decision was about this name, without it the hash says nothing, and once the
key is gone nobody can. A plain hash would not do, since all names of the world can be tried. Of a listed name that matched only the
entry's number is kept, since in a true hit its text is the client's name. Triggers refuse to change or delete a row.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from domain.problems import BadInput, Broken
from executor.compliance.kyc.decision import Decision
from executor.compliance.kyc.provider import Provider, Sources, every_provider
from executor.compliance.screening.letters import words_of

KEY_SETTING = "GREKKO_KYC_KEY"
_LEAST_KEY = 32
_TABLE = """
create table if not exists decisions (
    seq integer primary key, decided_at text not null, valid_until text not null, client_id text not null, name_hash text not null,
    verdict text not null check (verdict in ('clear', 'review', 'hit', 'undecided')), jurisdictions text not null,
    providers text not null, threshold real not null, review_from real not null, score real, matched text not null,
    algorithm text not null, answers text not null
) strict;
create index if not exists decisions_of_a_client on decisions (client_id, seq);
create trigger if not exists no_change before update on decisions begin select raise(abort, 'decisions are only added'); end;
create trigger if not exists no_deletion before delete on decisions begin select raise(abort, 'decisions are only added'); end;
"""


class Kept(NamedTuple):
    """A decision as it was kept. `list_versions` are those of the lists that answered, by provider."""

    seq: int
    decided_at: datetime
    valid_until: datetime
    client_id: str
    name_hash: str
    verdict: str
    jurisdictions: tuple[str, ...]
    providers: tuple[str, ...]
    threshold: float
    score: float | None
    matched: str
    algorithm: str
    list_versions: Mapping[str, str]


class Due(NamedTuple):
    """A client who has to be screened again, and why."""

    client_id: str
    reason: str


def key_of_the_setting(environment: Mapping[str, str] | None = None) -> bytes:
    """The key of the hashes. Raises BadInput where GREKKO_KYC_KEY is missing or short."""
    told = (os.environ if environment is None else environment).get(KEY_SETTING, "")
    if len(told) < _LEAST_KEY:
        raise BadInput(
            f"Set {KEY_SETTING} to a secret of at least {_LEAST_KEY} characters: the hashes of names are made with it.", field=KEY_SETTING
        )
    return told.encode()


@dataclass(frozen=True, slots=True)
class DecisionStore:
    """Decisions in the file at `path`, which only its owner's user can read."""

    path: Path
    key: bytes

    def name_hash(self, name: str) -> str:
        """The keyed hash of a name; spellings that screen as the same words in the same order have the same one."""
        return hmac.new(self.key, " ".join(word.text for word in words_of(name)).encode(), hashlib.sha256).hexdigest()

    def add(self, decision: Decision) -> int:
        """Keeps a decision and returns its number. Raises Broken where the file is damaged or cannot be written."""
        worst = decision.worst
        answers = [
            {"provider": one.provider, "outcome": one.outcome, "list_version": one.list_version, "score": one.score, "matched": one.matched}
            for one in decision.answers
        ]
        row = (
            decision.decided_at.isoformat(),
            decision.valid_until.isoformat(),
            decision.subject.client_id,
            self.name_hash(decision.subject.name),
            decision.verdict,
            json.dumps(decision.jurisdictions),
            json.dumps(decision.providers),
            decision.threshold,
            decision.review_from,
            worst.score if worst else None,
            worst.matched if worst else "",
            decision.algorithm,
            json.dumps(answers),
        )
        with self._opened() as connection:
            places = ", ".join("?" * len(row))
            return int(connection.execute(f"insert into decisions values (null, {places})", row).lastrowid or 0)

    def all(self) -> list[Kept]:
        """Every decision, the oldest first."""
        with self._opened() as connection:
            return [_kept(row) for row in connection.execute("select * from decisions order by seq")]

    def records(self, after: int = 0) -> list[tuple[Kept, str]]:
        """The decisions with a greater number, each with the sha256 of its row as JSON: what the audit log keeps of it."""
        with self._opened() as connection:
            rows = connection.execute("select * from decisions where seq > ? order by seq", (after,)).fetchall()
        return [(_kept(row), hashlib.sha256(json.dumps(row).encode()).hexdigest()) for row in rows]

    def newest(self) -> list[Kept]:
        """The newest decision about each client."""
        query = "select * from decisions where seq in (select max(seq) from decisions group by client_id) order by seq"
        with self._opened() as connection:
            return [_kept(row) for row in connection.execute(query)]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            with closing(sqlite3.connect(self.path, timeout=5)) as connection, connection:
                connection.execute("pragma synchronous=full")
                connection.executescript(_TABLE)
                yield connection
        except sqlite3.DatabaseError as error:
            raise Broken(f"The decisions in {self.path} cannot be read or written: {error}.", path=str(self.path)) from error


def due(kept: list[Kept], now: datetime, sources: Sources, providers: Mapping[str, Provider] | None = None) -> list[Due]:
    """Who has to be screened again: the decision ran out, was left open, or a list that answered has changed since.

    Raises as the providers do where a list is not there: without it nobody can say that nothing changed.
    """
    known = every_provider() if providers is None else providers
    versions: dict[str, str] = {}
    found = []
    for one in kept:
        changed = []
        for name, before in one.list_versions.items():
            if name in known:
                if name not in versions:
                    versions[name] = known[name].version(sources)
                changed += [f"{name} was {before or 'without a list'}, is {versions[name]}"] if versions[name] != before else []
        if one.verdict == "undecided":
            found.append(Due(one.client_id, "it was left undecided"))
        elif now >= one.valid_until:
            found.append(Due(one.client_id, f"it held until {one.valid_until.date()}"))
        elif changed:
            found.append(Due(one.client_id, "; ".join(changed)))
    return found


def _kept(row: tuple) -> Kept:
    seq, decided, until, client, name_hash, verdict, places, providers, threshold, _, score, matched, algorithm, answers = row
    return Kept(
        seq,
        datetime.fromisoformat(decided),
        datetime.fromisoformat(until),
        client,
        name_hash,
        verdict,
        tuple(json.loads(places)),
        tuple(json.loads(providers)),
        threshold,
        score,
        matched,
        algorithm,
        {one["provider"]: one["list_version"] for one in json.loads(answers)},
    )
