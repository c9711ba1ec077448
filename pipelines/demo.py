"""The demo: rebuild everything from a recording, then tell a person what came of it."""

from __future__ import annotations

import json
import time

import dagster as dg
from rich.console import Console

from assets.service.catalog import lake_tables
from assets.warehouse import Warehouse
from executor.compliance.rulebook_file import load_rulebook
from pipelines import stamp
from pipelines.demo_reports import file_with_simulated_authority, make_reports, tell_reports
from pipelines.home import Home
from pipelines.run import Outcome, rebuild_everything
from pipelines.summary import tell

WIDE = 150


def run_demo(home: Home, *, again: bool = False, console: Console | None = None) -> bool:
    """Rebuilds what changed and prints the summary; returns whether every step and every blocking check is green.

    When the recording, the code and the tables are those of the last demo, nothing runs and no table changes.
    """
    out = console or _console()
    started = time.monotonic()
    rulebook = load_rulebook()
    manifest = json.loads((home.recording / "manifest.json").read_text())
    out.print(f"[bold]{manifest['name']}[/]: {manifest['description']}")
    if not again and stamp.is_up_to_date(home):
        out.print("Nothing changed since the last demo: no table was written. What it came to:")
        tell(home, out)
        tell_reports(home, rulebook, out)
        return True
    home.stamp.unlink(missing_ok=True)
    _retire_outdated_tables(Warehouse(lake=str(home.lake)), out)
    outcome = rebuild_everything(home, out)
    if not _is_green(outcome, out):
        return False
    reports = make_reports(home, rulebook, out)
    if not all([_is_green(report, out) for report in reports]):
        return False
    if reports:
        file_with_simulated_authority(home, rulebook)
    tell(home, out)
    tell_reports(home, rulebook, out)
    stamp.write(home, outcome.run_id)
    checks = [check for one in (outcome, *reports) for check in one.checks]
    held = sum(check.passed for check in checks)
    out.print(f"\n{held} of {len(checks)} checks hold, no error, in {time.monotonic() - started:.0f} s.")
    out.print("Look at it: [bold]grekko dev[/] (or make dev).")
    return True


def _retire_outdated_tables(warehouse: Warehouse, out: Console) -> None:
    """A table whose definition got other columns since it was written is built anew; the old one is kept beside the lake's tables."""
    for table in lake_tables():
        if warehouse.is_outdated(table):
            warehouse.retire(table)
            out.print(f"{table.name} has new columns: the old table was moved to {warehouse.lake}/retired.")


def _is_green(outcome: Outcome, out: Console) -> bool:
    for step, reason in outcome.failures:
        out.print(f"[red]failed[/] {step}: {reason}", markup=True)
    for check in outcome.broken_promises:
        blame = "red" if check.severity == dg.AssetCheckSeverity.ERROR else "yellow"
        facts = {name: value.value for name, value in check.metadata.items()}
        out.print(f"[{blame}]does not hold[/] {check.asset_key.to_user_string()}: {check.check_name} {check.description or ''} {facts}")
    errors = [check for check in outcome.broken_promises if check.severity == dg.AssetCheckSeverity.ERROR]
    if outcome.failures or errors:
        out.print("The tables are as they were before the step that failed. `grekko dev` shows the run's log.")
    return outcome.succeeded and not errors


def _console() -> Console:
    """The terminal; a file or a pipe gets lines wide enough for the tables."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=WIDE)
