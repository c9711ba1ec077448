"""What the tables hand to the executor: the pools as they stand, the market as it is known, and the bundle to decide with.

`active.json` is written last and names everything by its hash, so a hand-over is taken whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.bundles import sha256
from domain.market import MarketHistory
from domain.problems import BadInput, Unavailable
from executor.bundle import LoadedBundle, load_bundle
from executor.routing.pool_book import PoolBook
from executor.routing.pool_files import load_pool_book

FORMAT = "grekko-handover/1"
ACTIVE, POOLS, TICKS, TOKENS, MARKET, BUNDLES = "active.json", "pools.parquet", "ticks.parquet", "tokens.parquet", "market.json", "bundle"
FILES = (POOLS, TICKS, TOKENS, MARKET)


@dataclass(frozen=True, slots=True)
class Handover:
    """One generation of what the executor works with. Immutable: an activation replaces the whole of it."""

    generation: int
    version: str
    chain_id: int
    as_of: datetime
    book: PoolBook
    history: MarketHistory
    bundle: LoadedBundle


def generation_at(folder: Path) -> int:
    """The generation that lies there, without loading it."""
    return int(_active(folder)["generation"])


def load_handover(folder: Path) -> Handover:
    """The hand-over in that folder, every part verified.

    Raises Unavailable when none was made yet or it is being written just now, BadInput when it is not one, and BundleRejected when its
    model does not pass.
    """
    active = _active(folder)
    for name in FILES:
        promised = active["files"][name]
        try:
            found = sha256((folder / name).read_bytes())
        except OSError as error:
            raise Unavailable(f"{folder / name} cannot be read ({error.strerror}); materialise promoted_model again.", file=name) from error
        if found != promised:
            raise Unavailable(f"{name} is not the file {ACTIVE} speaks of: a hand-over is being written, try again in a second.", file=name)
    bundle = load_bundle(folder / BUNDLES / active["bundle"], active["bundle"])
    return Handover(
        generation=active["generation"],
        version=active["version"],
        chain_id=active["chain_id"],
        as_of=datetime.fromisoformat(active["as_of"]).astimezone(UTC),
        book=load_pool_book(folder / POOLS, folder / TICKS),
        history=MarketHistory.from_document(json.loads((folder / MARKET).read_bytes())),
        bundle=bundle,
    )


KINDS: Mapping[str, type] = {
    "format": str, "generation": int, "version": str, "chain_id": int, "as_of": str, "bundle": str, "files": dict,
}  # fmt: skip


def _active(folder: Path) -> dict[str, Any]:
    file = folder / ACTIVE
    try:
        told = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise Unavailable(
            f"{file} does not exist: nothing was handed over yet. Materialise promoted_model, or run `grekko demo`.", file=str(file)
        ) from error
    except ValueError as error:
        raise BadInput(f"{file} is not JSON ({error}); materialise promoted_model again.", field=ACTIVE) from error
    for field, kind in KINDS.items():
        value = told.get(field) if isinstance(told, dict) else None
        if not isinstance(value, kind) or (field == "format" and value != FORMAT):
            raise BadInput(f"{file}: {field} is {value!r}, {FORMAT} wants {kind.__name__}; materialise promoted_model again.", field=field)
    missing = [name for name in FILES if name not in told["files"]]
    if missing or "/" in told["bundle"] or "." in told["bundle"]:
        raise BadInput(f"{file} names no hash for {missing or 'a bundle of this folder'}; materialise promoted_model again.", field="files")
    return told
