"""The tables of negotiations: what the record says, nothing built on what is damaged, and money that adds up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.learning import agent_credit, agent_decisions, agent_weights, negotiations
from domain.credit import Credits, divided, explained
from domain.negotiation import WHOLE
from domain.problems import JournalUnavailable
from executor.agents.transcript import BEFORE_THE_FIRST, Kind, Row, Transcript, conversations, faults, replay
from executor.agents.transcript_file import FILE
from tests.assets.learning.executor_home import ExecutorHome
from tests.assets.learning.parley import kept, negotiated

MODULES = (negotiations, agent_decisions, agent_weights, agent_credit)
ROWS = negotiated()
UTILITIES = st.dictionaries(st.sampled_from(["macro", "news", "onchain", "technical"]), st.integers(-WHOLE, WHOLE), min_size=1)


def follows(house: ExecutorHome) -> dg.AssetCheckResult:
    return negotiations.every_negotiation_follows_from_its_record(house.warehouse, house.handover)


@pytest.fixture
def house(tmp_path: Path) -> ExecutorHome:
    place = ExecutorHome(tmp_path, MODULES)
    kept(tmp_path / "executor", ROWS)
    return place


def changed(house: ExecutorHome, sql: str) -> None:
    """Does to the file what its triggers forbid."""
    with closing(sqlite3.connect(house.executor / FILE)) as connection, connection:
        connection.execute("drop trigger never_changed")
        connection.execute("drop trigger never_removed")
        connection.execute(sql)


def credited(credits: Credits) -> list[Row]:
    """The record with the first trade's credits added, as the executor seals them."""
    told = explained(credits)
    parts = {name: {agent: str(units) for agent, units in told[name].items()} for name in ("shapley", "utility_share")}
    script = Transcript(None, ROWS[-1])  # type: ignore[arg-type]
    about = (ROWS[0].conversation_id, ROWS[0].trade_id)
    script.add(ROWS[-1].at_ns, about, agent_credit.CREDITED, payload=json.dumps({"result": str(told["result"]), **parts}).encode())  # type: ignore[arg-type]
    script.add(ROWS[-1].at_ns, about, "learnt", payload=b'{"ppm":{"macro":1,"news":999999},"state":""}')  # type: ignore[arg-type]
    return [*ROWS, *script._waiting]


def test_every_row_of_the_record_is_in_the_table_and_every_promise_holds(house: ExecutorHome) -> None:
    done = house.run()
    assert done.success and all(check.passed for check in done.get_asset_check_evaluations())
    table = house.warehouse.read(negotiations.TABLE)
    assert negotiations.rows_of(table) == list(ROWS)
    proposals = table.filter((pl.col("kind") == "propose") & (pl.col("remark") == ""))
    assert set(proposals.select("from_agent", "action", "utility_micro", "confidence_ppm").iter_rows()) == {
        ("news", "BUY", Decimal(800_000), WHOLE),
        ("technical", "SELL", Decimal(300_000), WHOLE),
    }
    assert json.loads(proposals.filter(pl.col("from_agent") == "news")["said"].item(0))["utilities"][1]["utility_micro"] == -200_000


def test_what_was_set_aside_is_in_the_table_with_its_fault(house: ExecutorHome) -> None:
    house.run()
    aside = house.warehouse.read(negotiations.TABLE).filter(pl.col("remark") != "")
    assert {
        (sender, remark.split(":")[0], action) for sender, remark, action in aside.select("from_agent", "remark", "action").iter_rows()
    } == {
        ("noise", "unknown_action", None),
        ("onchain", "late", "BUY"),
    }


def test_the_chain_can_be_checked_and_decided_again_from_the_table_alone(house: ExecutorHome) -> None:
    house.run()
    rows = negotiations.rows_of(house.warehouse.read(negotiations.TABLE))
    assert list(faults(rows)) == []
    decided = [told for told in conversations(rows).values() if any(row.kind == Kind.DECIDED for row in told)]
    assert len(decided) == 2 and all(replay(told).is_equal for told in decided)


def test_each_negotiation_has_its_decision_and_who_took_which_part(house: ExecutorHome) -> None:
    house.run()
    table = house.warehouse.read(agent_decisions.TABLE).sort("trade_id")
    assert table.select("trade_id", "action", "outcome").rows() == [("t-0", "BUY", "inform"), ("t-1", "BUY", None), ("t-2", None, "cancel")]
    first = table.row(0, named=True)
    # Half of 800,000 for and, of the other half, nothing: whoever does not name an action gives it nothing.
    assert first["score_micro"] == 400_000 and first["is_quorate"] and first["replays_equal"]
    assert [first[part] for part in ("proposed", "refused", "failed", "silent")] == ["news technical", "macro", "noise", "onchain"]


