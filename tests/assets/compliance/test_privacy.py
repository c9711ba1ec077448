"""Names, days of birth and numbers of persons are found in a table wherever they stand by themselves."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest

from assets.compliance import privacy, reportable_trades
from assets.compliance.privacy import columns_that_name, personal_words
from assets.warehouse import Warehouse
from tests.assets.compliance.parties_of_tests import PARTIES
from tests.assets.compliance.test_reportable_trades import trades_of
from tests.assets.ledger.trades import AB, BOB, swap

WORDS = personal_words(PARTIES)


def test_what_names_a_person_is_known_and_a_firm_is_no_person():
    assert {"Sampleton", "Robin Sampleton", "1980-01-02", "19800102", "SG19800102ROBINSAMPL"} <= set(WORDS)
    assert not {"Sample GmbH", "Sample Firm"} & set(WORDS)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Robin Sampleton", True),
        ("order of Sampleton, urgent", True),
        ("born 1980-01-02", True),
        ("SG19800102ROBINSAMPL", True),
        ("0x19800102ab", False),
        ("Sampletons", False),
        ("", False),
    ],
)
def test_a_word_counts_where_it_stands_by_itself(value, found):
    rows = pl.LazyFrame({"note": [value, None], "amount": [1, 2]})
    assert columns_that_name(rows, WORDS) == (["note"] if found else [])


def test_without_persons_or_texts_nobody_is_named():
    assert columns_that_name(pl.LazyFrame({"note": ["Sampleton"]}), []) == []
    assert columns_that_name(pl.LazyFrame({"amount": [1]}), WORDS) == []


def test_the_promise_is_broken_by_a_name_in_any_column(tmp_path, monkeypatch):
    monkeypatch.setattr(privacy, "load_parties", lambda: PARTIES)
    warehouse, context = Warehouse(lake=str(tmp_path)), dg.build_asset_check_context()
    one = {**swap(AB, 1, -1, tx="0x" + "1" * 64), "block_hash": "0x" + "3" * 64}
    told = trades_of(one, wallet=BOB)
    for center, kept in (("Arbitrage", True), ("desk of Sampleton", False)):
        warehouse.replace(reportable_trades.TABLE, told.with_columns(center=pl.lit(center)))
        assert privacy.trades(context, warehouse=warehouse).passed is kept
