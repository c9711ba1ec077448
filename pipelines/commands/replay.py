"""`grekko replay`: every swap, mint and burn of a pool's logs, derived again from the state before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.logs import decode_concentrated
from domain.amm.replay import rederive, rederive_liquidity
from domain.events import Burn, ConcentratedEvent, LogPosition, Mint, Swap
from domain.problems import BadInput, Refused
from executor.routing.pool_files import need_columns, read_parquet, whole_number
from executor.venue import every_venue
from pipelines.commands.answers import answer

LOG_COLUMNS = ("address", "block_number", "log_index", "transaction_hash", "topics", "data")


@dataclass(slots=True)
class Replay:
    """What a replay found: counts, the events that could not be derived, and where the pool stands at the end."""

    pool: str
    end: ConcentratedPool
    events: int = 0
    swaps: int = 0
    exact: int = 0
    liquidity_events: int = 0
    liquidity_exact: int = 0
    inexact: list[dict[str, Any]] = field(default_factory=list)
    expected_end: dict[str, int] | None = None

    @property
    def end_state(self) -> dict[str, int]:
        return {"sqrt_price_x96": self.end.sqrt_price_x96, "tick": self.end.tick, "liquidity": self.end.liquidity}

    @property
    def all_exact(self) -> bool:
        """Whether every event followed from the state before it and the end is the one the key file tells."""
        return not self.inexact and self.expected_end in (None, self.end_state)

    def to_json(self) -> dict[str, Any]:
        state = self.end_state
        return {
            "pool": self.pool,
            "events": self.events,
            "swaps": self.swaps,
            "exact": self.exact,
            "inexact": self.inexact,
            "liquidity_events": self.liquidity_events,
            "liquidity_exact": self.liquidity_exact,
            "end_state": {**state, "sqrt_price_x96": str(state["sqrt_price_x96"]), "liquidity": str(state["liquidity"])},
        }


def replay_files(logs: Path, key: Path, ticks: Path) -> Replay:
    """Replays the pool that `key` names through the logs that follow its start state.

    Raises BadInput naming the file, the field and the fix when a file is not what it must be.
    """
    told = read_key(key)
    pool = start_pool(told, ticks)
    result = Replay(told["pool"], pool, expected_end=told["end_state"])
    start = told["start_state"]
    for event in events_of(logs, told["pool"], after=(start["block"], start["log_index"])):
        result.events += 1
        if isinstance(event, Swap):
            _replay_swap(result, event)
        elif isinstance(event, Mint | Burn):
            _replay_liquidity(result, event)
        else:
            result.end = result.end.apply(event)
    if not result.events:
        raise BadInput(
            f"{logs} holds no event of {told['pool']} after block {start['block']}, log {start['log_index']};"
            " give the logs that follow the key's start state.",
            file=str(logs),
            field="block_number",
        )
    return result


def _replay_swap(result: Replay, event: Swap) -> None:
    derived = rederive(result.end, event)
    result.swaps += 1
    result.exact += derived.exact
    result.end = derived.pool_after
    if not derived.exact:
        expected, actual = _texts(derived.expected), _texts(derived.actual)
        result.inexact.append({**_where(event, "swap"), "reason": derived.reason, "reported": expected, "derived": actual})


def _replay_liquidity(result: Replay, event: Mint | Burn) -> None:
    name = type(event).__name__.lower()
    result.liquidity_events += event.liquidity > 0
    try:
        derived = rederive_liquidity(result.end, event)
    except Refused as problem:
        result.inexact.append({**_where(event, name), "reason": problem.message})
        return
    result.end = derived.pool_after
    if derived.exact:
        result.liquidity_exact += event.liquidity > 0
    else:
        result.inexact.append({**_where(event, name), "reason": derived.reason})


def _where(event: LogPosition, name: str) -> dict[str, Any]:
    return {"event": name, "tx": event.tx_hash, "block_number": event.block_number, "log_index": event.log_index}


def _texts(values: tuple[int | None, ...]) -> dict[str, str | None]:
    names = ("amount0", "amount1", "sqrt_price_x96", "liquidity", "tick")
    return {name: None if value is None else str(value) for name, value in zip(names, values, strict=False)}


# --- files ----------------------------------------------------------------------------------------------------------


def read_key(path: Path) -> dict[str, Any]:
    """The key file: pool, fee, spacing and the state to start from, as whole numbers."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise BadInput(f"{path} does not exist; give the pool's key file.", file=str(path), field="key") from missing
    except (OSError, ValueError) as broken:
        raise BadInput(f"{path} is not a readable JSON file ({broken}); give the pool's key file.", file=str(path), field="key") from broken
    if not isinstance(told, dict) or not isinstance(told.get("start_state"), dict):
        raise BadInput(f"{path} tells no start_state; give the state right after a log of the file.", file=str(path), field="start_state")
    pool = told.get("pool")
    if not isinstance(pool, str) or not _is_hex(pool, 20):
        raise BadInput(f"{path}: pool is {pool!r}; give its address, 0x and 40 hexadecimal digits.", file=str(path), field="pool")
    start = told["start_state"]
    state = ("sqrt_price_x96", "tick", "liquidity")
    end = told.get("end_state")
    return {
        "pool": pool.lower(),
        "fee_pips": whole_number(told.get("fee_pips"), "fee_pips", path),
        "tick_spacing": whole_number(told.get("tick_spacing"), "tick_spacing", path),
        "start_state": {name: whole_number(start.get(name), f"start_state.{name}", path) for name in (*state, "block", "log_index")},
        "end_state": {name: whole_number(end.get(name), f"end_state.{name}", path) for name in state} if isinstance(end, dict) else None,
    }


