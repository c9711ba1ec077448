"""Proofs that an auditor can check with a file and a public key, without the log.

A proof of inclusion holds an entry's text, the hash of the entry before it, its path and a signed head. A proof of consistency holds two
signed heads and the path between them. Hashes are base64, so that a proof over a million entries stays below 2 KB.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from domain.foreign_json import read_foreign
from domain.problems import BadInput
from domain.regulation.merkle import consistency_proof, inclusion_proof, is_consistent, is_included
from executor.compliance.audit.entries import BEFORE_THE_FIRST, MAX_BYTES, canonical, hash_of
from executor.compliance.audit.heads import SignedHead
from executor.compliance.audit.reading import LogReader

INCLUSION, CONSISTENCY = "inclusion", "consistency"
FORMAT = 1
_MOST_HASHES = 130


@dataclass(frozen=True, slots=True)
class Checked:
    """What a proof shows: `holds`, and a sentence. `key` is the public key that it rests on."""

    holds: bool
    sentence: str
    key: str


def prove_entry(log: LogReader, seq: int) -> bytes:
    """A proof that the entry is in the log, under its newest head. Raises BadInput when no head covers it yet."""
    if not 0 <= seq < log.size():
        raise BadInput(f"There is no entry {seq}; the log has {log.size()}.", field="seq")
    head = next(log.heads(newest_first=True), None)
    if head is None or head.size <= seq:
        raise BadInput(f"No signed head covers entry {seq} yet; `grekko audit head` signs one.", field="seq")
    _, text, _ = next(log.entries(seq))
    document = {
        "format": FORMAT,
        "kind": INCLUSION,
        "seq": seq,
        "entry": text.decode("ascii", "replace"),
        "before": _told(log.hashes(seq - 1, seq)[0] if seq else BEFORE_THE_FIRST),
        "path": [_told(one) for one in inclusion_proof(seq, head.size, log.subtree)],
        "head": head.to_json(),
    }
    return canonical(document) + b"\n"


def prove_growth(log: LogReader, size: int) -> bytes:
    """A proof that the log only grew since the head of that size, until its newest. Raises BadInput when there is no such head."""
    heads = {head.size: head for head in log.heads()}
    new = next(log.heads(newest_first=True), None)
    if new is None or size not in heads or size == 0:
        raise BadInput(
            f"No head of {size} entries is in the log; there are heads of {', '.join(map(str, heads)) or 'none'}.", field="since"
        )
    path = [_told(one) for one in consistency_proof(size, new.size, log.subtree)]
    document = {"format": FORMAT, "kind": CONSISTENCY, "path": path, "old": heads[size].to_json(), "head": new.to_json()}
    return canonical(document) + b"\n"


def check_proof(told: bytes, public_key: str | None = None) -> Checked:
    """Whether a proof holds; with `public_key`, also that it is signed by that one. Raises BadInput for a file that is no proof."""
    try:
        document = read_foreign(told[: 8 * MAX_BYTES])
        kind, path = document["kind"], [_read(one) for one in document["path"]]
        head = SignedHead.read(json.dumps(document["head"]))
        if document["format"] != FORMAT or kind not in (INCLUSION, CONSISTENCY) or len(path) > _MOST_HASHES:
            raise ValueError
        holds, sentence = _entry_holds(document, head, path) if kind == INCLUSION else _growth_holds(document, head, path)
    except (ValueError, KeyError, TypeError, RecursionError, BadInput) as error:
        raise BadInput("This is no proof of an audit log; `grekko audit prove SEQ --out FILE` makes one.", field="proof") from error
    if not head.is_valid:
        holds, sentence = False, "The head's signature is not that of its key."
    elif public_key is not None and head.key != public_key:
        holds, sentence = False, f"The head was signed by another key: {head.key}."
    return Checked(holds, sentence, head.key)


def _entry_holds(document: dict[str, Any], head: SignedHead, path: list[bytes]) -> tuple[bool, str]:
    seq, text = document["seq"], document["entry"]
    if type(seq) is not int or not isinstance(text, str):
        raise ValueError
    leaf = hash_of(_read(document["before"]), text.encode("utf-8", "surrogatepass"))
    if is_included(leaf, seq, head.size, path, bytes.fromhex(head.root)):
        return True, f"Entry {seq} is in the log of {head.size} entries whose head was signed at {head.at}."
    return False, f"Entry {seq}, as it stands here, is not in the log of {head.size} entries whose head was signed at {head.at}."


def _growth_holds(document: dict[str, Any], head: SignedHead, path: list[bytes]) -> tuple[bool, str]:
    old = SignedHead.read(json.dumps(document["old"]))
    if not old.is_valid or old.key != head.key:
        return False, "The older head is not signed by the key of the newer one."
    if is_consistent(old.size, head.size, bytes.fromhex(old.root), bytes.fromhex(head.root), path):
        return True, f"The log of {old.size} entries of {old.at} only grew until {head.at}, to {head.size}."
    return False, f"The log of {head.size} entries does not begin with the {old.size} that were signed at {old.at}."


def _told(hash_: bytes) -> str:
    return b64encode(hash_).decode()


def _read(told: Any) -> bytes:
    found = b64decode(told, validate=True)
    if len(found) != 32:
        raise ValueError
    return found
