"""Document, rows, ledger and chain are one sum; one unit off in any of them is seen, and said where."""

from __future__ import annotations

import hashlib
import json
import re
from fractions import Fraction

import polars as pl
import pytest

from assets import partitions
from assets.chain import swaps
from assets.compliance.cabinet import Cabinet
from assets.compliance.reconciliation import Compared, csv_sums, quantities, settlements, xml_sums
from assets.compliance.reports import reconciled
from assets.ledger import trade_ledger
from assets.warehouse import Warehouse
from domain.problems import Broken
from domain.regulation.rulebook import Report
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from pipelines.home import Home
from tests.assets.chain.small_chain import USDC, V3, WETH
from tests.assets.compliance.reporting_home import broken, check_again, copy_of, make, newest, work_on

RULEBOOK = load_rulebook(SHIPPED)
TRANSACTIONS = RULEBOOK.reports["EU.MiCA.transactions"]
# Those that tell amounts of tokens; what the others tell is in no pool.
OF_TOKENS = [RULEBOOK.reports[name] for name in ("EU.MiCA.transactions", "EU.MiCA.orders", "OECD.CARF.annual", "SG.PSN02.transfers")]
ADDS_UP = "it_adds_up_to_the_ledger_and_the_chain"


@pytest.fixture(scope="module")
def made(reporting_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = copy_of(reporting_home, tmp_path_factory.mktemp("made") / "home")
    with pytest.MonkeyPatch.context() as settings:
        work_on(home, settings)
        make(home, *OF_TOKENS, rulebook=RULEBOOK)
    return home


@pytest.fixture
def home(made: Home, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy to be changed."""
    copy = copy_of(made, tmp_path / "home")
    work_on(copy, monkeypatch)
    return copy


def compared(home: Home, report: Report) -> list[Compared]:
    return reconciled(report, RULEBOOK, newest(report), Warehouse(lake=str(home.lake)), Cabinet(folder=str(home.compliance)))


def differences(home: Home, report: Report = TRANSACTIONS) -> str:
    """What the check says; nothing when it holds."""
    return broken(check_again(home, report, RULEBOOK)).get(ADDS_UP, {}).get("differences", "")


@pytest.mark.parametrize("report", OF_TOKENS, ids=lambda one: one.id)
def test_document_rows_ledger_and_chain_are_one_sum(report: Report, made: Home):
    found = compared(made, report)
    assert found and all(one.agrees and one.document > 0 for one in found), found


def test_the_sums_are_those_of_the_trades_and_no_others(made: Home):
    """The last day's base amounts, added by hand from the ledger: all of WETH, since what bought DAI is blocked."""
    booked = Warehouse(lake=str(made.lake)).read(trade_ledger.TABLE, partitions.Span(newest(TRANSACTIONS).first, newest(TRANSACTIONS).last))
    known = booked.filter(pl.col("token_in").is_in([WETH, USDC]) & pl.col("token_out").is_in([WETH, USDC]))
    weth = sum(row["amount_in"] if row["token_in"] == WETH else row["amount_out"] for row in known.iter_rows(named=True))
    [base] = compared(made, TRANSACTIONS)
    assert base.document == Fraction(int(weth), 10**18)


def one_unit_more(text: str) -> str:
    """A decimal with one more in the eighteenth place."""
    more = Fraction(text) + Fraction(1, 10**18)
    return f"{int(more)}.{int((more - int(more)) * 10**18):018d}"


def test_one_unit_in_a_document_that_was_forged_with_its_card_is_seen(home: Home):
    folder = home.compliance / "reports" / TRANSACTIONS.slug / newest(TRANSACTIONS).name
    card = json.loads((folder / "report.json").read_text())
    file = folder / card["formats"]["xml"]["file"]
    before = file.read_text()
    [one] = [one for one in quantities(TRANSACTIONS) if one.path]
    outer, inner = one.place.split("/")[-2:]
    pattern = rf"(<{outer}><Idr>\w+</Idr><{inner}>)([0-9.]+)"
    forged = re.sub(pattern, lambda found: found[1] + one_unit_more(found[2]), before, count=1)
    file.write_text(forged)
    assert "document.xml is not what its card says" in differences(home)  # the plain forgery
    card["formats"]["xml"]["sha256"] = hashlib.sha256(forged.encode()).hexdigest()
    (folder / "report.json").write_text(json.dumps(card))
    [found] = compared(home, TRANSACTIONS)
    assert found.document - found.rows == Fraction(1, 10**18) and found.rows == found.ledger == found.chain
    assert differences(home) == str(found) and differences(home).startswith(f"{one.field.id}: document ")


def test_one_unit_in_the_ledger_is_seen(home: Home):
    warehouse, table = Warehouse(lake=str(home.lake)), trade_ledger.TABLE
    rows = warehouse.read(table)
    last = pl.col("trade_id") == rows.filter((pl.col("day") == newest(TRANSACTIONS).last) & (pl.col("token_in") == WETH))["trade_id"][0]
    warehouse.replace(table, rows.with_columns(amount_in=pl.when(last).then(pl.col("amount_in") + 1).otherwise(pl.col("amount_in"))))
    [found] = compared(home, TRANSACTIONS)
    assert found.ledger - found.chain == Fraction(1, 10**18) and found.document == found.rows == found.chain
    assert differences(home) == str(found)


def test_one_unit_in_a_log_of_the_chain_is_seen(home: Home):
    warehouse, table = Warehouse(lake=str(home.lake)), swaps.TABLE
    rows = warehouse.read(table)
    swap = rows.filter((pl.col("pool") == V3) & (pl.col("day") == newest(TRANSACTIONS).last)).row(0, named=True)
    here = (pl.col("block_number") == swap["block_number"]) & (pl.col("log_index") == swap["log_index"])
    warehouse.replace(table, rows.with_columns(amount0=pl.when(here).then(pl.col("amount0") + 1).otherwise(pl.col("amount0"))))
    [found] = compared(home, TRANSACTIONS)
    assert abs(found.ledger - found.chain) == Fraction(1, 10**18) and found.document == found.rows == found.ledger
    assert differences(home) == str(found)


def test_a_log_that_is_gone_is_missed_in_the_sum(home: Home):
    warehouse, table = Warehouse(lake=str(home.lake)), swaps.TABLE
    before = compared(home, TRANSACTIONS)[0].chain
    rows = warehouse.read(table)
    warehouse.replace(table, rows.filter((pl.col("pool") != V3) | (pl.col("day") != newest(TRANSACTIONS).last)))
    [found] = compared(home, TRANSACTIONS)
    assert 0 < found.chain < before == found.ledger
    assert settlements(warehouse, partitions.Span(newest(TRANSACTIONS).first, newest(TRANSACTIONS).last))["chain"].null_count() == 0


def test_a_period_that_was_not_made_is_no_sum_of_nothing(own_home: Home):
    with pytest.raises(Broken, match="has no documents for 2026-01-07; materialise eu_mica_transactions"):
        compared(own_home, TRANSACTIONS)


def test_numbers_are_found_by_their_place_in_any_namespace_and_comments_are_none():
    content = b'<?x y?><d xmlns="u:1" xmlns:g="u:2"><!-- 5 --><New><g:q>1.5</g:q><z>7</z></New><Old><g:q>0.25</g:q><g:q/></Old></d>'
    assert xml_sums(content, {"all": frozenset(("New/q", "Old/q")), "none": frozenset(("New/y",))}) == {"all": Fraction(7, 4), "none": 0}


def test_a_listing_is_added_up_below_what_it_says_of_itself():
    content = b'# report: x\r\n# 1,2: 3\r\na,b\r\n0.1,\r\n0.2,"3"\r\n'
    assert csv_sums(content, {"A": "a", "B": "b"}) == {"A": Fraction(3, 10), "B": Fraction(3)}
