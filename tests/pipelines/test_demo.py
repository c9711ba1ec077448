"""The main job, end to end, on the shipped recording."""

from __future__ import annotations

import io
from datetime import date

import dagster as dg
import polars as pl
import pytest
from rich.console import Console

from assets.chain import event_proofs
from assets.compliance.cabinet import Cabinet
from assets.compliance.reports import report_tables
from assets.learning import promoted_model
from assets.partitions import Span, days
from assets.service.catalog import lake_tables
from assets.warehouse import Warehouse
from domain.schemas import TEXT, Column, Table, columns
from executor.compliance.filings.store import FilingReader
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from pipelines import stamp, summary
from pipelines.build import assets_of_every_group
from pipelines.demo import run_demo
from pipelines.demo_reports import SIMULATED, newest_span
from pipelines.home import Home
from pipelines.resources import resources_of
from pipelines.run import Outcome, rebuild_everything
from tests.conftest import SCHEMAS
from tests.untraced import untraced


@pytest.fixture
def warehouse(demo_home: Home) -> Warehouse:
    return Warehouse(lake=str(demo_home.lake))


def told_by(home: Home) -> str:
    return (home.root / "printed.txt").read_text()


def test_every_swap_of_the_fortnight_is_exact(demo_home: Home, warehouse: Warehouse):
    swaps = warehouse.count(event_proofs.TABLE, "kind = 'swap'")
    assert swaps >= 10_000
    assert warehouse.count(event_proofs.TABLE, "kind = 'swap' and verdict = 'exact'") == swaps


def test_a_person_is_told_rows_exactness_profit_verdict_and_a_swap(demo_home: Home, warehouse: Warehouse):
    told = told_by(demo_home)
    promoted = warehouse.read(promoted_model.TABLE).row(0, named=True)
    for words in (
        "Rows",
        "re-derived to the wei",
        "Arbitrage",
        f"Verdict: {promoted['verdict']}",
        promoted["bundle_sha256"],
        "leg by leg",
        "no error",
    ):
        assert words in told, words


def test_the_demo_makes_all_six_files_them_with_the_simulated_authority_and_tells_them(demo_home: Home):
    """For the newest day or its year: nothing of it went to anybody."""
    if not SCHEMAS.is_dir():
        pytest.skip(f"the official schemas are not here: {SCHEMAS} does not exist")
    rulebook = load_rulebook(SHIPPED)
    told = told_by(demo_home)
    cabinet = Cabinet(folder=str(demo_home.compliance))
    for report in rulebook.reports.values():
        card = cabinet.every_form(report, newest_span(report))["csv"].card
        assert report.id in told and card["findings"]["faults"] == 0
    states = {one.key.report_id: str(one.state) for one in FilingReader(demo_home.compliance / SIMULATED).filings.filings.values()}
    assert states.keys() == rulebook.reports.keys() and set(states.values()) <= {"acked", "not_needed"}
    assert states["EU.MiCA.transactions"] == states["OECD.CARF.annual"] == "acked"


def test_a_recording_whose_pools_are_not_wholly_known_has_no_swap_to_show(demo_home: Home, tmp_path):
    out = Console(file=io.StringIO(), width=200)
    summary.show_swap(Home(tmp_path, demo_home.recording), out)
    assert "No swap to show" in out.file.getvalue()


def test_a_second_demo_runs_nothing_and_changes_no_table(demo_home: Home):
    before = stamp.table_versions(demo_home)
    again = Console(file=io.StringIO(), width=160)
    assert run_demo(demo_home, console=again)
    assert "Nothing changed" in again.file.getvalue()
    assert stamp.table_versions(demo_home) == before


