"""Records to keep: a rulebook of two regimes, a hot tier in a folder, and rows of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

from domain.regulation.rulebook import AccessTier, DocRef, Jurisdiction, RetentionRule, Rulebook
from executor.compliance.retention.archive import Batch

ARTICLE = DocRef("2023/1114", "Art 68(9)", "EU", verified=True)
BOOK = Rulebook(
    1,
    {
        "EU": Jurisdiction(
            "EU", "European Union", "ESMA", (), retention=(RetentionRule(("order", "transaction"), 5, ARTICLE, extend_on_request_to=7),)
        ),
        "XX": Jurisdiction(
            "XX",
            "Fictional",
            "Nobody",
            (),
            retention=(
                RetentionRule(("transaction",), 3, DocRef("made up"), access=(AccessTier(1, "hot"), AccessTier(None, "cold", 3))),
                RetentionRule(("client",), 5, DocRef("made up"), "relationship_end"),
            ),
        ),
    },
)
DAY = date(2026, 3, 10)
COLD_DAY = date(2028, 3, 11)  # two years and a day later: the house's hot tier is over
PAST = date(2031, 3, 11)


def batch(day: date = DAY, record_class: str = "transaction", table: str = "trades") -> Batch:
    return Batch(table, (record_class,), day, day, ("trade_id",), {"record_date": day})


def rows_of(day: date = DAY, count: int = 3, amount: int = 10**30) -> pl.DataFrame:
    """Trades of a day with every kind of column that a table has."""
    return pl.DataFrame(
        {
            "trade_id": [f"1:{day.toordinal()}:{n}" for n in range(count)],
            "amount": [Decimal(amount + n) for n in range(count)],
            "price_usd": [0.1 * n if n else None for n in range(count)],
            "raw": [bytes([n]) * 32 for n in range(count)],
            "block_time": [datetime(day.year, day.month, day.day, n % 24, tzinfo=UTC) for n in range(count)],
            "settled": [True] * count,
            "note": [None, "a:b,", "ü"][:count] + [None] * max(0, count - 3),
            "day": [day] * count,
        },
        schema={
            "trade_id": pl.String,
            "amount": pl.Decimal(38, 0),
            "price_usd": pl.Float64,
            "raw": pl.Binary,
            "block_time": pl.Datetime("us", "UTC"),
            "settled": pl.Boolean,
            "note": pl.String,
            "day": pl.Date,
        },
    )


class HotFolder:
    """A hot tier that outlives its process: one Parquet file for each day."""

    def __init__(self, root: Path, record_class: str = "transaction") -> None:
        self.root = root
        self.record_class = record_class
        root.mkdir(parents=True, exist_ok=True)

    def put(self, day: date, rows: pl.DataFrame) -> None:
        rows.write_parquet(self.root / f"{day.isoformat()}.parquet")

    def batches(self) -> Sequence[Batch]:
        return [batch(date.fromisoformat(file.stem), self.record_class) for file in sorted(self.root.glob("*.parquet"))]

    def read(self, batch: Batch) -> pl.DataFrame:
        file = self.root / f"{batch.period}.parquet"
        return pl.read_parquet(file) if file.exists() else rows_of(batch.first, 0)

    def count(self, batch: Batch) -> int:
        return self.read(batch).height

    def drop(self, batch: Batch) -> None:
        (self.root / f"{batch.period}.parquet").unlink()
