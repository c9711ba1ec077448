"""`grekko regulations`: is the rulebook right, what is in it, and what is due when."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer

if TYPE_CHECKING:
    from domain.regulation.rulebook import Report, Rulebook

regulations = typer.Typer(no_args_is_help=True, help="The rulebook of regulators: check it, and see what is due.")

File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="The base file; without it that of GREKKO_REGULATIONS, or the shipped one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


@regulations.command()
def check(file: File = None, json_: AsJson = False) -> None:
    """Say what is wrong with the rulebook, line by line with the fix, or what is in it.

    The files of the folder `regulations` beside FILE are read with it. Exit code 0 when it may be used, 2 when something is wrong.
    """
    from executor.compliance.rulebook_file import load_rulebook, rulebook_sha256

    rulebook, sha256 = load_rulebook(file), rulebook_sha256(file)
    documents = [_told(report, rulebook) for report in rulebook.reports.values()]
    without = [code for code, place in rulebook.jurisdictions.items() if not any(one.reports for one in place.regimes.values())]
    names = ("report", "period", "deadline", "fields", "rules", "verified", "unverified")
    rows = [tuple("-" if document[name] is None else str(document[name]) for name in names) for document in documents]
    told = {"jurisdictions": list(rulebook.jurisdictions), "without_report": without, "sha256": sha256, "reports": documents}
    answer(told, json_, rows, names)
    if not json_:
        regimes = {(report.jurisdiction, report.regime) for report in rulebook.reports.values()}
        limits = sum(len(place.limits) for place in rulebook.jurisdictions.values())
        typer.echo(f"{len(rulebook.jurisdictions)} jurisdictions, {len(regimes)} regimes, {len(documents)} reports, {limits} limits")
        if without:
            typer.echo(f"without a report: {', '.join(without)}")
        typer.echo(f"{sum(document['unverified'] for document in documents)} legal references were not read by anybody yet")
        typer.echo(f"sha256 {sha256}")


@regulations.command()
def due(
    first: Annotated[str, typer.Option("--from", help="The first day, as 2026-01-31.")],
    last: Annotated[str, typer.Option("--to", help="The last day, as 2026-12-31.")],
    file: File = None,
    json_: AsJson = False,
) -> None:
    """List what is due between two days, on the business days of each jurisdiction."""
    from domain.regulation.calendar import filing_calendar
    from executor.compliance.rulebook_file import load_rulebook

    filings = filing_calendar(load_rulebook(file), _day(first, "from"), _day(last, "to"))
    rows = [(one.due.isoformat(), one.report_id, one.period.name) for one in filings]
    names = ("due", "report", "period")
    answer({"filings": [dict(zip(names, row, strict=True)) for row in rows]}, json_, rows, names)


def _told(report: Report, rulebook: Rulebook) -> dict[str, Any]:
    references = len(report.references())
    return {
        "report": report.id,
        "period": report.timing.period,
        "deadline": report.timing.deadline,
        "formats": {name: form.schema_status for name, form in report.formats.items()},
        "fields": len(list(report.every_field())),
        "rules": len(report.rules),
        "verified": references - report.unverified,
        "unverified": report.unverified,
    }


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no day; write it as 2026-01-31.", field=field) from error
