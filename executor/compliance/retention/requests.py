"""What people told, kept in the locking store itself: extensions by authorities, legal holds and their releases, relationships' ends.

Nothing is taken back: a release is an entry of its own, and a hold's id is used once.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any

from domain.foreign_json import read_foreign
from domain.problems import BadInput
from domain.regulation.retention import AppliedRule, Extension, Hold, Requests, allowed_extension
from domain.regulation.rulebook import Rulebook
from executor.compliance.retention.archive import Terms
from executor.compliance.retention.store import LockedStore, newest

EXTENSIONS, HOLDS, RELEASES, ENDS = "requests/extensions/", "requests/holds/", "requests/releases/", "requests/ends/"


def terms_in(store: LockedStore, rulebook: Rulebook) -> Terms:
    """What is asked of the records now: by the rulebook, and by what the store holds of requests."""
    ended = {told["client_id"]: date.fromisoformat(told["on"]) for told in _entries(store, ENDS).values()}
    return Terms(rulebook, requests_in(store), ended)


def requests_in(store: LockedStore) -> Requests:
    """The extensions, and the holds that nobody released."""
    extensions = [
        Extension(**{**told, "requested_on": date.fromisoformat(told["requested_on"])}) for told in _entries(store, EXTENSIONS).values()
    ]
    released = _entries(store, RELEASES)
    holds = [_hold(told) for key, told in _entries(store, HOLDS).items() if key.replace(HOLDS, RELEASES) not in released]
    return Requests(tuple(extensions), tuple(holds))


def extend(store: LockedStore, extension: Extension, rules: tuple[AppliedRule, ...]) -> None:
    """Keeps an authority's request. Raises BadInput where the law does not let it ask that much, or the reference was used before."""
    allowed_extension(extension, rules)
    _keep(store, f"{EXTENSIONS}{extension.reference}", asdict(extension))


def hold(store: LockedStore, asked: Hold) -> None:
    """Begins a legal hold. Raises BadInput when its id was used before, or its days are the wrong way round."""
    if asked.first is not None and asked.last is not None and asked.first > asked.last:
        raise BadInput(f"Hold {asked.id}: its first day {asked.first} lies after its last {asked.last}.", field="first")
    _keep(store, f"{HOLDS}{asked.id}", asdict(asked))


def release(store: LockedStore, id: str, reason: str, on: date) -> None:
    """Ends a legal hold. Raises BadInput when no hold of that id stands."""
    if id not in {standing.id for standing in requests_in(store).holds}:
        raise BadInput(f"No legal hold {id} stands; `grekko retention status` shows those that do.", field="id")
    _keep(store, f"{RELEASES}{id}", {"id": id, "reason": reason, "on": on})


def end_relationship(store: LockedStore, client_id: str, on: date) -> None:
    """Says on which day the relationship with a client ended. Raises BadInput when another day was told before."""
    _keep(store, f"{ENDS}{client_id}", {"client_id": client_id, "on": on})


def _keep(store: LockedStore, key: str, told: dict[str, Any]) -> None:
    content = json.dumps(told, default=str, sort_keys=True).encode()
    before = newest(store, key)
    if before is not None and store.get(key, before.version) != content:
        raise BadInput(f"{key.rsplit('/', 1)[-1]} was used before, for something else; take another.", field="id")
    store.put(key, content, retain_until=None, held=True)


def _entries(store: LockedStore, prefix: str) -> dict[str, dict[str, Any]]:
    return {one.key: read_foreign(store.get(one.key, one.version)) for one in store.versions(prefix)}


def _hold(told: dict[str, Any]) -> Hold:
    first, last = (date.fromisoformat(told[name]) if told[name] else None for name in ("first", "last"))
    return Hold(told["id"], told["record_class"], told["reason"], first, last)
