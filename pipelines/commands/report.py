"""`grekko report`: a report for a period, made from the lake now, or the list of all reports."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from domain.problems import BadInput

if TYPE_CHECKING:
    from assets.compliance.making import MadeReport
    from domain.regulation.rulebook import FormatName, Report, Rulebook

FORMATS = ("xml", "csv", "json")


def report(
    report_id: Annotated[str | None, typer.Argument(help="Which one, such as EU.MiCA.transactions; see --list.", metavar="ID")] = None,
    day: Annotated[str | None, typer.Option("--date", help="A day of the period, YYYY-MM-DD.", metavar="YYYY-MM-DD")] = None,
    form: Annotated[str | None, typer.Option("--format", help="xml, csv or json; the report's first one by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the document; standard output by default.")] = None,
    lineage: Annotated[Path | None, typer.Option(help="Also write where each value comes from, as CSV or Parquet.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show every report, when it is due, and what may be claimed of it.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Say what became of it as one JSON document, on standard error.")] = False,
    recording: Annotated[Path | None, typer.Option(help="Folder of the recording.")] = None,
    home: Annotated[Path | None, typer.Option(help="Folder the tables are in.")] = None,
) -> None:
    """Make a report for the period that a day lies in, hold it against its schema, and say what became of every row.

    Exit code 0 when the document is valid, 1 when it is not (then nothing is written), 2 when it could not be made.
    """
    from executor.compliance.rulebook_file import load_rulebook

    rulebook = load_rulebook()
    if list_:
        _list(rulebook, json_)
        return
    chosen = find_report(rulebook, report_id)
    name = _format(chosen, form)
    made = _make(chosen, rulebook, _day(day), name, recording, home)
    _tell(made, name, json_)
    if not made.is_valid:
        raise typer.Exit(1)
    if lineage is not None:
        _write_lineage(made, name, lineage)
    _write(made, name, out)


def find_report(rulebook: Rulebook, told: str | None) -> Report:
    """The report of that id, in any case. Raises BadInput that names those there are."""
    reports = rulebook.reports
    found = [one for one in reports.values() if told and one.id.lower() == told.lower()]
    if not found:
        near = [one.id for one in reports.values() if told and told.lower() in one.id.lower().split(".")] or list(reports)
        raise BadInput(f"There is no report {told or '(none given)'}; it is one of {', '.join(near)}.", field="ID", reports=near)
    return found[0]


def _day(told: str | None) -> date:
    try:
        return date.fromisoformat(told or "")
    except ValueError as error:
        raise BadInput(f"--date is {told!r}; write a day of the period as YYYY-MM-DD.", field="date") from error


def _format(report_: Report, told: str | None) -> FormatName:
    names = list(report_.formats)
    if told is None:
        return names[0]
    for name in names:
        if name == told.lower():
            return name
    raise BadInput(f"{report_.id} has no format {told}; it has {', '.join(names)}.", field="format", formats=names)


def _make(report_: Report, rulebook: Rulebook, day: date, name: FormatName, recording: Path | None, folder: Path | None) -> MadeReport:
    from pipelines.home import Home

    home = Home.here(recording, folder)
    os.environ.update(home.environment())
    from assets.compliance.making import make_report
    from assets.compliance.source_rows import rows_of
    from assets.warehouse import Warehouse
    from domain.regulation.calendar import period_of
    from executor.compliance.parties import load_parties
    from executor.compliance.schema_folder import SchemaFolder

    span = period_of(report_.timing.period, day)
    rows = rows_of(Warehouse(lake=str(home.lake)), report_, span)
    return make_report(
        report_,
        rows,
        span,
        parties=load_parties(),
        rulebook=rulebook,
        schemas=SchemaFolder(),
        created_at=datetime.now(UTC),
        formats=(name,),
    )


def _tell(made: MadeReport, name: FormatName, as_json: bool) -> None:
    form, counts = made.report.formats[name], made.counts()
    told: dict[str, Any] = {
        "report_id": made.report.id,
        "period": made.span.name,
        "format": name,
        "valid": made.is_valid,
        "schema_status": form.schema_status,
        "claim": form.claim,
        "unverified_references": made.report.unverified,
        **counts,
        "reasons": dict(made.judged.reasons()),
        "faults": made.faults.select("rule_id", "field_id", "row_key", "message", "doc_ref").to_dicts(),
    }
    if as_json:
        print(json.dumps(told, default=str), file=sys.stderr)
        return
    print(f"{made.report.id} for {made.span.name}: {made.report.title}", file=sys.stderr)
    print(", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts.items()), file=sys.stderr)
    for reason, count in made.judged.reasons():
        print(f"  {count} left out: {reason}", file=sys.stderr)
    for fault in told["faults"][:20]:
        print("  " + " ".join(f"{what}={fault[what]}" for what in ("rule_id", "field_id", "row_key") if fault[what]), file=sys.stderr)
        print(f"    {fault['message']} ({fault['doc_ref']})", file=sys.stderr)
    says = form.claim if made.is_valid else f"NOT VALID: {made.faults.height} faults, nothing is written."
    print(f"{says} Schema: {form.schema_status}. References nobody has verified: {made.report.unverified}.", file=sys.stderr)


def _write(made: MadeReport, name: FormatName, out: Path | None) -> None:
    content = made.documents[name].content
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        _replace(out, "out", lambda file: file.write(content))


def _write_lineage(made: MadeReport, name: FormatName, file: Path) -> None:
    from domain.regulation.report import lineage

    rows = lineage(made.report, made.judged, name, made.heading)
    _replace(file, "lineage", rows.write_parquet if file.suffix == ".parquet" else rows.write_csv)


def _replace(path: Path, option: str, write: Callable[[BinaryIO], object]) -> None:
    """Written beside and moved, so that the file is whole or as it was."""
    beside = path.with_name(f".{path.name}.writing")
    try:
        with beside.open("wb") as file:
            write(file)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput(f"{path} cannot be written ({error.strerror}); choose another file.", field=option) from error


def _list(rulebook: Rulebook, as_json: bool) -> None:
    from domain.regulation.calendar import due, period_of
    from pipelines.commands.answers import answer

    today = datetime.now(UTC).date()
    told, rows = [], []
    for one in rulebook.reports.values():
        day = due(one, rulebook.jurisdictions[one.jurisdiction], period_of(one.timing.period, today))
        statuses = {name: form.schema_status for name, form in one.formats.items()}
        told.append(
            {
                "id": one.id,
                "title": one.title,
                "period": one.timing.period,
                "due": day and day.isoformat(),
                "formats": statuses,
                "claims": {name: form.claim for name, form in one.formats.items()},
                "unverified_references": one.unverified,
            }
        )
        formats = ", ".join(f"{name} ({status.replace('_', ' ')})" for name, status in statuses.items())
        when = f"{day}" if day else "on request"
        rows.append([one.id, one.title, one.timing.period.replace("_", " "), when, formats, str(one.unverified)])
    header = ["Report", "What it is", "Period", "This period is due", "Formats (schema)", "Unverified references"]
    answer({"reports": told}, as_json, rows, header, whole_first=True)
