"""Two small reports over a fictional regime: one record for each trade, and one for each client with its transactions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from domain.problems import BadInput
from domain.regulation.reading import read_rulebook
from domain.regulation.report import Heading
from domain.regulation.rulebook import Report, Rulebook

FILES = Path(__file__).parent / "sample_files"
LEI = "529900T8BM49AURSDO55"
HEADING = Heading(
    "XX.TRY.trades",
    datetime(2026, 1, 2, tzinfo=UTC),
    datetime(2026, 1, 3, tzinfo=UTC),
    datetime(2026, 1, 3, 8, tzinfo=UTC),
    "REF1",
    {"lei": LEI},
)


class Folder:
    """Schemas in a folder, as the installed ones are."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        found = self.root / name
        if not found.is_file():
            raise BadInput(f"{name} is not installed: run `grekko schemas install`.", file=name)
        return found


def read_sample(changed: Callable[[str], str] = str) -> Rulebook:
    """The sample's rulebook, its jurisdiction's file changed first."""
    return read_rulebook(
        {"regulations.yaml": (FILES / "regulations.yaml").read_text(), "xx.yaml": changed((FILES / "xx.yaml").read_text())}
    )


def report(book: Rulebook, name: str) -> Report:
    return book.reports[f"XX.TRY.{name}"]


def trades(*rows: dict[str, Any]) -> pl.DataFrame:
    """Trades that are right, but for what each row says otherwise."""
    told = [
        {
            "trade_id": f"t{number}",
            "ours": True,
            "settled": True,
            "side": "BUY" if number % 2 else "SELL",
            "client_lei": LEI,
            "capacity": "DEAL",
            "amount": 1_500_000_000_000_000_000,
            "decimals": 18,
            "price": "2000.5",
            "currency": "USD",
            "paid": "3000.75",
            "block_time": datetime(2026, 1, 2, 10, tzinfo=UTC),
            "hash": "0xab",
            "note": None,
            "action": "NEW",
            "corrects": None,
            **row,
        }
        for number, row in enumerate(rows, 1)
    ]
    types = {
        "amount": pl.Decimal(38, 0),
        "decimals": pl.Int64,
        "block_time": pl.Datetime("us", "UTC"),
        "ours": pl.Boolean,
        "settled": pl.Boolean,
    }
    texts = ("trade_id", "side", "client_lei", "capacity", "price", "currency", "paid", "hash", "note", "action", "corrects")
    return pl.DataFrame(told, schema={name: types.get(name, pl.String) for name in (*texts, *types)}, infer_schema_length=None)


def movements(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    """Movements of clients: who, which token, in or out, how much in base units of 18 decimals."""
    told = [(f"m{number}", *row, 18) for number, row in enumerate(rows, 1)]
    types = {"movement_id": pl.String, "client_id": pl.String, "token": pl.String, "direction": pl.String}
    return pl.DataFrame(told, schema={**types, "amount": pl.Decimal(38, 0), "decimals": pl.Int64}, orient="row")
