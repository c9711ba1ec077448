"""The real day as reports need it: its busiest wallets given to fictional clients, and every unit reconciled with the published logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

from executor.chain.importer import import_logs

ROOT = Path(__file__).resolve().parents[2]
SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
USDC, WETH, OSQTH = (
    "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
    "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    "0xf1b99e3e573a1a9c5e6b2ce818b617f0e664e86b",
)
OF_POOL = {
    "0x82c427adfdf2d245ec51d8046b41c4ee87f0d29c": (WETH, OSQTH),
    "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640": (USDC, WETH),
    "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8": (USDC, WETH),
}
PARTIES = """firm:
  name: Firm of a test (fictional)
  lei: FICT00GREKKODEMO0005
  authorised_in: FR
  residence: FR
  tax_residence: FR
  tin: "1"
  address: {street: s, postcode: "1", city: c, country: FR}
  wallets: []
clients:
  - id: T1
    kind: legal
    name: Client of a test (fictional)
    lei: FICT00NORDLICHT00184
    residence: DE
    tax_residence: DE
    tin: "2"
    address: {street: s, postcode: "1", city: c, country: DE}
    wallets: ["%s"]
  - id: T2
    kind: natural
    first_name: Robin
    surname: Sampleton
    birth: {date: 1980-01-02, city: c, country: SG}
    nationality: SG
    residence: SG
    tax_residence: SG
    tin: "3"
    address: {street: s, postcode: "1", city: c, country: SG}
    wallets: ["%s", "%s"]
"""
# The tables that reports are made of, without what is made of them.
SCRIPT = """
import importlib, json, sys
import dagster as dg
from assets.chain.recorded_chain import RecordedChain
from assets.warehouse import Warehouse
names = "token_identifiers reportable_trades reportable_orders tax_movements value_transfers derivative_contracts privacy"
modules = [importlib.import_module(f"assets.compliance.{name}") for name in names.split()]
made, promises = dg.load_assets_from_modules(modules), dg.load_asset_checks_from_modules(modules)
for group in (importlib.import_module("assets.chain"), importlib.import_module("assets.ledger")):
    made, promises = [*made, *dg.load_assets_from_package_module(group)], [*promises, *dg.load_asset_checks_from_package_module(group)]
done = dg.materialize(
    [*made, *promises],
    resources={"warehouse": Warehouse(lake=sys.argv[2]), "recorded_chain": RecordedChain(path=sys.argv[1])},
    tags={"dagster/asset_partition_range_start": "2024-01-05", "dagster/asset_partition_range_end": "2024-01-05"},
    instance=dg.DagsterInstance.ephemeral(),
)
print(json.dumps([done.success, sorted(check.check_name for check in done.get_asset_check_evaluations() if not check.passed)]))
"""


def word(data: str, place: int) -> int:
    """A signed 256-bit word of a log's data."""
    value = int(data[2 + 64 * place : 66 + 64 * place], 16)
    return value - (1 << 256) if value >> 255 else value


@pytest.fixture(scope="module")
def published(real_data: Path) -> list[dict]:
    """The day's swaps as they were published, read without a line of ours."""
    logs = pl.read_parquet(real_data / "eth_univ3_raw_logs_2024-01-05.parquet").filter(pl.col("topics").list.first() == SWAP)
    return [
        {
            "pool": one["address"],
            "log_index": one["log_index"],
            "block_number": one["block_number"],
            "recipient": "0x" + one["topics"][2][-40:],
            "moved": (word(one["data"], 0), word(one["data"], 1)),
        }
        for one in logs.iter_rows(named=True)
    ]


@pytest.fixture(scope="module")
def busiest(published: list[dict]) -> list[str]:
    """The three wallets that received most often."""
    counted = pl.Series("wallet", [one["recipient"] for one in published]).value_counts(sort=True)
    return counted.sort(["count", "wallet"], descending=[True, False])["wallet"].head(3).to_list()