def start_pool(told: dict[str, Any], ticks: Path) -> ConcentratedPool:
    """The pool at the key's start state, with the ticks of its file; gross liquidity is unknown unless the file tells it."""
    frame = read_parquet(ticks, "ticks")
    need_columns(frame, ("tick", "liquidity_net"), ticks)
    has_gross = "liquidity_gross" in frame.columns and frame["liquidity_gross"].null_count() == 0
    entries: dict[int, Tick] = {}
    for row in frame.iter_rows(named=True):
        tick = whole_number(row["tick"], "tick", ticks)
        if tick in entries:
            raise BadInput(f"{ticks} tells tick {tick} twice; keep one row a tick.", file=str(ticks), field="tick")
        gross = whole_number(row["liquidity_gross"], "liquidity_gross", ticks) if has_gross else None
        entries[tick] = Tick(gross, whole_number(row["liquidity_net"], "liquidity_net", ticks))
    start = told["start_state"]
    pool = ConcentratedPool(
        told["fee_pips"],
        told["tick_spacing"],
        start["sqrt_price_x96"],
        start["tick"],
        start["liquidity"],
        entries,
        ticks_are_inferred=not has_gross,
    )
    try:
        pool.check_ticks(whole=False)
    except BadInput as problem:
        raise BadInput(f"{ticks}: {problem.message}", file=str(ticks), **problem.facts) from problem
    return pool


def events_of(logs: Path, pool: str, after: tuple[int, int]) -> Iterator[ConcentratedEvent]:
    """The pool's events behind a place in the chain, in the chain's order.

    Raises BadInput for a log that is cut, unknown or told twice.
    """
    frame = read_parquet(logs, "logs")
    need_columns(frame, LOG_COLUMNS, logs)
    for name in ("address", "transaction_hash"):
        if frame[name].dtype != pl.String:
            raise BadInput(f"{logs}: {name} must be 0x… text, not {frame[name].dtype}; write it as text.", file=str(logs), field=name)
    own = frame.filter(pl.col("address").str.to_lowercase() == pool)
    if own.is_empty():
        raise BadInput(f"{logs} holds no log of {pool}; give the logs of the key's pool.", file=str(logs), field="address")
    for name in ("block_number", "log_index"):
        if own[name].null_count() or not own[name].dtype.is_integer():
            raise BadInput(f"{logs}: {name} must be a whole number in every row.", file=str(logs), field=name)
    place = ["block_number", "log_index"]
    twins = own.height - own.select(place).n_unique()
    if twins:
        raise BadInput(f"{logs} tells {twins} logs of {pool} twice; keep one of each.", file=str(logs), field="log_index", twins=twins)
    block, log = pl.col("block_number"), pl.col("log_index")
    later = own.filter((block > after[0]) | ((block == after[0]) & (log > after[1])))
    names = _event_names()
    for row in later.sort(place).iter_rows(named=True):
        event = _event(row, names, pool, logs)
        if event is not None:
            yield event


