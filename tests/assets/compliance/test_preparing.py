"""Reports from the lake, filed with a simulated authority: what it holds is what our tables say, whatever changes in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from assets.compliance import reportable_trades, tax_movements, value_transfers
from assets.compliance.preparing import LakePreparation, filed_format
from assets.warehouse import Warehouse
from domain.problems import Broken
from domain.regulation.filing import RecordMessage, decide, told_as
from domain.regulation.rulebook import Report
from domain.schemas import Table
from executor.compliance.filings.answers.foreign_xml import parsed
from executor.compliance.filings.submitted_records import records_of_xml
from executor.compliance.parties import load_parties
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from executor.compliance.schema_folder import SchemaFolder
from pipelines.home import Home
from tests.assets.chain.small_chain import TRADER
from tests.assets.compliance.reporting_home import SCHEMAS, newest
from tests.executor.compliance.filings.world import World

RULEBOOK = load_rulebook(SHIPPED)
TRANSACTIONS, USERS = RULEBOOK.reports["EU.MiCA.transactions"], RULEBOOK.reports["OECD.CARF.annual"]
TRANSFERS = RULEBOOK.reports["SG.PSN02.transfers"]


class Desk:
    """The desk of the home with an authority that is simulated; each round reads the tables anew, a day later."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.warehouse = Warehouse(lake=str(home.lake))
        self.world = World(SchemaFolder(SCHEMAS), folder)  # type: ignore[arg-type]

    def preparation(self, report: Report) -> LakePreparation:
        now = self.world.clock.now()
        return LakePreparation(report, RULEBOOK, newest(report), self.warehouse, load_parties(), SchemaFolder(SCHEMAS), now)

    def round(self, report: Report) -> tuple[int, str]:
        """Files what is to be filed and takes the answers; how many filings the period has by now, and the state of the last."""
        self.world.rounds.run([self.preparation(report)])
        self.world.rounds.run([])
        self.world.clock.move(days=1)
        assert [one.what for one in self.world.store.filings.open_tickets()] == []
        states = self.world.states(self.preparation(report))
        return len(states), states[-1]

    def newest_document(self, report: Report) -> str:
        filing = self.world.store.filings.of_key(self.preparation(report).key)[-1]
        return self.world.store.document(filing.version.sha256).decode()

    def told_now(self, report: Report) -> set[str]:
        """The digests that an authority has which was told the records of now for the first time."""
        preparation = self.preparation(report)
        _, content = preparation.document("FRESH", as_new(preparation))
        return {one.digest for one in records_of_xml(parsed(content, 1 << 24))}

    def register(self) -> dict[tuple[str, str], str]:
        return self.world.regulator.register

    def change(self, table: Table, which: pl.Expr, **values: pl.Expr) -> None:
        """Other values in some rows; without values the rows are gone."""
        rows = self.warehouse.read(table)
        if values:
            changed = {name: pl.when(which).then(value).otherwise(pl.col(name)) for name, value in values.items()}
            self.warehouse.replace(table, rows.with_columns(**changed))
        else:
            self.warehouse.replace(table, rows.filter(~which))


def as_new(preparation: LakePreparation) -> tuple[RecordMessage, ...]:
    """The records of now as they are told to an authority that holds none."""
    return told_as(decide({}, preparation.records()), preparation.becomes, "FRESH", preparation.record_reference)