def test_the_weights_are_those_the_decision_was_made_with(house: ExecutorHome) -> None:
    house.run()
    table = house.warehouse.read(agent_weights.TABLE)
    assert table.select("trade_id", "moment", "agent", "weight_ppm").rows() == [
        (trade, "decided", agent, 500_000) for trade in ("t-0", "t-1") for agent in ("news", "technical")
    ]


def test_without_a_record_the_tables_are_empty_and_say_why(tmp_path: Path) -> None:
    empty = ExecutorHome(tmp_path, MODULES)
    done = empty.run()
    assert done.success and all(check.passed for check in done.get_asset_check_evaluations())
    assert all(empty.warehouse.read(module.TABLE).is_empty() for module in MODULES)
    (told,) = done.asset_materializations_for_node("negotiations")
    assert f"there is no {FILE}" in str(told.metadata["why_empty"].value)
    assert not (tmp_path / "executor").exists()


def test_running_again_changes_nothing(house: ExecutorHome) -> None:
    house.run()
    before = [house.warehouse.digest(module.TABLE) for module in MODULES]
    house.run()
    assert [house.warehouse.digest(module.TABLE) for module in MODULES] == before


def test_a_changed_row_names_its_trade_and_nothing_is_built_on_it(house: ExecutorHome) -> None:
    seq = next(row.seq for row in ROWS if row.kind == Kind.DECIDED and row.trade_id == "t-1")
    changed(house, f"update negotiations set payload = x'7b7d' where seq = {seq}")
    done = house.run()
    assert not done.success
    checks = {check.check_name: check for check in done.get_asset_check_evaluations()}
    found = checks["every_negotiation_follows_from_its_record"]
    assert not found.passed and found.metadata["trades"].value == ["t-1"]
    assert f"the hash of row {seq} is not that of what it tells" in str(found.metadata["findings"].value)
    table = house.warehouse.read(negotiations.TABLE)
    assert table.height == len(ROWS) and table.filter(~pl.col("is_sealed"))["seq"].to_list() == list(range(seq, len(ROWS)))
    assert negotiations.rows_of(table) == list(ROWS[:seq])
    assert not house.warehouse.exists(agent_decisions.TABLE)


def test_an_end_that_was_cut_off_is_found_and_what_is_left_is_kept(house: ExecutorHome) -> None:
    changed(house, f"delete from negotiations where seq >= {len(ROWS) - 2}")
    assert not house.run().success
    found = follows(house)
    assert not found.passed and found.metadata["trades"].value == ["t-2"]
    table = house.warehouse.read(negotiations.TABLE)
    assert table.height == len(ROWS) - 2 and table["is_sealed"].all()


def test_a_file_that_is_damaged_is_a_broken_promise_and_no_error(house: ExecutorHome) -> None:
    path = house.executor / FILE
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)
    for left_over in path.parent.glob(f"{FILE}-*"):
        left_over.unlink()
    found, table = house.run(), house.warehouse.read(negotiations.TABLE)
    assert table.is_empty() and not found.success
    assert "is damaged after 0 rows" in str(follows(house).metadata["findings"].value)


def test_rows_before_a_damaged_page_are_kept(house: ExecutorHome) -> None:
    path = house.executor / FILE
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\xff" * 4096
    path.write_bytes(content)
    assert not house.run().success
    rows = negotiations.rows_of(house.warehouse.read(negotiations.TABLE))
    assert 0 < len(rows) < len(ROWS) and rows == list(ROWS[: len(rows)])
    found = follows(house)
    assert found.metadata["trades"].value == [rows[-1].trade_id]
    assert f"is damaged after {len(rows)} rows" in str(found.metadata["findings"].value)


def test_a_table_that_is_not_the_record_breaks_its_promise(house: ExecutorHome) -> None:
    house.run()
    table = house.warehouse.read(negotiations.TABLE)
    other = pl.when(pl.col("seq") == 3).then(pl.lit("0" * 64)).otherwise("hash").alias("hash")
    house.warehouse.replace(negotiations.TABLE, table.with_columns(other))
    found = follows(house)
    assert not found.passed and "row 3 is not the record's" in str(found.metadata["findings"].value)


def test_a_record_that_somebody_holds_is_asked_for_again(house: ExecutorHome, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(house.executor / FILE)) as connection:
        connection.execute("pragma journal_mode=delete")
        connection.execute("begin exclusive")
        opened = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda *told, **options: opened(*told, **{**options, "timeout": 0}))
        with pytest.raises(JournalUnavailable):
            negotiations.recorded(house.executor)


