"""The six reports as assets over the small chain: made, valid, told once, and kept when they change."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from pathlib import Path

import dagster as dg
import jsonschema
import polars as pl
import pytest
from deltalake import DeltaTable
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from assets.compliance import reportable_trades
from assets.compliance.cabinet import Cabinet
from assets.compliance.outcomes import outcomes_table
from assets.compliance.reports import assets_of, checks_of, page_text, report_tables
from assets.compliance.source_rows import rows_of, source_of
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.regulation.report import row_keys
from domain.regulation.rulebook import Report
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from executor.compliance.schema_folder import SchemaFolder
from pipelines.home import Home
from tests.assets.chain.small_chain import ARBITRAGEUR, DAI, PROVIDER
from tests.assets.compliance.reporting_home import CONTRACT, SCHEMAS, broken, check_again, copy_of, make, newest, work_on

RULEBOOK = load_rulebook(SHIPPED)
SIX = list(RULEBOOK.reports.values())
TRANSACTIONS, TRANSFERS = RULEBOOK.reports["EU.MiCA.transactions"], RULEBOOK.reports["SG.PSN02.transfers"]
# Reported, not reportable, blocked: six swaps of the last day of which one buys DAI, fourteen events of their orders of which two are
# of that swap, thirty-two movements of the year of which twelve are Singapore's, three contracts beside five swaps.
COUNTS = {
    "EU.MiCA.transactions": (5, 0, 1),
    "EU.MiCA.orders": (12, 0, 2),
    "OECD.CARF.annual": (19, 12, 1),
    "SG.SFRDC.derivatives": (1, 7, 0),
    "SG.PSN02.transfers": (1, 4, 0),
    "US.CFTC.part45": (1, 6, 1),
}


@pytest.fixture(scope="module")
def made(reporting_home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, dg.ExecuteInProcessResult]]:
    """A home with all six, and the run of each."""
    home = copy_of(reporting_home, tmp_path_factory.mktemp("made") / "home")
    with pytest.MonkeyPatch.context() as settings:
        work_on(home, settings)
        return home, {report.id: make(home, report, rulebook=RULEBOOK) for report in SIX}


def card_of(home: Home, report: Report) -> dict:
    """What the shelf says of the newest period."""
    return json.loads((home.compliance / "reports" / report.slug / newest(report).name / "report.json").read_text())


def shelved(home: Home, report: Report) -> dict[str, bytes]:
    """The documents that lie on the shelf for the newest period, by format."""
    folder = home.compliance / "reports" / report.slug / newest(report).name
    return {name: (folder / told["file"]).read_bytes() for name, told in card_of(home, report)["formats"].items()}


def every_file(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("report", SIX, ids=lambda one: one.id)
def test_every_document_on_the_shelf_is_valid_against_the_schema_that_it_names(report: Report, made):
    home, runs = made
    assert runs[report.id].success
    documents, schemas = shelved(home, report), SchemaFolder(SCHEMAS)
    assert set(documents) == set(report.formats)
    for name, form in report.formats.items():
        content = documents[name]
        if form.schema is None:
            assert form.schema_status == "none"
        elif name == "xml":
            root = etree.parse(io.BytesIO(content))
            schema = etree.XMLSchema(etree.parse(str(schemas.path(form.schema))))
            schema.assertValid(root)
            assert form.claim in content.decode().partition("<Document")[0].partition("<CARF")[0]
        elif name == "csv":
            check = jsonschema.Draft202012Validator(json.loads(schemas.path(form.schema).read_text()))
            [line] = csv.DictReader(one for one in content.decode().splitlines() if not one.startswith("# "))
            check.validate({column: value for column, value in line.items() if value})
        else:
            told = json.loads(content)
            check = jsonschema.Draft202012Validator(json.loads(schemas.path(form.schema).read_text()))
            lists = [told] if form.records == "document" else next(one for one in told.values() if isinstance(one, list))
            for one in lists:
                check.validate(one)
            assert told["header"]["claim"] == form.claim


@pytest.mark.parametrize("report", SIX, ids=lambda one: one.id)
def test_every_row_of_the_source_has_one_outcome_and_what_is_left_out_has_its_reason(report: Report, made):
    home, runs = made
    warehouse = Warehouse(lake=str(home.lake))
    told = warehouse.read(outcomes_table(report))
    assert sorted(told["row_key"]) == sorted(row_keys(report, rows_of(warehouse, report, newest(report))))
    counted = dict(told["outcome"].value_counts().iter_rows())
    reported, left_out, blocked = COUNTS[report.id]
    assert counted == {name: n for name, n in (("reported", reported), ("not_reportable", left_out), ("blocked", blocked)) if n}
    assert told.filter((pl.col("outcome") == "reported") != pl.col("reason").is_null()).is_empty()
    assert all(json.loads(one) for one in told.filter(pl.col("outcome") == "reported")["rule_results"])
    (step,) = runs[report.id].asset_materializations_for_node(report.slug)
    shown = {name: value.value for name, value in step.metadata.items()}
    assert tuple(shown[name] for name in ("reported", "not_reportable", "blocked")) == COUNTS[report.id]
    assert shown["faults"] == 0 and shown["unverified_references"] == report.unverified
    assert card_of(home, report)["counts"] == {"reported": reported, "not_reportable": left_out, "blocked": blocked}


def test_a_swap_of_a_token_nobody_knows_is_a_warning_with_the_reason_and_no_error(made):
    home, runs = made
    run = runs[TRANSACTIONS.id]
    assert broken(run) == {"nothing_is_blocked": {"rows": 1, "reasons": "base_dti: it is missing"}}
    [check] = [one for one in run.get_asset_check_evaluations() if not one.passed]
    assert check.severity == dg.AssetCheckSeverity.WARN
    warehouse = Warehouse(lake=str(home.lake))
    [key] = warehouse.read(outcomes_table(TRANSACTIONS)).filter(pl.col("outcome") == "blocked")["row_key"]
    swap = warehouse.read(reportable_trades.TABLE).row(by_predicate=pl.col("trade_id") == key, named=True)
    assert (swap["wallet"], swap["base_token"]) == (PROVIDER, DAI)
    assert f"No DTI is known for the contract {DAI}" in swap["dti_reason"]
    assert key not in shelved(home, TRANSACTIONS)["csv"].decode()


def test_making_them_again_from_the_same_rows_changes_no_byte_and_no_version(made, tmp_path, monkeypatch):
    home = copy_of(made[0], tmp_path / "home")
    work_on(home, monkeypatch)
    reports = [TRANSACTIONS, TRANSFERS]
    tables = [Warehouse(lake=str(home.lake)).uri(outcomes_table(one)) for one in reports]
    before, versions = every_file(home.compliance), [DeltaTable(one).version() for one in tables]
    assert make(home, *reports, rulebook=RULEBOOK).success
    assert every_file(home.compliance) == before
    assert [DeltaTable(one).version() for one in tables] == versions


def test_other_rows_make_a_new_version_and_the_old_one_is_kept(made, tmp_path, monkeypatch):
    home = copy_of(made[0], tmp_path / "home")
    work_on(home, monkeypatch)
    first, documents = card_of(home, TRANSACTIONS), shelved(home, TRANSACTIONS)
    warehouse, table = Warehouse(lake=str(home.lake)), reportable_trades.TABLE
    rows = warehouse.read(table)
    of_one = rows.filter((pl.col("wallet") == ARBITRAGEUR) & (pl.col("day") == newest(TRANSACTIONS).last))
    warehouse.replace(table, rows.with_columns(executor_id=pl.lit("another")), None)
    assert make(home, TRANSACTIONS, rulebook=RULEBOOK).success
    second = card_of(home, TRANSACTIONS)
    assert second["reference"] != first["reference"]
    assert second["created_at"] > first["created_at"]
    folder = home.compliance / "reports" / TRANSACTIONS.slug / newest(TRANSACTIONS).name
    kept = {hashlib.sha256(one.read_bytes()).hexdigest(): one.read_bytes() for one in (folder / "versions").iterdir()}
    assert json.loads(kept[second["previous"]]) == first
    assert all(content in kept.values() for content in documents.values())
    assert of_one.height == 2
    table_of_it = outcomes_table(TRANSACTIONS)
    assert set(warehouse.read(table_of_it)["reference"]) == {second["reference"]}


def test_a_missing_schema_is_an_error_that_says_how_to_install_it_and_nothing_is_written(own_home: Home, monkeypatch):
    monkeypatch.setenv("GREKKO_SCHEMAS", str(own_home.root / "no_schemas"))
    run = make(own_home, TRANSACTIONS, rulebook=RULEBOOK, raise_on_error=False)
    assert not run.success
    [failed] = [event for event in run.all_events if event.is_step_failure and event.step_key == TRANSACTIONS.slug]
    error = failed.step_failure_data.error
    assert error is not None and error.cause is not None
    assert "auth.016.001.03.xsd is missing" in error.cause.message and "grekko schemas install" in error.cause.message
    assert not (own_home.compliance / "reports").exists()
    assert not Warehouse(lake=str(own_home.lake)).exists(outcomes_table(TRANSACTIONS))


def test_a_run_over_several_days_makes_each_of_them(own_home: Home):
    warehouse, cabinet = Warehouse(lake=str(own_home.lake)), Cabinet(folder=str(own_home.compliance))
    [asset] = [one for one in assets_of(RULEBOOK) if one.key.path[-1] == TRANSFERS.slug]
    checks = [one for one in checks_of(RULEBOOK) if next(iter(one.check_keys)).asset_key == asset.key]
    run = dg.materialize(
        [asset, *checks],
        resources={"warehouse": warehouse, "cabinet": cabinet},
        tags={"dagster/asset_partition_range_start": "2026-01-05", "dagster/asset_partition_range_end": "2026-01-07"},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert run.success and len(run.get_asset_check_evaluations()) == 4 and broken(run) == {}
    assert cabinet.shelf.reports() == {TRANSFERS.id: ["2026-01-05", "2026-01-06", "2026-01-07"]}
    assert warehouse.read(outcomes_table(TRANSFERS))["day"].n_unique() == 3


def test_a_contract_is_told_to_the_place_it_is_booked_in_and_no_swap_is(made):
    home, _ = made
    for name, told in (("SG.SFRDC.derivatives", "D-1"), ("US.CFTC.part45", "D-2")):
        report = RULEBOOK.reports[name]
        rows = Warehouse(lake=str(home.lake)).read(outcomes_table(report)).filter(pl.col("outcome") == "reported")
        assert [key.split("|")[0] for key in rows["row_key"]] == [told]
    assert CONTRACT["uti"].encode() in shelved(home, RULEBOOK.reports["SG.SFRDC.derivatives"])["xml"]


def test_a_contract_without_an_end_cannot_be_told_where_the_layout_asks_for_one(made):
    home, runs = made
    assert broken(runs["US.CFTC.part45"])["nothing_is_blocked"]["reasons"] == "expiration_date: it is missing"
    assert "D-3" not in str(shelved(home, RULEBOOK.reports["US.CFTC.part45"]))


def test_promises_that_are_asked_alone_are_about_every_period_that_was_made(made, monkeypatch):
    work_on(made[0], monkeypatch)
    run = check_again(made[0], TRANSACTIONS, rulebook=RULEBOOK)
    told = {check.check_name: check.metadata for check in run.get_asset_check_evaluations()}
    assert told["every_document_is_valid"]["documents"].value == 3
    assert told["every_row_has_one_outcome"]["rows"].value == told["every_row_has_one_outcome"]["outcomes"].value == 6
    assert broken(run).keys() == {"nothing_is_blocked"}


def test_a_document_that_was_changed_on_the_shelf_fails_its_check_and_is_named(made, tmp_path, monkeypatch):
    home = copy_of(made[0], tmp_path / "home")
    work_on(home, monkeypatch)
    file = home.compliance / "reports" / TRANSFERS.slug / newest(TRANSFERS).name / "document.csv"
    file.write_bytes(file.read_bytes() + b" ")
    assert (
        "document.csv is not what its card says"
        in broken(check_again(home, TRANSFERS, rulebook=RULEBOOK))["every_document_is_valid"]["broken"]
    )
    shutil.rmtree(home.compliance / "reports")
    assert broken(check_again(home, TRANSFERS, rulebook=RULEBOOK)).keys() == {"every_document_is_valid"}  # nothing was made


def test_each_has_a_table_in_the_catalogue_and_a_page_that_says_what_may_be_claimed():
    assert [table.name for table in report_tables()] == [report.slug for report in SIX]
    for report in SIX:
        told = page_text(report)
        assert all(form.claim in told for form in report.formats.values())
        assert f"{report.unverified} of {len(report.references())} references" in told


def test_a_table_no_report_can_be_made_from_is_refused_with_those_there_are():
    with pytest.raises(BadInput, match="no report can be made from 'swaps'; use one of reportable_trades"):
        source_of("swaps", "XX.Y.z")