def test_a_deleted_day_comes_back_as_it_was_in_every_table(demo_home: Home, warehouse: Warehouse):
    day = Span(date(2026, 1, 12), date(2026, 1, 12))
    reports = {table.name for table in report_tables()}  # they have periods and runs of their own
    daily = [table for table in lake_tables() if table.is_daily and table.name not in reports and warehouse.exists(table)]
    before = {table.name: warehouse.digest(table) for table in daily}
    for table in daily:
        warehouse.drop(table, day)
    assert all(
        warehouse.digest(table) != before[table.name]
        for table in daily
        if table.name not in ("quarantine", "training_set", "shadow_trials")
    )
    wanted = [asset for asset in assets_of_every_group() if asset.partitions_def is not None]
    with dg.DagsterInstance.ephemeral() as instance, untraced():
        assert dg.materialize(wanted, resources=resources_of(demo_home.root), instance=instance, partition_key="2026-01-12").success
    assert {table.name: warehouse.digest(table) for table in daily} == before
    stamp.write(demo_home, "restored")


def test_a_step_that_fails_is_named_with_its_reason_and_leaves_no_stamp(demo_home: Home, tmp_path, monkeypatch: pytest.MonkeyPatch):
    broken = Home(tmp_path / "home", demo_home.recording)
    broken.settle()
    failed = Outcome("run", False, [], [("swaps", "Column data is missing; add it.")])
    monkeypatch.setattr("pipelines.demo.rebuild_everything", lambda home, out: failed)
    out = Console(file=io.StringIO(), width=160)
    assert not run_demo(broken, console=out)
    assert "failed swaps: Column data is missing; add it." in out.file.getvalue()
    assert not broken.stamp.exists()


def test_a_table_of_an_older_shape_is_moved_aside_and_said_so(demo_home: Home, tmp_path, monkeypatch: pytest.MonkeyPatch):
    home = Home(tmp_path / "home", demo_home.recording)
    home.settle()
    old = Table("tokens", "One token.", columns(Column("token", TEXT, "Address.")), ("token",))
    Warehouse(lake=str(home.lake)).replace(old, pl.DataFrame({"token": ["0x" + "0" * 40]}))
    monkeypatch.setattr("pipelines.demo.rebuild_everything", lambda home, out: Outcome("run", False, [], []))
    out = Console(file=io.StringIO(), width=160)
    assert not run_demo(home, console=out)
    assert "tokens has new columns" in out.file.getvalue()
    assert (home.lake / "retired" / "tokens-0").is_dir()


def test_a_promise_that_does_not_hold_is_told(demo_home: Home, tmp_path, monkeypatch: pytest.MonkeyPatch):
    def broken_promise(severity: dg.AssetCheckSeverity) -> Outcome:
        check = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("swaps"),
            check_name="every_swap_is_rederived",
            passed=False,
            metadata={"inexact": dg.MetadataValue.int(3)},
            severity=severity,
        )
        return Outcome("run", True, [check], [])

    home = Home(tmp_path / "home", demo_home.recording)
    home.settle()
    out = Console(file=io.StringIO(), width=200)
    monkeypatch.setattr("pipelines.demo.tell", lambda home, out: None)
    monkeypatch.setattr("pipelines.demo.rebuild_everything", lambda home, out: broken_promise(dg.AssetCheckSeverity.ERROR))
    assert not run_demo(home, console=out)
    assert "does not hold swaps: every_swap_is_rederived" in out.file.getvalue()
    monkeypatch.setattr("pipelines.demo.rebuild_everything", lambda home, out: broken_promise(dg.AssetCheckSeverity.WARN))
    assert run_demo(home, console=out)


def test_a_run_that_breaks_down_says_which_step_and_why(demo_home: Home, monkeypatch: pytest.MonkeyPatch):
    @dg.asset(partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
    def numbers() -> None:
        raise ValueError("seven is missing")

    job = dg.define_asset_job("everything", selection=[numbers])
    monkeypatch.setattr("pipelines.run.graph_of", lambda home: dg.Definitions(assets=[numbers], jobs=[job]))
    outcome = rebuild_everything(demo_home, Console(file=io.StringIO()))
    assert not outcome.succeeded
    [(step, reason)] = outcome.failures
    assert step == "numbers" and "seven is missing" in reason
