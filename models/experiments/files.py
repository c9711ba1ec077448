"""Paired experiments in Parquet files: read with care, judged as production would, one record a file whatever is in it.

A file holds `ts`, `order_id`, `champion` and `challenger`, one row an order that both arms answered, costs in bps, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from domain.problems import BadInput
from models.experiments.decision import explain, invalid, more_days
from models.experiments.evidence import to_e_value
from models.experiments.paired import HOUR_US, Pairs
from models.experiments.peeking import Look, first_decisions, look, paths
from models.experiments.policy import PromotionPolicy

COLUMNS = ("ts", "order_id", "champion", "challenger")
# An integer time since 1970 tells its unit by its size: 2001 in the finer unit lies beyond 5000 in the coarser.
UNITS = ((1e17, 1e-3), (1e14, 1.0), (1e11, 1e3), (0.0, 1e6))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A file's verdict. `readable` is false when the file could not be read as an experiment at all."""

    record: dict[str, Any]
    readable: bool = True


def judge(path: Path, policy: PromotionPolicy, step: timedelta | None = None) -> Judgement:
    """The verdict on that file: at its end, or with `step` at the first look that decides, with the data up to then.

    A file that can't be read gets INVALID and the reason; so does one whose rows can't be right (an order twice, a cost that is no
    number), wherever in the file the fault is. Nothing is raised.
    """
    try:
        rows = read(path)
    except BadInput as refused:
        return Judgement(_record(path, "INVALID", 1.0, 0.0, 0, None, refused.message, 0, policy), readable=False)
    fault, at = _fault(path, rows)
    if fault:
        return Judgement(_record(path, "INVALID", 1.0, 0.0, 0, at, invalid((fault,)), rows.height, policy))
    pairs = Pairs.sort(rows["ts"].to_numpy(), rows["champion"].to_numpy(), rows["challenger"].to_numpy())
    seen, decided_at, more = peek(pairs, policy, step) if step else _at_the_end(pairs, policy)
    e_better, e_worse, e_short = (to_e_value(log_e) for log_e in seen.log_e)
    ends = pairs.begin_us + seen.day_blocks * policy.block_hours * HOUR_US
    orders = int(np.searchsorted(pairs.at_us, ends))
    return Judgement(
        _record(path, seen.verdict, e_better, seen.lift, seen.blocks, decided_at, explain(seen, more, policy), orders, policy)
        | {"block_hours": seen.hours, "e_worse": e_worse, "e_short": e_short}
    )


