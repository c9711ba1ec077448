"""A home with the small chain's tables as reports read them: clients of three places, a token nobody knows, three contracts.

TRADER is a legal person of Germany, ARBITRAGEUR a natural one of Singapore, PROVIDER a natural one of France whose swap buys DAI, for
which no code is known here. Everybody is fictional. The contracts are of 6 January: one is booked in Singapore, two are traded in the US,
of which one has no end.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.compliance import (
    derivative_contracts,
    reportable_orders,
    reportable_trades,
    tax_movements,
    token_identifiers,
    value_transfers,
)
from assets.compliance.cabinet import Cabinet
from assets.compliance.derivatives_file import FIELDS
from assets.compliance.reports import report_asset, report_checks
from assets.warehouse import Warehouse
from domain.regulation.calendar import Span, period_of
from domain.regulation.identifiers.uti import make_uti
from domain.regulation.rulebook import Report, Rulebook
from pipelines.home import Home
from tests.assets.chain.small_chain import ARBITRAGEUR, CHAIN_ID, DAYS, PROVIDER, TRADER, USDC, WETH
from tests.assets.compliance.parties_of_tests import CLIENT_LEI, FIRM_LEI

MODULES = (token_identifiers, reportable_trades, reportable_orders, tax_movements, value_transfers, derivative_contracts)
SCHEMAS = Path(__file__).resolve().parents[3].parent / "shared" / "schemas"
PARTIES = f"""\
firm:
  name: Sample Firm (fictional)
  lei: {FIRM_LEI}
  authorised_in: FR
  residence: FR
  tax_residence: FR
  tin: "1"
  address: {{street: 1 Sample Street, postcode: "1", city: Sampleford, country: FR}}
  wallets: []
clients:
  - id: C1
    kind: legal
    name: Sample GmbH (fictional)
    lei: {CLIENT_LEI}
    residence: DE
    tax_residence: DE
    tin: "2"
    address: {{street: 2 Sample Street, postcode: "2", city: Sampleford, country: DE}}
    wallets: ["{TRADER}"]
  - id: C2
    kind: natural
    first_name: Robin
    surname: Sampleton
    birth: {{date: 1980-01-02, city: Sampleford, country: SG}}
    nationality: SG
    residence: SG
    tax_residence: SG
    tin: "3"
    address: {{street: 3 Sample Street, postcode: "3", city: Singapore, country: SG}}
    wallets: ["{ARBITRAGEUR}"]
  - id: C3
    kind: natural
    first_name: Alex
    surname: Muster
    birth: {{date: 1985-03-04, city: Sampleford, country: FR}}
    nationality: FR
    residence: FR
    tax_residence: FR
    tin: "4"
    address: {{street: 4 Sample Street, postcode: "4", city: Sampleford, country: FR}}
    wallets: ["{PROVIDER}"]
"""
CODES = f"""\
chain_id,address,dti,name,stands_in_for,source,source_day,verified
{CHAIN_ID},{WETH},V2N9ZRBHG,WETH,,made up for the tests,2026-01-01,false
{CHAIN_ID},{USDC},CK9PW1MFH,USDC,,made up for the tests,2026-01-01,false
"""
CONTRACT = {
    "contract_id": "D-1",
    "action": "NEW",
    "uti": make_uti(FIRM_LEI, "0x" + "ab" * 32, 0),
    "client_id": "C1",
    "side": "SELL",
    "contract_type": "OPTN",
    "asset_class": "OTHR",
    "upi": "QZ0000000001",
    "notional": "100000.50",
    "notional_currency": "USD",
    "price": "12.5",
    "price_currency": "USD",
    "settlement_currency": "USD",
    "delivery": "CASH",
    "execution_time": "2026-01-06T01:30:00Z",
    "effective_date": "2026-01-06",
    "event_type": "TRAD",
    "platform": "XXXX",
    "cleared": "false",
    "booked_in": "SG",
}
IN_THE_US = {
    **CONTRACT,
    "contract_id": "D-2",
    "uti": make_uti(FIRM_LEI, "0x" + "cd" * 32, 0),
    "booked_in": "FR",
    "traded_in": "US",
    "expiry_date": "2026-04-06",
}
WITHOUT_END = {**IN_THE_US, "contract_id": "D-3", "uti": make_uti(FIRM_LEI, "0x" + "ef" * 32, 0), "expiry_date": ""}


def contracts(*lines: dict[str, str]) -> str:
    """The firm's file of contracts with these lines."""
    return "\n".join([",".join(FIELDS), *(",".join(line.get(field, "") for field in FIELDS) for line in lines)]) + "\n"


