"""Records a stretch of a chain from a node, goes on after a kill, and keeps what a reorg left behind.

Nothing is believed without its parent: each stretch of blocks must follow the last header we hold. When it does not, the chain
was reorganised: we walk back to the last common block, mark the headers above it as orphaned (they and their logs stay), and
fetch the new ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from domain.problems import BadInput, Unavailable
from executor.chain.layout import MANIFEST
from executor.chain.parts import Cursor, Parts, Plan
from executor.chain.recording import Recording, RecordingWriter, refuse_foreign_folder
from executor.chain.rpc import Rpc, hex_text
from executor.chain.snapshot import take_snapshot
from executor.chain.stretch import StretchReader

WALK_BACK_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording is."""

    step: str
    blocks_done: int
    blocks_total: int
    logs: int = 0
    transactions: int = 0
    reorgs: int = 0


def record(
    rpc: Rpc,
    pools: Sequence[str],
    first_block: int,
    last_block: int,
    out: Path | str,
    *,
    name: str | None = None,
    description: str = "",
    simulated_traders: bool = False,
    prices: pl.DataFrame | None = None,
    venues: Mapping[str, str] | None = None,
    reference_symbols: Mapping[str, str] | None = None,
    senders: Collection[str] = (),
    expected_chain_id: int | None = None,
    blocks_at_once: int = 500,
    finish: bool = True,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Recording | None:
    """Record the blocks from `first_block` to `last_block`, both included, into the folder `out`.

    Run it again after an interruption and it goes on where it stopped; with a larger `last_block` it goes further. With
    `finish` false it only fetches, and the folder stays an unfinished recording (the result is None). Of `senders` every transaction
    is kept, also one that left no log. `venues` names the venue of pools from factories we do not know.
    """
    out = Path(out)
    pools = _addresses(pools, "pools")
    if not 0 <= first_block <= last_block:
        raise BadInput(
            f"Blocks {first_block} to {last_block} are no range; give --from-block N --to-block M with 0 ≤ N ≤ M.", field="from_block"
        )
    refuse_foreign_folder(out)
    parts = Parts(out)
    if (out / MANIFEST).is_file():
        return _already_there(out, parts, pools, first_block, last_block)
    chain_id = rpc.chain_id()
    if expected_chain_id is not None and chain_id != expected_chain_id:
        raise BadInput(f"The node at {rpc.host} is of chain {chain_id}, not {expected_chain_id}; use another node.", field="chain_id")
    if last_block > (head := rpc.head()):
        raise BadInput(f"The chain ends at block {head}; give --to-block {head} or less.", field="to_block", head=head)

    total = last_block - first_block + 1
    wanted = Plan(chain_id, pools, first_block, None, sorted(_addresses(senders, "senders") if senders else []))
    plan = parts.plan()
    if plan is None:
        state_hash = _header_hash(rpc, first_block - 1)
        snapshot = take_snapshot(
            rpc,
            pools,
            first_block,
            last_block,
            {pool.lower(): venue for pool, venue in (venues or {}).items()},
            {token.lower(): symbol for token, symbol in (reference_symbols or {}).items()},
            chain_id,
            lambda step: on_progress(Progress(step, 0, total)),
        )
        if _header_hash(rpc, first_block - 1) != state_hash:
            raise Unavailable(f"The chain was reorganised below block {first_block} while the pools were read; try again.")
        parts.begin(replace(wanted, state_block_hash=state_hash), snapshot)
    else:
        _same_plan(plan, wanted, out)
        parts.claim()

    try:
        cursor = _fetch(
            rpc, parts, wanted, last_block, blocks_at_once, lambda step, at: on_progress(_progress(step, at, first_block, total))
        )
        if not finish:
            return None
        on_progress(_progress("writing", cursor, first_block, total))
        return _finish(out, parts, cursor, wanted, last_block, name or out.name, description, simulated_traders, prices)
    finally:
        parts.release()


def _fetch(rpc: Rpc, parts: Parts, plan: Plan, last_block: int, blocks_at_once: int, tell: Callable[[str, Cursor], None]) -> Cursor:
    """Fetch until the chain and what we hold agree up to `last_block`."""
    reader = StretchReader(rpc, plan.pools, plan.senders, blocks_at_once)
    cursor = _follow_the_chain(rpc, parts, parts.cursor())
    while cursor.next_block <= last_block:
        tell("fetching", cursor)
        stretch = reader.read(cursor.next_block, min(last_block, cursor.next_block + blocks_at_once - 1))
        if cursor.last_hash is not None and stretch.blocks["parent_hash"][0] != cursor.last_hash:
            cursor = _follow_the_chain(rpc, parts, cursor)
            continue
        cursor = parts.add(stretch, cursor)
        if cursor.next_block > last_block:
            cursor = _follow_the_chain(rpc, parts, cursor)
    tell("fetched", cursor)
    return cursor


def _follow_the_chain(rpc: Rpc, parts: Parts, cursor: Cursor) -> Cursor:
    """The cursor itself when its last header is still on the chain, else one behind the last block that is."""
    if cursor.last_hash is None or _header_hash(rpc, cursor.next_block - 1) == cursor.last_hash:
        return cursor
    held = parts.canonical_hashes(cursor)
    orphaned: list[str] = []
    numbers = sorted(held, reverse=True)
    for start in range(0, len(numbers), WALK_BACK_AT_ONCE):
        asked = numbers[start : start + WALK_BACK_AT_ONCE]
        for number, header in zip(asked, rpc.headers(asked), strict=True):
            if header is not None and hex_text(header.get("hash"), 32, "hash") == held[number]:
                return parts.move(_behind(cursor, number, held[number], orphaned))
            orphaned.append(held[number])
    plan = parts.plan()
    first, state_hash = (plan.first_block, plan.state_block_hash) if plan else (cursor.next_block, None)
    if state_hash != _header_hash(rpc, first - 1):
        raise BadInput(
            f"The chain was reorganised below block {first}, where the pools' state was read; delete {parts.folder} and record again.",
            field="from_block",
        )
    return parts.move(_behind(cursor, first - 1, state_hash, orphaned))


def _behind(cursor: Cursor, number: int, hash: str | None, orphaned: list[str]) -> Cursor:
    return replace(cursor, next_block=number + 1, last_hash=hash, reorgs=cursor.reorgs + 1, orphaned=(*cursor.orphaned, *orphaned))


def _finish(
    out: Path,
    parts: Parts,
    cursor: Cursor,
    plan: Plan,
    last_block: int,
    name: str,
    description: str,
    simulated_traders: bool,
    prices: pl.DataFrame | None,
) -> Recording:
    snapshot = parts.snapshot()
    blocks = parts.table("blocks", cursor).filter(pl.col("number") <= last_block)
    days = blocks.filter("is_canonical")["timestamp"].dt.date()
    writer = RecordingWriter(out)
    writer.write("blocks", blocks)
    writer.write("logs", parts.table("logs", cursor).filter(pl.col("block_number") <= last_block))
    writer.write("transactions", parts.table("transactions", cursor).filter(pl.col("block_number") <= last_block))
    writer.write("pools", snapshot.pools)
    writer.write("ticks", snapshot.ticks)
    writer.write("tokens", snapshot.tokens)
    if prices is not None:
        writer.write("prices", prices)
    recording = writer.finish(
        name=name,
        description=description,
        chain_id=plan.chain_id,
        first_block=plan.first_block,
        last_block=last_block,
        first_day=min(days).isoformat(),
        last_day=max(days).isoformat(),
        simulated_traders=simulated_traders,
        pools=plan.pools,
        senders=plan.senders,
        reorgs=cursor.reorgs,
    )
    parts.forget()
    return recording


def _already_there(out: Path, parts: Parts, pools: list[str], first_block: int, last_block: int) -> Recording:
    recording = Recording.open(out)
    manifest = recording.manifest
    if (manifest["pools"], manifest["first_block"], manifest["last_block"]) != (pools, first_block, last_block):
        raise BadInput(
            f"{out} already holds a recording of blocks {manifest['first_block']} to {manifest['last_block']}; "
            "give another --out, or delete it.",
            field="out",
        )
    parts.forget()
    return recording


def _same_plan(plan: Plan, wanted: Plan, out: Path) -> None:
    for field in ("chain_id", "pools", "first_block", "senders"):
        before, now = getattr(plan, field), getattr(wanted, field)
        if before != now:
            raise BadInput(
                f"{out} holds an unfinished recording with {field} = {before}, now it is {now}; "
                "go on with the same, or give another --out.",
                field=field,
            )


def _progress(step: str, cursor: Cursor, first_block: int, total: int) -> Progress:
    return Progress(step, cursor.next_block - first_block, total, cursor.logs, cursor.transactions, cursor.reorgs)


def _header_hash(rpc: Rpc, number: int) -> str | None:
    if number < 0:
        return None
    header = rpc.headers([number])[0]
    return None if header is None else hex_text(header.get("hash"), 32, "hash")


def _addresses(values: Collection[str], field: str) -> list[str]:
    """Addresses in lowercase, each once, sorted."""
    for value in values:
        if not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
            raise BadInput(f"{value!r} is not an address like 0x88e6…; correct --{field}.", field=field)
    if not values:
        raise BadInput(f"Name at least one address with --{field}.", field=field)
    return sorted({value.lower() for value in values})
