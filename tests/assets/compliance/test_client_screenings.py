"""Each client goes through the chain of its countries; without lists nobody is clear, and no name reaches the lake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.compliance import client_screenings as module
from assets.compliance.audit_log import recorder_of
from assets.compliance.cabinet import Cabinet
from assets.compliance.client_screenings import (
    FILE,
    TABLE,
    client_screenings,
    every_client_is_screened_and_clear,
    keep_what_is_new,
    screened,
)
from assets.compliance.privacy import columns_that_name, personal_words
from assets.warehouse import Warehouse
from executor.compliance.audit.reading import reading
from executor.compliance.audit.record import SCREENING
from executor.compliance.kyc.provider import Sources
from executor.compliance.kyc.store import DecisionStore
from executor.compliance.parties import Parties, load_parties
from executor.compliance.rulebook_file import load_rulebook
from executor.compliance.screening.folder import ListFolder
from tests.executor.compliance.screening.lists import write_lists

BOOK, CLIENTS = load_rulebook(), load_parties()
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
KEY = "k" * 32
SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GREKKO_LISTS", "GREKKO_KYC_KEY", "GREKKO_PEP_REGISTER", "GREKKO_AUDIT_LOG", "GREKKO_PARTIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "load_rulebook", lambda: BOOK)
    return tmp_path


def made(home: Path) -> tuple[dg.AssetCheckEvaluation, Warehouse]:
    warehouse = Warehouse(lake=str(home / "lake"))
    done = dg.materialize(
        [client_screenings, every_client_is_screened_and_clear],
        resources={"warehouse": warehouse, "cabinet": Cabinet(folder=str(home / "compliance"))},
        selection=[client_screenings],
    )
    (check,) = done.get_asset_check_evaluations()
    return check, warehouse


def verdicts(warehouse: Warehouse) -> dict[str, str]:
    return dict(warehouse.read(TABLE).select("client_id", "verdict").iter_rows())


def test_a_person_from_germany_goes_to_the_eu_chain_and_one_from_singapore_to_the_mas_chain():
    by_client = {one.subject.client_id: one for one in screened(CLIENTS, BOOK, Sources(NOW.date()), NOW)}
    german, singaporean = by_client["C0005"], by_client["C0006"]
    eu, mas = BOOK.jurisdictions["EU"], BOOK.jurisdictions["SG"]
    assert (eu.authority, mas.authority) == ("ESMA", "MAS") and eu.kyc is not None and mas.kyc is not None
    assert (german.jurisdictions, german.providers, german.threshold) == (("EU",), eu.kyc.providers, eu.kyc.threshold)
    assert (singaporean.jurisdictions, singaporean.providers, singaporean.threshold) == (("SG",), mas.kyc.providers, mas.kyc.threshold)
    assert set(by_client) == {one.id for one in CLIENTS.clients}


def test_without_lists_every_client_is_undecided_with_the_reason_and_no_name_is_in_the_lake(home: Path):
    check, warehouse = made(home)
    assert set(verdicts(warehouse).values()) == {"undecided"} and len(verdicts(warehouse)) == len(CLIENTS.clients)
    rows = warehouse.read(TABLE)
    assert all("sanctions:un: no folder of lists was named (GREKKO_LISTS)" in why for why in rows["why"])
    assert rows["due_for_refresh"].all() and rows["valid_until"].null_count() == rows.height == rows["decision"].null_count()
    assert not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    assert columns_that_name(rows.lazy(), personal_words(CLIENTS)) == []
    assert not (home / "compliance").exists()
    version = warehouse.digest(TABLE)
    made(home)
    assert warehouse.digest(TABLE) == version


def test_with_lists_it_decides_keeps_each_decision_once_and_writes_its_hash_down(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GREKKO_LISTS", str(write_lists(home / "lists")))
    monkeypatch.setenv("GREKKO_KYC_KEY", KEY)
    for _ in range(2):
        check, warehouse = made(home)
    rows = warehouse.read(TABLE)
    assert set(rows["verdict"]) <= {"clear", "review", "hit"} and check.metadata["clients"].value == rows.height
    assert rows["decision"].to_list() == list(range(1, rows.height + 1)) and not rows["due_for_refresh"].any()
    assert rows["wallets"].to_list() == [len(one.wallets) for one in CLIENTS.clients]
    store = DecisionStore(home / "compliance" / FILE, KEY.encode())
    with reading(recorder_of(Cabinet(folder=str(home / "compliance"))).log) as log:
        assert {one["record_sha256"] for one in log.of_kind(SCREENING)} == {sha256 for _, sha256 in store.records()}
    assert len(store.all()) == rows.height


def test_a_wallet_that_is_on_a_list_is_a_hit(home: Path, monkeypatch: pytest.MonkeyPatch):
    lists = write_lists(home / "lists")
    (lists / "found.txt").write_text(CLIENTS.clients[0].wallets[0] + "\n")
    monkeypatch.setenv("GREKKO_LISTS", str(lists))
    check, warehouse = made(home)
    first = warehouse.read(TABLE).row(0, named=True)
    assert (first["client_id"], first["verdict"], first["wallet_answer"], first["score"]) == ("C0001", "hit", "hit", 1.0)
    assert "wallet:ofac" in first["why"] and not check.passed


def test_a_decision_is_kept_again_when_its_time_is_over_or_something_changed(tmp_path: Path):
    one = Parties(CLIENTS.firm, CLIENTS.clients[:1])
    store = DecisionStore(tmp_path / FILE, KEY.encode())
    lists = ListFolder.named(write_lists(tmp_path / "lists"))

    def at(now: datetime, sources: Sources) -> int:
        return keep_what_is_new(store, screened(one, BOOK, sources, now), now)["C0001"].seq

    assert at(NOW, Sources(NOW.date(), lists)) == 1
    assert at(NOW + timedelta(days=1), Sources(NOW.date(), lists)) == 1
    assert at(NOW + timedelta(days=1), Sources(NOW.date())) == 2  # the lists are gone: undecided
    assert at(NOW + timedelta(days=2), Sources(NOW.date(), lists)) == 3
    assert at(NOW + timedelta(days=1_000), Sources(NOW.date(), lists)) == 4


def test_the_published_lists_decide_about_the_shipped_clients():
    if not SHARED.is_dir():
        pytest.skip(f"the lists are not here: {SHARED} does not exist")
    sources = Sources(date(2026, 7, 1), ListFolder.named(SHARED / "schemas" / "reference"))
    decisions = screened(CLIENTS, BOOK, sources, NOW)
    assert {one.verdict for one in decisions} <= {"clear", "review"}, [one.to_json() for one in decisions if one.verdict == "hit"]
    assert all(one.list_version for decision in decisions for one in decision.answers if one.provider.startswith("sanctions:"))
    assert sum(one.verdict == "clear" for one in decisions) > len(decisions) / 2