def settings_of(home: Home) -> dict[str, str]:
    """The settings that make a process work on the home."""
    files = {"PARTIES": "parties.yaml", "DTIS": "codes.csv", "DERIVATIVES": "contracts.csv"}
    return {
        **home.environment(),
        "GREKKO_SCHEMAS": str(SCHEMAS),
        **{f"GREKKO_{name}": str(home.root / file) for name, file in files.items()},
    }


def build_reporting_home(lake: Warehouse, recording: Path, folder: Path) -> Home:
    """The home, its tables made from a lake of the small chain."""
    home = Home(folder, recording)
    shutil.copytree(lake.lake, home.lake)
    (folder / "parties.yaml").write_text(PARTIES)
    (folder / "codes.csv").write_text(CODES)
    (folder / "contracts.csv").write_text(contracts(CONTRACT, IN_THE_US, WITHOUT_END))
    # What a day of the tests' recording is; the home knows whose tables it holds.
    home.stamp.write_text(json.dumps({"recording": str(recording)}))
    home.dagster.mkdir()
    with pytest.MonkeyPatch.context() as settings:
        work_on(home, settings)
        assert dg.materialize(
            dg.load_assets_from_modules(MODULES),
            resources={"warehouse": Warehouse(lake=str(home.lake))},
            tags={"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[-1]},
            instance=dg.DagsterInstance.ephemeral(),
        ).success
    return home


def copy_of(home: Home, folder: Path) -> Home:
    """The same home in another folder, to be changed."""
    shutil.copytree(home.root, folder)
    return Home(folder, home.recording)


def newest(report: Report) -> Span:
    """The period that holds the chain's last day; for contracts the day before, on which there are some."""
    day = DAYS[1] if report.source.table == derivative_contracts.TABLE.name else DAYS[-1]
    return period_of(report.timing.period, date.fromisoformat(day))


def work_on(home: Home, settings: pytest.MonkeyPatch) -> None:
    """This process works on the home from now on."""
    for name, value in settings_of(home).items():
        settings.setenv(name, value)


def make(home: Home, *reports: Report, rulebook: Rulebook, **how: Any) -> dg.ExecuteInProcessResult:
    """One run a report for its newest period, as Dagster does it with every promise beside; the last run."""
    return [_run(home, report, rulebook, partition_key=newest(report).first.isoformat(), **how) for report in reports][-1]


def check_again(home: Home, report: Report, rulebook: Rulebook) -> dg.ExecuteInProcessResult:
    """The promises about a report, asked without making it."""
    return _run(home, report, rulebook, selection=dg.AssetSelection.checks_for_assets(report.slug), raise_on_error=False)


def _run(home: Home, report: Report, rulebook: Rulebook, **how: Any) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [report_asset(report, rulebook), *report_checks(report, rulebook)],
        resources={"warehouse": Warehouse(lake=str(home.lake)), "cabinet": Cabinet(folder=str(home.compliance))},
        instance=dg.DagsterInstance.ephemeral(),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        **how,
    )


def broken(run: dg.ExecuteInProcessResult) -> dict[str, Mapping[str, Any]]:
    """The promises that do not hold, with what they say."""
    found = [check for check in run.get_asset_check_evaluations() if not check.passed]
    return {check.check_name: {name: value.value for name, value in check.metadata.items()} for check in found}
