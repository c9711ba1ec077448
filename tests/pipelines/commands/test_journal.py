"""`grekko journal` as a person types it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import stat
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from domain.problems import BadInput
from executor.journal import Journal, open_store
from executor.orders import Entry
from executor.ports import SystemClock
from pipelines.commands.journal import journal
from tests.executor.journal.lives import NOON, WETH, hash_of, intent, signed, whole


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A journal with a whole life, an intent, and a word of the desk."""
    path = str(tmp_path_factory.mktemp("executor") / "journal.sqlite")

    async def story():
        written = await Journal.open(open_store(path), SystemClock(), name="eip155:31337")
        await written.append(*whole("a", 7, "tx"), intent("b"), Entry("kill_switch", None, NOON, {"by": "an operator"}))
        await written.close()

    asyncio.run(story())
    return path


def told(*arguments: str):
    return CliRunner().invoke(journal, list(arguments))


def test_a_good_journal_holds_and_prints_its_head(where):
    result = told("verify", where)
    assert result.exit_code == 0
    assert "holds     Every entry carries the hash of all before it" in result.stdout
    assert "eip155:31337: 10 entries, 2 orders" in result.stdout
    head = result.stdout.splitlines()[-1].removeprefix("head ")
    assert told("verify", where, "--head", head).exit_code == 0


def test_a_changed_entry_ends_with_1_and_is_named(where, tmp_path):
    copy = tmp_path / "journal.sqlite"
    copy.write_bytes(Path(where).read_bytes())
    with sqlite3.connect(copy) as connection:
        connection.execute("update journal set entry = replace(entry, '2985000000', '1') where seq = 2")
    result = told("verify", str(copy))
    assert result.exit_code == 1
    assert "the hash of entry 2 is not that of its text" in result.stdout
    assert "The first broken entry is 2." in result.stdout
    document = json.loads(told("verify", str(copy), "--json").stdout)
    assert document["holds"] is False and document["first_broken_seq"] == 2


def test_a_file_that_is_missing_or_empty_is_told_apart(tmp_path):
    assert isinstance(told("verify", str(tmp_path / "none")).exception, BadInput)
    with sqlite3.connect(tmp_path / "empty.sqlite") as connection:
        connection.execute("create table journal (seq integer, previous text, hash text, entry text)")
    result = told("verify", str(tmp_path / "empty.sqlite"))
    assert result.exit_code == 1 and "there is no entry at all" in result.stdout


def test_all_orders_are_listed_with_their_state(where):
    orders = json.loads(told("show", where, "--json").stdout)["orders"]
    assert [(order["order_id"], order["state"], order["nonce"], order["entries"]) for order in orders] == [
        ("a", "final", 7, 7),
        ("b", "intent", None, 1),
    ]
    assert orders[0]["sell"] == WETH
    assert "final" in told("show", where).stdout


def test_one_order_is_its_life_with_times_and_without_the_signed_bytes(where):
    life = json.loads(told("show", where, "a", "--json").stdout)["life"]
    assert [entry["kind"] for entry in life] == ["intent", "routed", "simulated", "signed", "broadcast", "seen", "final"]
    assert life[3]["facts"]["tx_hash"] == hash_of("tx") and "raw" not in life[3]["facts"]
    raw = json.loads(told("show", where, "a", "--json", "--with-raw").stdout)["life"][3]["facts"]["raw"]
    assert raw == signed().facts["raw"]
    assert "+0.000 s" in told("show", where, "a").stdout


def test_an_order_that_is_not_there_is_said_so(where):
    assert "No order z" in str(told("show", where, "z").exception)


def test_an_export_says_the_same_in_every_format(where, tmp_path):
    lines = [json.loads(line) for line in told("export", where).stdout.splitlines()]
    assert [line["seq"] for line in lines] == list(range(10))
    assert not any("raw" in line["facts"] for line in lines)
    rows = list(csv.DictReader(io.StringIO(told("export", where, "--format", "csv").stdout)))
    assert [(row["kind"], json.loads(row["facts"])) for row in rows] == [(line["kind"], line["facts"]) for line in lines]
    file = tmp_path / "journal.parquet"
    assert told("export", where, "--format", "parquet", "--to", str(file)).exit_code == 0
    frame = pl.read_parquet(file)
    assert frame["hash"].to_list() == [line["hash"] for line in lines]
    assert frame["at"].dtype == pl.Datetime("us", "UTC") and frame["at"][1] == NOON


def test_only_its_user_can_read_an_export(where, tmp_path):
    file = tmp_path / "journal.jsonl"
    told("export", where, "--to", str(file), "--with-raw")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert signed().facts["raw"] in file.read_text()
