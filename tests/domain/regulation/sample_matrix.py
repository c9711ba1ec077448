"""Samples of every report: valid, empty, corrected, cancelled and broken. They are made, not stored: most need others' schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from domain.regulation.report import Heading
from tests.domain.regulation.report_rows import contract, frame, heading, movements, order, trade, transfer, year

KINDS = ("valid", "empty", "corrected", "cancelled", "broken")
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sample:
    """How rows of a report are made: by number, with values told otherwise; `broken` is a change that its rules must find."""

    rows: Callable[..., Rows]
    heading: Heading
    broken: Mapping[str, Any]
    finds: str
    beside: Callable[..., Rows] | None = None
    count: int = 6


def _spot(number: int) -> Rows:
    return [trade(number, "C0004")]


SAMPLES: Mapping[str, Sample] = {
    "EU.MiCA.transactions": Sample(lambda n, **told: [trade(n, **told)], heading(), {"side": "HOLD"}, "EU-MICA-R02"),
    "EU.MiCA.orders": Sample(
        lambda n, **told: [order(n) | told, order(n, "FILL" if n % 2 else "PARF", 2) | told],
        heading("EU.MiCA.orders"),
        {"event": "DONE"},
        "EU-MICAO-R01",
    ),
    "SG.SFRDC.derivatives": Sample(
        lambda n, **told: [contract(n, **told)], heading("SG.SFRDC.derivatives"), {"notional": "0"}, "SG-SFRDC-R06", _spot
    ),
    "SG.PSN02.transfers": Sample(lambda n, **told: [transfer(n, **told)], heading("SG.PSN02.transfers"), {"amount": 0}, "SG-PSN02-R01"),
    "US.CFTC.part45": Sample(
        lambda n, **told: [contract(2 * n + 2, **({"client": "C0004"} | told))],
        heading("US.CFTC.part45"),
        {"upi": None},
        "US-CFTC-R02",
        _spot,
    ),
    "OECD.CARF.annual": Sample(
        lambda n, **told: movements(n, ("C0001", "C0003")[n % 2], **told), year(), {"value_usd": None}, "OECD-CARF-R01"
    ),
}


def rows_of(report_id: str, kind: str = "valid", count: int | None = None) -> pl.DataFrame:
    """The rows of a sample of this kind; spot trades stand beside derivatives."""
    sample = SAMPLES[report_id]
    told: dict[str, Any] = {}
    if kind in ("corrected", "cancelled"):
        told = {"action": "CORRECT" if kind == "corrected" else "CANCEL", "corrects": "FR2025FR-GREKKO-0007-C0001"}
    if kind == "broken":
        told = dict(sample.broken)
    made = frame([row for number in range(sample.count if count is None else count) for row in sample.rows(number, **told)])
    if sample.beside is not None:
        beside = frame([row for number in range(3) for row in sample.beside(number)])
        made = pl.concat([made, beside], how="diagonal_relaxed")
    return made.clear() if kind == "empty" and sample.beside is None else _without_the_told(made, kind)


def _without_the_told(made: pl.DataFrame, kind: str) -> pl.DataFrame:
    # Beside an empty table of derivatives there are spot trades still, which is what the nil report explains.
    return made.filter(~pl.col("is_derivative")) if kind == "empty" else made