@pytest.fixture(scope="module")
def lake(real_data: Path, busiest: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real_day")
    ends = [
        (real_data / f"eth_{one}_2024-01-05.key.json", real_data / f"eth_{one}_2024-01-05.start_ticks.parquet")
        for one in ("82c4", "88e6", "8ad5")
    ]
    day = import_logs(
        [real_data / "eth_univ3_raw_logs_2024-01-05.parquet"],
        folder / "recording",
        keys=ends,
        prices={"WETH": real_data / "cex_binance_ethusdt_5m_2024-01-01_2024-02-29.parquet"},
        transactions=[real_data / "eth_lp_transactions_from_to_2024-01-05.parquet"],
    )
    (folder / "parties.yaml").write_text(PARTIES % tuple(busiest))
    environment = {**os.environ, "GREKKO_RECORDING": str(day.path), "GREKKO_PARTIES": str(folder / "parties.yaml"), "PYTHONPATH": str(ROOT)}
    environment.pop("GREKKO_DERIVATIVES", None)
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(day.path), str(folder / "lake")], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    # The one known swap crosses ticks that nobody could infer; every promise of the tables for reports holds.
    assert json.loads(ran.stdout.splitlines()[-1]) == [True, ["every_swap_is_rederived_to_the_wei"]]
    return folder / "lake"


def test_reportable_trades_ledger_and_the_published_logs_agree_to_the_unit(lake, published):
    told = pl.read_delta(str(lake / "reportable_trades"))
    booked = pl.read_delta(str(lake / "trade_ledger"))
    assert told.height == booked.height == len(published) == 6_354
    by_log = {(one["block_number"], one["log_index"]): one for one in published}
    for table in (told, booked):
        for row in table.select("block_number", "log_index", "pool", "token_in", "token_out", "amount_in", "amount_out").iter_rows(
            named=True
        ):
            one = by_log[row["block_number"], row["log_index"]]
            tokens = OF_POOL[one["pool"]]
            moved = {row["token_in"]: int(row["amount_in"]), row["token_out"]: -int(row["amount_out"])}
            assert (row["pool"], tuple(moved[token] for token in tokens)) == (one["pool"], one["moved"])


def test_every_price_is_the_ratio_of_its_amounts_to_the_last_place(lake):
    told = pl.read_delta(str(lake / "reportable_trades"))
    scale = {"USDC": 10**6, "WETH": 10**18, "oSQTH": 10**18}
    for row in told.iter_rows(named=True):
        exact = Fraction(int(row["quote_amount"]), scale[row["quote_symbol"]]) / Fraction(
            int(row["base_amount"]), scale[row["base_symbol"]]
        )
        assert abs(Fraction(row["price"]) - exact) <= Fraction(1, 2 * 10**18)


def test_tokens_have_the_registrys_codes_and_one_that_is_in_no_registry_says_so(lake):
    told = pl.read_delta(str(lake / "reportable_trades"))
    pairs = {row[:3]: row[3] for row in told.group_by("base_symbol", "base_dti", "quote_dti").len().iter_rows()}
    assert pairs == {("WETH", "V2N9ZRBHG", "CK9PW1MFH"): 6_354 - 41, ("oSQTH", None, "V2N9ZRBHG"): 41}
    without = told.filter(pl.col("base_dti").is_null())
    assert without["dti_reason"].str.contains(OSQTH).all()
    assert told.filter(pl.col("base_dti").is_not_null())["dti_basis"].unique().to_list() == ["registry"]


def test_the_busiest_wallets_are_clients_and_what_they_moved_adds_up(lake, busiest, published):
    told = pl.read_delta(str(lake / "reportable_trades"))
    ours = told.filter("executed_by_firm")
    assert set(ours["wallet"]) == set(busiest) and set(ours["client_id"]) == {"T1", "T2"}
    assert ours.filter(pl.col("client_id") == "T1")["wallet"].unique().to_list() == busiest[:1]
    moved = pl.read_delta(str(lake / "tax_movements"))
    assert moved.height == 2 * ours.height
    for direction, end in (("out", "in"), ("in", "out")):
        sums = ours.group_by(token=f"token_{end}").agg(amount=pl.col(f"amount_{end}").sum()).sort("token")
        assert moved.filter(pl.col("direction") == direction).group_by("token").agg(pl.col("amount").sum()).sort("token").equals(sums)
    sent = pl.read_delta(str(lake / "value_transfers"))
    assert sent.filter(pl.col("beneficiary_is_self"))["beneficiary_client_id"].null_count() == 0
    assert set(sent["transfer_id"]) <= set(ours["trade_id"])