def test_credits_of_a_trade_are_those_that_were_recorded(house: ExecutorHome) -> None:
    shares = Credits(7, {"news": 10, "technical": -3}, {"news": 7, "technical": 0})
    house.warehouse.replace(negotiations.TABLE, negotiations.frame_of(negotiations.Record(credited(shares))))
    rows = negotiations.rows_of(house.warehouse.read(negotiations.TABLE))
    table = agent_credit.frame_of(rows)
    assert table.select("trade_id", "agent", "shapley_units", "utility_share_units", "pnl_units").rows() == [
        ("t-0", "news", 10, 7, 7),
        ("t-0", "technical", -3, 0, 7),
    ]
    assert agent_weights.frame_of(rows).filter(pl.col("moment") == "learnt").select("agent", "weight_ppm").rows() == [
        ("macro", 1),
        ("news", 999_999),
    ]
    house.warehouse.replace(agent_credit.TABLE, table)
    assert agent_credit.both_divisions_add_up_to_the_p_and_l(house.warehouse).passed
    assert agent_credit.only_those_who_proposed_are_paid(house.warehouse).passed


@given(UTILITIES, st.integers(-(10**30), 10**30))
def test_for_any_p_and_l_the_table_adds_up_to_it_twice(utilities: dict[str, int], units: int) -> None:
    credits = divided(lambda present: units if len(present) * 2 > len(utilities) else 0, utilities)
    table = agent_credit.TABLE.conform(agent_credit.frame_of(credited(credits)))
    sums = [agent_credit.total(table[name]) for name in ("shapley_units", "utility_share_units")]
    assert sums == [credits.result, credits.result] == [int(table["pnl_units"].item(0))] * 2


@pytest.mark.parametrize("column", ["shapley_units", "utility_share_units", "pnl_units"])
def test_a_unit_too_many_is_found(house: ExecutorHome, column: str) -> None:
    table = agent_credit.frame_of(credited(Credits(7, {"news": 10, "technical": -3}, {"news": 7, "technical": 0})))
    more = pl.when(pl.col("agent") == "news").then(pl.col(column).cast(pl.Int64) + 1).otherwise(pl.col(column).cast(pl.Int64))
    house.warehouse.replace(agent_credit.TABLE, table.with_columns(more.alias(column)))
    found = agent_credit.both_divisions_add_up_to_the_p_and_l(house.warehouse)
    assert not found.passed and found.metadata["wrong"].value == ["t-0"]


def test_who_did_not_propose_is_not_paid(house: ExecutorHome) -> None:
    rows = credited(Credits(7, {"macro": 7, "news": 0}, {"macro": 7, "news": 0}))
    house.warehouse.replace(negotiations.TABLE, negotiations.frame_of(negotiations.Record(rows)))
    house.warehouse.replace(agent_credit.TABLE, agent_credit.frame_of(rows))
    found = agent_credit.only_those_who_proposed_are_paid(house.warehouse)
    assert not found.passed and found.metadata["wrong"].value == [ROWS[0].conversation_id]


@pytest.mark.parametrize(
    ("module", "change", "check"),
    [
        (agent_weights, {"weight_ppm": pl.lit(499_999, pl.Int64())}, agent_weights.the_weights_add_up_to_a_million),
        (agent_decisions, {"replays_equal": pl.lit(False)}, agent_decisions.every_decision_follows_again),
        (agent_decisions, {"late": pl.lit("news")}, agent_decisions.nobody_has_two_parts_in_a_negotiation),
    ],
)
def test_a_table_that_does_not_hold_names_the_trades(house: ExecutorHome, module, change: dict, check: Callable) -> None:
    house.run()
    assert check(house.warehouse).passed
    house.warehouse.replace(module.TABLE, house.warehouse.read(module.TABLE).with_columns(**change))
    found = check(house.warehouse)
    assert not found.passed and "t-0" in found.metadata["trades"].value


def test_bytes_that_nobody_can_read_are_kept_and_shown(house: ExecutorHome) -> None:
    script = Transcript(None, None)  # type: ignore[arg-type]
    script.add(5, ("unrouted", "unrouted"), Kind.HEARD, "news", "unreadable: noise", b"\xff\x00")
    rows = negotiations.frame_of(negotiations.Record(script._waiting))
    assert rows.select("kind", "said", "payload", "previous_hash").row(0) == (None, "", b"\xff\x00", BEFORE_THE_FIRST)
    house.warehouse.replace(negotiations.TABLE, rows)
    found = negotiations.nothing_was_said_that_nobody_could_read(house.warehouse)
    assert not found.passed and found.metadata["unread"].value == 1
    assert agent_decisions.frame_of(script._waiting).is_empty()
