"""One pass over the events of some days: each swap, mint and burn is re-derived from the state before it, and states are kept.

The mirror starts from the close of the day before, or from the recording's snapshot, and never trusts what it can derive.
After an event that cannot be derived it takes the event's own word and goes on, so one lost log is one finding, not thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from assets.chain.market_replay import PairLiquidity, Pool, Snapshot, at_initialize, event_of, rows_in_order
from assets.chain.pool_facts import Facts, as_amount, mid_price
from assets.chain.state_rows import States
from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.replay import rederive, rederive_liquidity, rederive_pair
from domain.events import Burn, Initialize, Mint, PairSwap, Swap, Sync
from domain.problems import Refused
from domain.schemas import AMOUNT, RATIO, TICK, WORD

HOUR = timedelta(hours=1)
PROVEN = ("swap", "mint", "burn")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the proof of one event says."""

    verdict: str
    how: str | None = None
    detail: str | None = None
    ticks_crossed: int | None = None


@dataclass(slots=True)
class Mirror:
    """One pool as the events say it is, last changed at `position`.

    `snapshot` is a state still ahead of it; `pending` is a Sync whose trade has not been told yet.
    """

    facts: Facts
    state: Pool | None
    position: tuple[int, int]
    snapshot: Snapshot | None = None
    pending: Sync | None = None

    def settled(self) -> Pool | None:
        """The state with the last Sync in it."""
        if self.pending is None:
            return self.state
        if isinstance(self.state, ConstantProductPool):
            return self.state.apply(self.pending)
        return ConstantProductPool(self.facts.fee_pips, self.pending.reserve0, self.pending.reserve1)


@dataclass(frozen=True, slots=True)
class Replayed:
    """Proofs and states of the days replayed."""

    proofs: pl.DataFrame
    states: pl.DataFrame


def replay(
    swaps: pl.DataFrame,
    liquidity_events: pl.DataFrame,
    facts: Mapping[str, Facts],
    start: Mapping[str, Snapshot],
    snapshots: Mapping[str, Snapshot],
    snapshot_times: Mapping[str, datetime],
    days: tuple[date, date],
) -> Replayed:
    """Replays the days' events over the pools in `facts`.

    `start` are the states at the close of the day before; a pool without one begins with its snapshot, which counts
    from its time in `snapshot_times` on (from ever, when that is unknown).
    """
    mirrors = {pool: _mirror(told, start.get(pool), snapshots.get(pool)) for pool, told in facts.items()}
    closes = States(facts)
    proofs: list[tuple[Any, ...]] = []
    hours = _hours(*days)
    for row in rows_in_order(swaps, liquidity_events):
        while row["block_time"] >= hours[0] + HOUR:
            _close(hours.pop(0), mirrors, snapshot_times, closes)
        mirror = mirrors[row["pool"]]
        awake = _awake(mirror, (row["block_number"], row["log_index"]))
        if row["kind"] in PROVEN:
            proofs.append(_proof(row, mirror, awake))
        elif awake:
            _advance(mirror, row)
        if awake:
            mirror.position = (row["block_number"], row["log_index"])
    for hour in hours:
        _close(hour, mirrors, snapshot_times, closes)
    return Replayed(pl.DataFrame(proofs, schema=PROOF_SCHEMA, orient="row"), closes.frame())


def _mirror(facts: Facts, start: Snapshot | None, snapshot: Snapshot | None) -> Mirror:
    if start is not None:
        return Mirror(facts, start.pool, start.position)
    return Mirror(facts, None, (0, -1), snapshot)


def _hours(first: date, last: date) -> list[datetime]:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return [start + n * HOUR for n in range(((last - first).days + 1) * 24)]


def _close(hour: datetime, mirrors: Mapping[str, Mirror], snapshot_times: Mapping[str, datetime], closes: States) -> None:
    """Notes every pool's state at the end of the hour, snapshots that lie before it included."""
    for pool, mirror in mirrors.items():
        if mirror.snapshot is not None and (pool not in snapshot_times or snapshot_times[pool] < hour + HOUR):
            _wake(mirror, mirror.snapshot)
        state = mirror.settled()
        if state is not None:
            closes.add(pool, hour, state, mirror.position)


def _awake(mirror: Mirror, here: tuple[int, int]) -> bool:
    """Whether the event comes after the snapshot; the first that does puts the snapshot's state in place."""
    if mirror.snapshot is not None and here > mirror.snapshot.position:
        _wake(mirror, mirror.snapshot)
    return mirror.snapshot is None


def _wake(mirror: Mirror, snapshot: Snapshot) -> None:
    mirror.state, mirror.position, mirror.snapshot = snapshot.pool, snapshot.position, None