def peek(pairs: Pairs, policy: PromotionPolicy, step: timedelta) -> tuple[Look, int, int | None]:
    """The first look that decides, when (microseconds since 1970), and the days still expected; the last look when none does.

    Looks are `step` apart from the beginning of the first block on, until the hour of the last order is over.
    """
    width = step // timedelta(microseconds=1)
    begin = pairs.begin_us
    complete = pairs.complete_at(policy)
    number = -((begin - complete) // width)
    last = -((begin - (int(pairs.at_us[-1]) // HOUR_US + 1) * HOUR_US) // width)
    # Between two looks several blocks may complete; a look sees the last of them.
    looks = np.flatnonzero(np.diff(number, append=-1)) + 1 if len(number) else np.zeros(0, dtype=np.int64)
    sums = pairs.by_hour(policy, len(complete))
    decided = first_decisions(sums, policy, looks)[0]
    if decided is not None:
        return decided, begin + int(number[decided.day_blocks - 1]) * width, None
    known = paths(sums, policy)
    seen = look(known, 0, sums.blocks, policy)
    return seen, begin + int(last) * width, more_days(known, 0, seen, policy)


def _at_the_end(pairs: Pairs, policy: PromotionPolicy) -> tuple[Look, int, int | None]:
    known = paths(pairs.by_hour(policy, len(pairs.complete_at(policy))), policy)
    seen = look(known, 0, known.sums.blocks, policy)
    return seen, int(pairs.at_us[-1]), more_days(known, 0, seen, policy)


def read(path: Path) -> pl.DataFrame:
    """The file's four columns, `ts` as microseconds since 1970 UTC, costs as floats, rows as they lie.

    Raises BadInput naming file, column and fix when it is not Parquet, empty, lacks a column, or a column is of another kind.
    """
    try:
        schema = pl.read_parquet_schema(path)
        missing = [name for name in COLUMNS if name not in schema]
        if missing:
            there = ", ".join(schema) or "no columns"
            raise BadInput(
                f"{path} has no column {missing[0]} (it has {there}); write ts, order_id, champion and challenger.", field=missing[0]
            )
        rows = pl.read_parquet(path, columns=list(COLUMNS), use_statistics=False, glob=False)
    except FileNotFoundError as error:
        raise BadInput(f"{path} is not there; name a Parquet file, a folder or a pattern.", field="file") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        told = str(error).splitlines()[0][:200]
        raise BadInput(f"{path} cannot be read as Parquet ({told}); write it anew as Parquet.", field="file") from error
    if rows.is_empty():
        raise BadInput(f"{path} holds no rows; write one row an order: ts, order_id, champion, challenger.", field="file")
    for name in ("champion", "challenger"):
        if not (rows.schema[name].is_numeric() or rows.schema[name] == pl.Null):
            raise BadInput(f"{path}: the column {name} is {rows.schema[name]}, a cost in bps is a number; write it as Float64.", field=name)
    return rows.with_columns(_micros(path, rows["ts"]), pl.col("champion", "challenger").cast(pl.Float64))


def _micros(path: Path, ts: pl.Series) -> pl.Series:
    kind = ts.dtype
    if kind == pl.String:
        try:
            ts = ts.str.to_datetime(time_unit="us", time_zone="UTC")
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"{path}: the column ts holds text that is no ISO 8601 time; write timestamps in UTC.", field="ts") from error
    if ts.dtype.is_temporal() and not isinstance(ts.dtype, pl.Duration | pl.Time):
        return ts.cast(pl.Datetime("us")).dt.epoch("us") if ts.dtype == pl.Date else ts.dt.epoch("us")
    if kind.is_numeric():
        size = float(ts.cast(pl.Float64).abs().max() or 0)  # type: ignore[arg-type]
        factor = next(factor for above, factor in UNITS if size >= above)
        exact = ts.cast(pl.Int64, strict=False) if kind.is_integer() else ts.cast(pl.Float64)
        return ((exact // 1000) if factor < 1 else exact * int(factor)).cast(pl.Int64, strict=False).rename("ts")
    raise BadInput(f"{path}: the column ts is {kind}, a moment is needed; write it as a timestamp in UTC.", field="ts")


def _fault(path: Path, rows: pl.DataFrame) -> tuple[str, int | None]:
    """What makes the file worthless, and when it first shows; an empty sentence when nothing does."""
    if rows["ts"].null_count():
        return f"{path}: the column ts is empty in {rows['ts'].null_count()} rows; give every order its time", None
    for name in ("champion", "challenger"):
        bad = ~rows[name].is_finite().fill_null(False)
        if bad.any():
            told = f"{path}: the column {name} is no finite number in {bad.sum()} rows; give every order the cost both arms had, in bps"
            return told, rows.filter(bad)["ts"].min()  # type: ignore[return-value]
    if rows["order_id"].null_count():
        return f"{path}: the column order_id is empty in {rows['order_id'].null_count()} rows; give every order its id", None
    if rows["order_id"].n_unique() < rows.height:
        twice = rows.filter(rows["order_id"].is_duplicated()).sort("ts")
        again = twice.filter(~twice["order_id"].is_first_distinct())
        first = again["order_id"][0]
        told = f"{path}: the column order_id holds {first!r} twice, {again.height} rows in all repeat one; keep one row an order"
        return told, again["ts"].min()  # type: ignore[return-value]
    return "", None


def _record(
    path: Path, verdict: str, e_value: float, lift: float, blocks: int, at_us: int | None, reason: str, orders: int, policy: PromotionPolicy
) -> dict[str, Any]:
    at = None if at_us is None else (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).isoformat()
    return {
        "file": str(path),
        "verdict": verdict,
        "e_value": e_value,
        "lift": lift,
        "blocks": blocks,
        "decided_at": at,
        "reason": reason,
        "p_bound": 1 / max(e_value, 1.0),
        "orders": orders,
        "policy_sha256": policy.sha256,
    }