@pytest.fixture
def desk(own_home: Home, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(own_home, tmp_path / "filings")
    yield made
    made.world.store.close()


def test_the_transactions_of_a_day_are_filed_once_corrected_and_cancelled(desk: Desk):
    assert desk.round(TRANSACTIONS) == (1, "acked")
    keys = sorted(desk.preparation(TRANSACTIONS).records())
    assert len(keys) == 5 and len(desk.register()) == 5
    assert set(desk.register().values()) == desk.told_now(TRANSACTIONS)
    assert desk.round(TRANSACTIONS) == (1, "acked")  # nothing is filed twice
    assert len(desk.world.regulator.accepted) == 1

    table = reportable_trades.TABLE
    desk.change(table, pl.col("trade_id") == keys[0], executor_id=pl.lit("someone else"))
    assert desk.round(TRANSACTIONS) == (2, "acked")
    told = desk.newest_document(TRANSACTIONS)
    assert (told.count("<Cxl>"), told.count("<New>")) == (1, 1) and told.index("<Cxl>") < told.index("<New>")
    assert set(desk.register().values()) == desk.told_now(TRANSACTIONS) and len(desk.register()) == 5

    desk.change(table, pl.col("trade_id") == keys[1])
    assert desk.round(TRANSACTIONS) == (3, "acked")
    told = desk.newest_document(TRANSACTIONS)
    assert (told.count("<Cxl>"), told.count("<New>")) == (1, 0)
    assert set(desk.register().values()) == desk.told_now(TRANSACTIONS) and len(desk.register()) == 4

    # What is still in the table and no longer reportable is cancelled as well.
    desk.change(table, pl.col("trade_id") == keys[2], base_dti=pl.lit(None, pl.String))
    assert desk.round(TRANSACTIONS) == (4, "acked") and len(desk.register()) == 3
    assert desk.round(TRANSACTIONS) == (4, "acked")


def test_a_column_that_the_report_does_not_tell_corrects_nothing(desk: Desk):
    before = desk.preparation(TRANSACTIONS).records()
    desk.change(reportable_trades.TABLE, pl.col("wallet") == TRADER, notional_usd=pl.lit("1.00"), center=pl.lit("other"))
    assert desk.preparation(TRANSACTIONS).records() == before


def test_a_user_of_carf_is_corrected_by_naming_what_was_told_before(desk: Desk, own_home: Home):
    assert desk.round(USERS) == (1, "acked")
    assert sorted(desk.preparation(USERS).records()) == ["C1", "C3"]
    [first] = re.findall(r"<MessageRefId>([^<]+)<", desk.newest_document(USERS))
    assert {name for _, name in desk.register()} == {f"{first}-C1", f"{first}-C3"}

    desk.change(tax_movements.TABLE, (pl.col("client_id") == "C1") & (pl.col("direction") == "in"), value_usd=pl.lit("12.34"))
    assert desk.round(USERS) == (2, "acked")
    told = desk.newest_document(USERS)
    assert "CARF702" in told and re.findall(r"DocTypeIndic>([^<]+)<", told)[-1] == "OECD2"
    assert re.findall(r"CorrDocRefId>([^<]+)<", told) == [f"{first}-C1"]
    amounts = re.findall(r"(?:Amount|Units)[^>]*>([^<]+)<", told)
    [second] = re.findall(r"<MessageRefId>([^<]+)<", told)
    assert {name for _, name in desk.register()} == {f"{second}-C1", f"{first}-C3"}
    assert set(desk.register().values()) == desk.told_now(USERS)
    assert desk.round(USERS) == (2, "acked")

    # A person's own data are part of what was told.
    parties = own_home.root / "parties.yaml"
    parties.write_text(parties.read_text().replace("street: 4 Sample Street", "street: 5 Sample Street"))
    assert desk.round(USERS) == (3, "acked")
    assert re.findall(r"CorrDocRefId>([^<]+)<", desk.newest_document(USERS)) == [f"{first}-C3"]
    assert set(desk.register().values()) == desk.told_now(USERS)

    desk.change(tax_movements.TABLE, pl.col("client_id") == "C1")
    assert desk.round(USERS) == (4, "acked")
    told = desk.newest_document(USERS)
    assert re.findall(r"DocTypeIndic>([^<]+)<", told)[-1] == "OECD3"
    assert re.findall(r"(?:Amount|Units)[^>]*>([^<]+)<", told) == amounts != []  # the values that were told last
    assert re.findall(r"CorrDocRefId>([^<]+)<", told) == [f"{second}-C1"]
    assert len(desk.register()) == 1 and set(desk.register().values()) == desk.told_now(USERS)


def test_transfers_with_nothing_to_tell_need_no_filing(desk: Desk):
    desk.change(value_transfers.TABLE, pl.col("day") == newest(TRANSFERS).last)
    assert desk.round(TRANSFERS) == (1, "not_needed") and desk.register() == {}
    assert desk.preparation(TRANSFERS).nil is False


def test_transfers_are_filed_as_json_and_a_contract_as_xml(desk: Desk):
    assert [filed_format(one) for one in (TRANSFERS, RULEBOOK.reports["EU.MiCA.orders"], TRANSACTIONS)] == ["json", "json", "xml"]
    assert desk.round(TRANSFERS) == (1, "acked") and len(desk.register()) == 1
    assert desk.round(RULEBOOK.reports["SG.SFRDC.derivatives"]) == (1, "acked")
    assert sum(name.startswith("SG.SFRDC") for name, _ in desk.register()) == 1


def test_no_refusal_is_mended_without_a_person(desk: Desk):
    assert not desk.preparation(TRANSACTIONS).mend([])


def test_findings_are_those_of_the_document_that_was_made_last(desk: Desk):
    preparation = desk.preparation(TRANSACTIONS)
    with pytest.raises(Broken, match="not the bytes of the document that was made last"):
        preparation.findings(b"<x/>")
    _, content = preparation.document("R", as_new(preparation))
    assert all(one["severity"] == "warn" for one in preparation.findings(content))
    with pytest.raises(Broken, match="make it again"):
        preparation.findings(content + b" ")


def test_a_record_the_lake_never_had_cannot_be_cancelled(desk: Desk):
    preparation = desk.preparation(TRANSACTIONS)
    with pytest.raises(Broken, match="No version of reportable_trades has the rows of X"):
        preparation.document("R", [RecordMessage("CANCEL", "X", "d", "X")])