def _event_names() -> dict[bytes, str]:
    concentrated = [venue for venue in every_venue().values() if venue.shape == "concentrated"]
    return {bytes.fromhex(topic[2:]): name for venue in concentrated for topic, name in venue.topics.items()}


def _event(row: dict[str, Any], names: dict[bytes, str], pool: str, logs: Path) -> ConcentratedEvent | None:
    where = f"{logs}, block {row['block_number']}, log {row['log_index']}"
    facts = {"file": str(logs), "block_number": row["block_number"], "log_index": row["log_index"]}
    topics = [_bytes(topic, "topics", where, facts) for topic in row["topics"] or []]
    if not topics or topics[0] not in names:
        first = "0x" + topics[0].hex() if topics else "none"
        raise BadInput(
            f"{where}: no venue knows the topic {first}; describe the event in executor/venues/ or leave the log out.",
            field="topics",
            topic0=first,
            **facts,
        )
    position = {"block_number": row["block_number"], "tx_hash": row["transaction_hash"], "log_index": row["log_index"]}
    try:
        return decode_concentrated(names[topics[0]], topics, _bytes(row["data"], "data", where, facts), pool, **position)
    except BadInput as problem:
        raise BadInput(f"{where}: {problem.message}", **{**facts, **problem.facts}) from problem


def _bytes(value: Any, name: str, where: str, facts: dict[str, Any]) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise BadInput(f"{where}: {name} is not hexadecimal text that starts with 0x; fetch the log again.", field=name, **facts)


def _is_hex(text: str, size: int) -> bool:
    digits = text[2:]
    return text.startswith("0x") and len(digits) == 2 * size and all(digit in "0123456789abcdefABCDEF" for digit in digits)


# --- command --------------------------------------------------------------------------------------------------------


def replay(
    logs: Annotated[Path, typer.Option("--logs", help="Parquet file of raw logs: address, block_number, log_index, topics, data.")],
    key: Annotated[Path, typer.Option("--key", help="JSON file with the pool, its fee and spacing, and the state to start from.")],
    ticks: Annotated[Path, typer.Option("--ticks", help="Parquet file of the pool's ticks at the start: tick, liquidity_net.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, prices and liquidity as text.")] = False,
) -> None:
    """Derive every swap, mint and burn of a pool's logs again, to the wei.

    Exit code 0 when all are exact, 1 when one is not, 2 when a file is refused.
    """
    result = replay_files(logs, key, ticks)
    answer(result.to_json(), as_json, _lines(result))
    if not result.all_exact:
        raise typer.Exit(1)


def _lines(result: Replay) -> list[tuple[str, str]]:
    rows = [
        ("pool", result.pool),
        ("events replayed", f"{result.events:,}"),
        ("swaps exact", f"{result.exact:,} of {result.swaps:,}"),
        ("mints and burns exact", f"{result.liquidity_exact:,} of {result.liquidity_events:,}"),
        *((name, f"{value:,}") for name, value in result.end_state.items()),
    ]
    rows += [(f"not exact: {one['event']}", f"{one['tx']} log {one['log_index']}: {one['reason']}") for one in result.inexact]
    if result.expected_end not in (None, result.end_state):
        rows.append(("end state differs", f"the key file says {result.expected_end}"))
    return rows
