"""The real Ethereum day with its busiest wallets given to fictional clients, and the tables that reports are made of; built once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from executor.chain.importer import import_logs

ROOT = Path(__file__).resolve().parents[2]
SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
OF_NO_REGISTRY = "0x82c427adfdf2d245ec51d8046b41c4ee87f0d29c"  # oSQTH against WETH
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
    wallets: ["%s", "%s", "%s"]
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


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def busiest(published: list[dict]) -> list[str]:
    """The three wallets that received most often, and the one that did so in the pool of a token that is in no registry."""
    rows = pl.DataFrame({"wallet": [one["recipient"] for one in published], "pool": [one["pool"] for one in published]})

    def most(of: pl.DataFrame, number: int) -> list[str]:
        counted = of["wallet"].value_counts(sort=True).sort(["count", "wallet"], descending=[True, False])
        return counted["wallet"].head(number).to_list()

    return most(rows, 3) + most(rows.filter(pl.col("pool") == OF_NO_REGISTRY), 1)


@pytest.fixture(scope="session")
def reportable_day(real_data: Path, busiest: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recording, the lake and parties.yaml; not to be changed."""
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
    return folder