def _proof(row: Mapping[str, Any], mirror: Mirror, awake: bool) -> tuple[Any, ...]:
    """Proves one swap, mint or burn, moves the mirror behind it, and says so as a row of `event_proofs`."""
    before, after = mirror.state, None
    if not awake:
        found = Verdict("before_snapshot")
    elif isinstance(before, ConcentratedPool):
        found, after = _prove_concentrated(before, event_of(row))
        mirror.state = after
    elif row["protocol"] == "constant_product":
        found = _prove_pair(before, event_of(row), mirror.pending)
        after = mirror.state = mirror.settled()
        mirror.pending = None
    else:
        found = Verdict("no_state")
    return _proof_row(row, mirror.facts, found, before, after)


def _prove_concentrated(before: ConcentratedPool, event: Any) -> tuple[Verdict, ConcentratedPool]:
    if isinstance(event, Swap):
        found = rederive(before, event)
        detail = None if found.exact else f"{found.reason}; expected {_told(found.expected)}, nearest {_told(found.actual)}"
        return Verdict("exact" if found.exact else "inexact", found.how, detail, found.ticks_crossed), found.pool_after
    assert isinstance(event, Mint | Burn)
    try:
        settled = rederive_liquidity(before, event)
    except Refused as problem:
        return Verdict("inexact", detail=problem.message), before
    return Verdict("exact" if settled.exact else "inexact", detail=settled.reason), settled.pool_after


def _prove_pair(before: Pool | None, event: Any, sync: Sync | None) -> Verdict:
    if not isinstance(before, ConstantProductPool):
        return Verdict("no_state")
    if sync is None:
        return Verdict("inexact", detail="no Sync came before it: a log is missing")
    if isinstance(event, PairSwap):
        found = rederive_pair(before, event, sync)
        detail = None if found.exact else f"{found.reason}; expected {_told(found.expected)}, found {_told(found.actual)}"
        return Verdict("exact" if found.exact else "inexact", found.how, detail, found.ticks_crossed)
    assert isinstance(event, PairLiquidity)
    moved = (before.reserve0 + event.amount0, before.reserve1 + event.amount1)
    told = (sync.reserve0, sync.reserve1)
    return (
        Verdict("exact") if moved == told else Verdict("inexact", detail=f"reserves would be {_told(moved)}, the Sync says {_told(told)}")
    )


def _advance(mirror: Mirror, row: Mapping[str, Any]) -> None:
    """Moves the mirror behind an event that is no trade and no change of liquidity."""
    event: Any = event_of(row)
    if isinstance(event, Initialize) and mirror.state is None:
        mirror.state = at_initialize(event, mirror.facts.venue, mirror.facts.fee_pips, mirror.facts.tick_spacing or 1)
    elif isinstance(event, Sync):
        # A Sync that no trade followed was a plain `sync()` or `skim()` of the pair.
        mirror.state, mirror.pending = mirror.settled(), event
    elif isinstance(mirror.state, ConcentratedPool):
        # Refused when the protocol collects what it earned before the recording: that touches no price and no amount.
        with suppress(Refused):
            mirror.state = mirror.state.apply(event)


def _told(numbers: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("unknown" if number is None else str(number) for number in numbers) + ")"


def _proof_row(row: Mapping[str, Any], facts: Facts, found: Verdict, before: Pool | None, after: Pool | None) -> tuple[Any, ...]:
    concentrated = before if isinstance(before, ConcentratedPool) else None
    pair = before if isinstance(before, ConstantProductPool) else None
    return (
        *(row[name] for name in _COPIED),
        found.verdict,
        found.how,
        found.detail,
        found.ticks_crossed,
        concentrated.sqrt_price_x96.to_bytes(32, "big") if concentrated else None,
        as_amount(concentrated.liquidity) if concentrated else None,
        concentrated.tick if concentrated else None,
        as_amount(pair.reserve0) if pair else None,
        as_amount(pair.reserve1) if pair else None,
        mid_price(before, facts.unit) if before is not None else None,
        mid_price(after, facts.unit) if after is not None else None,
        row["day"],
    )


_COPIED = ("chain_id", "pool", "venue", "protocol", "block_number", "block_hash", "log_index", "block_time", "tx_hash", "kind")
PROOF_SCHEMA = {
    "chain_id": pl.Int64,
    **dict.fromkeys(("pool", "venue", "protocol"), pl.String),
    "block_number": pl.Int64,
    "block_hash": pl.String,
    "log_index": pl.Int64,
    "block_time": pl.Datetime("us", "UTC"),
    **dict.fromkeys(("tx_hash", "kind", "verdict", "how", "detail"), pl.String),
    "ticks_crossed": pl.Int64,
    "sqrt_price_before_x96": WORD,
    "liquidity_before": AMOUNT,
    "tick_before": TICK,
    "reserve0_before": AMOUNT,
    "reserve1_before": AMOUNT,
    "price_before": RATIO,
    "price_after": RATIO,
    "day": pl.Date,
}
