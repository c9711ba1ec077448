"""The demo's reports: the newest period of each, and a round of filing with an authority that is simulated and says so."""

from __future__ import annotations

import secrets
from datetime import date

import dagster as dg
from rich.console import Console
from rich.table import Table as Grid

from assets.compliance.cabinet import Cabinet
from assets.compliance.preparing import LakePreparation
from assets.compliance.report_periods import partitions_of
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.regulation.calendar import Span, period_of
from domain.regulation.rulebook import Report, Rulebook
from executor.compliance.filings.answers import AnswerReader
from executor.compliance.filings.desk import FilingDesk
from executor.compliance.filings.rounds import Rounds
from executor.compliance.filings.signing import Ed25519Signer
from executor.compliance.filings.simulated_regulator import SimulatedRegulator
from executor.compliance.filings.store import FilingStore
from executor.compliance.schema_folder import SchemaFolder
from executor.ports import SystemClock
from pipelines.build import graph_of
from pipelines.filing_calendar import job_name
from pipelines.home import Home
from pipelines.run import Outcome, run_job

SIMULATED = "simulated_filings"


def missing_schemas(rulebook: Rulebook) -> list[str]:
    """The official schemas that the reports need and that are not installed."""
    folder, missing = SchemaFolder(), []
    for report in rulebook.reports.values():
        for form in report.formats.values():
            try:
                if form.schema:
                    folder.path(form.schema)
            except BadInput:
                missing.append(form.schema or "")
    return sorted(set(missing))


def newest_span(report: Report) -> Span:
    """The last period of the recording."""
    return period_of(report.timing.period, date.fromisoformat(partitions_of(report).get_partition_keys()[-1]))


def make_reports(home: Home, rulebook: Rulebook, out: Console) -> list[Outcome]:
    """Makes each report for its newest period, one run a report; says how the schemas are installed where one is missing."""
    if missing := missing_schemas(rulebook):
        out.print(
            f"The reports were not made: {len(missing)} official schemas are not installed ({missing[0]} …). "
            "See `grekko schemas list`, then `grekko schemas install --from FOLDER` and `grekko demo --again`."
        )
        return []
    graph = graph_of(home.root, rulebook)
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        return [
            run_job(graph.resolve_job_def(job_name(report)), [newest_span(report).first.isoformat()], instance)
            for report in rulebook.reports.values()
        ]


def file_with_simulated_authority(home: Home, rulebook: Rulebook) -> None:
    """Drafts, checks, signs and submits each newest report to the simulated authority, and takes its answers.

    The key is thrown away and the authority is a class of ours: nothing of this went to anybody.
    """
    clock, schemas, warehouse = SystemClock(), SchemaFolder(), Warehouse(lake=str(home.lake))
    parties, now = Cabinet(folder=str(home.compliance)).parties(), clock.now()
    with FilingStore(home.compliance / SIMULATED) as store:
        signer = Ed25519Signer(secrets.token_bytes(32))
        desk = FilingDesk(store, clock, signer, AnswerReader(schemas), firm=parties.firm.lei or parties.firm.id, by="demo")
        rounds = Rounds(desk, SimulatedRegulator(schemas, clock))
        reports = rulebook.reports.values()
        preparations = [LakePreparation(one, rulebook, newest_span(one), warehouse, parties, schemas, now) for one in reports]
        rounds.run(preparations)
        rounds.run([])  # takes the answers


def tell_reports(home: Home, rulebook: Rulebook, out: Console) -> None:
    """Prints what each report came to: rows by outcome, its claim, and what the simulated authority said."""
    cabinet = Cabinet(folder=str(home.compliance))
    states = _filing_states(home)
    grid = Grid(
        "report", "period", "reported", "left out", "blocked", "may be claimed", "simulated filing", title="Reports", title_justify="left"
    )
    for report in rulebook.reports.values():
        shelved = cabinet.find(report, newest_span(report))
        if shelved is None:
            continue
        counts = shelved.card["counts"]
        numbers = [f"{counts[name]:,}" for name in ("reported", "not_reportable", "blocked")]
        grid.add_row(report.id, shelved.period, *numbers, shelved.card["claim"], states.get(report.id, "-"))
    if grid.rows:
        out.print(grid)


def _filing_states(home: Home) -> dict[str, str]:
    folder = home.compliance / SIMULATED
    if not folder.is_dir():
        return {}
    with FilingStore(folder) as store:
        return {filing.key.report_id: str(filing.state) for filing in store.filings.filings.values()}
