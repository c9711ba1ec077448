"""`grekko filings`: what was filed with whom and what they said; send what is signed, and take the answers that came in."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer

if TYPE_CHECKING:
    from domain.regulation.filing import Event, Filing, Version
    from executor.compliance.filings.desk import FilingDesk
    from executor.compliance.filings.door import RegulatorDoor
    from executor.compliance.filings.store import FilingReader
    from pipelines.filing_rounds import FilingRoom

filings = typer.Typer(no_args_is_help=True, help="What is filed with authorities: see it, send it, take their answers.")

Id = Annotated[str, typer.Argument(metavar="ID", help="REPORT/FROM/TO/FORMAT/NUMBER, as `grekko filings list` prints it.")]
Store = Annotated[Path | None, typer.Option("--store", help="The folder of the filings; <home>/compliance/filings without it.")]
Place = Annotated[Path | None, typer.Option("--home", help="Data home. Default: GREKKO_HOME, else .grekko/<recording's name>.")]
Door = Annotated[str, typer.Option("--door", help="The way to the authority: folder:PATH, a drop folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


@filings.command("list")
def list_(
    report: Annotated[str | None, typer.Option(help="Only this report, such as EU.MiCA.transactions.")] = None,
    state: Annotated[str | None, typer.Option(help="Only filings in this state, such as nacked.")] = None,
    store: Store = None,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """All filings with their state, newest version and reference."""
    found = sorted(_reader(_folder(store, home)).filings.filings.values(), key=lambda one: (one.key, one.number))
    documents = [_told(one) for one in found if report in (None, one.key.report_id) and state in (None, str(one.state))]
    names = ("filing_id", "state", "versions", "records", "reference", "first_submitted_at")
    rows = [tuple("-" if document[name] is None else str(document[name]) for name in names) for document in documents]
    answer({"filings": documents}, json_, rows, names)


@filings.command()
def show(
    filing_id: Id,
    version: Annotated[int | None, typer.Option(help="Which version's document; the newest without it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the document to this file.")] = None,
    store: Store = None,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """One filing with its versions and what the authority said of each; with --out, a version's document."""
    reader = _reader(_folder(store, home))
    filing = reader.filings.get(filing_id)
    versions = [_told_version(one) for one in filing.versions]
    if out is not None:
        wanted = [one for one in filing.versions if one.number == (version or len(filing.versions))]
        if not wanted:
            raise BadInput(f"{filing_id} has no version {version}; it has {len(filing.versions)}.", field="version")
        out.touch(0o600)
        out.chmod(0o600)
        out.write_bytes(reader.document(wanted[0].sha256))
    if json_:
        typer.echo(json.dumps({**_told(filing), "allowed": list(filing.allowed), "history_of_versions": versions}))
        return
    typer.echo(f"{filing.filing_id}: {filing.state}")
    for one in versions:
        typer.echo(f"  version {one['number']}  {one['reference']}  {one['records']} records  sha256 {one['sha256']}")
        typer.echo(f"    made {one['made_at']} by {one['made_by']}: {one['why']}")
        if one["verdict"]:
            typer.echo(f"    the authority: {one['verdict']} at {one['answered_at']}, {len(one['refused'])} records refused")
        for refusal in one["refusals"]:
            typer.echo(f"      {refusal['record'] or 'the message'}: {refusal['rule']} {refusal['text']}")
    for filing_by in filing.corrected_by:
        typer.echo(f"  corrected by {filing_by}")


@filings.command()
def history(filing_id: Id, store: Store = None, home: Place = None, json_: AsJson = False) -> None:
    """Everything that happened to a filing: when, by whom and why."""
    events = _reader(_folder(store, home)).filings.history(filing_id)
    documents = [_told_event(one) for one in events]
    rows = [(document["at"], document["kind"], document["by"], document["why"]) for document in documents]
    answer({"filing_id": filing_id, "history": documents}, json_, rows, ("at", "what", "by", "why"))


@filings.command()
def tickets(store: Store = None, home: Place = None, json_: AsJson = False) -> None:
    """What a person must do, the most urgent first."""
    documents = [one.to_json() for one in _reader(_folder(store, home)).filings.open_tickets()]
    names = ("ticket_id", "severity", "what", "todo")
    answer({"tickets": documents}, json_, [tuple(str(document[name]) for name in names) for document in documents], names)


@filings.command()
def close(
    ticket_id: Annotated[str, typer.Argument(metavar="TICKET", help="As `grekko filings tickets` prints it.")],
    why: Annotated[str, typer.Option(help="What was done about it; it stays in the history.")],
    store: Store = None,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Close a ticket; a filing that waited for it is tried again in the next round."""
    with _Desk(_folder(store, home)) as desk:
        desk.close_ticket(ticket_id, why)
    answer({"ticket_id": ticket_id, "closed": True, "why": why}, json_, [(ticket_id, f"closed: {why}")])


@filings.command()
def submit(filing_id: Id, door: Door, store: Store = None, home: Place = None, json_: AsJson = False) -> None:
    """Sign a checked filing and send it; one that is on its way is sent again under the same reference.

    The key is in GREKKO_FILING_KEY (64 hexadecimal digits).
    """
    from domain.regulation.filing import State
    from domain.regulation.filing.lifecycle import WAITING

    way = _door(door)
    with _Desk(_folder(store, home)) as desk:
        filing = desk.store.filings.get(filing_id)
        if filing.state is State.VALIDATED:
            filing = desk.sign(filing_id)
        filing = desk.resume(filing_id, way) if filing.state in WAITING else desk.submit(filing_id, way)
        answer(_told(filing), json_, [(filing.filing_id, f"{filing.state} under {filing.version.reference}")])


@filings.command()
def answers(door: Door, store: Store = None, home: Place = None, json_: AsJson = False) -> None:
    """Take what came in through a door: answers move filings on, anything else is set aside with the reason."""
    way = _door(door)
    with _Desk(_folder(store, home)) as desk:
        taken = []
        for delivery in way.deliveries():
            for outcome in desk.take(delivery.content):
                taken.append({"name": delivery.name, "outcome": outcome})
            way.done(delivery.name)
    answer({"answers": taken}, json_, [(one["name"], one["outcome"]) for one in taken], ("answer", "what became of it"))


@filings.command()
def draft(
    report_id: Annotated[
        str, typer.Argument(metavar="REPORT", help="Which one, such as EU.MiCA.transactions; see `grekko report --list`.")
    ],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="A day of the period.")],
    store: Store = None,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Make the document of a period from the lake, check it, and say what is wrong with it. Nothing is signed or sent.

    Exit code 0 when it may be signed, or nothing is to be told; 1 when the check found errors; 2 when it could not be made.
    """
    from domain.regulation.calendar import period_of
    from pipelines.commands.report import find_report

    with _Room(store, home) as room:
        report = find_report(room.rulebook, report_id)
        span = period_of(report.timing.period, day.date())
        filing = room.draft(report, span)
        if filing is None:
            answer({"report": report.id, "period": span.name, "filing_id": None}, json_, [(report.id, span.name, "nothing is to be told")])
            return
        found = _findings(room.desk, filing)
    errors = sum(one.get("severity", "error") == "error" for one in found)
    rows = [(filing.filing_id, f"{filing.state}, {filing.version.record_count} records under {filing.version.reference}")]
    below = [f"{one.get('severity', 'error')}: {one.get('row_key', '')} {one.get('rule_id', '')} {one.get('message', '')}" for one in found]
    answer({**_told(filing), "errors": errors, "findings": found}, json_, rows, below=below)
    if errors:
        raise typer.Exit(1)


@filings.command("round")
def round_(
    door: Annotated[str | None, typer.Option("--door", help="The way to the authority: folder:PATH. Without it nothing is sent.")] = None,
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="What counts as today; today without it.")] = None,
    store: Store = None,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Take what came in, and for every report make, check, sign and send what is due, correct what changed, and tell what was missed.

    Without --door documents are made and checked, and nothing is signed or sent; with it the key of GREKKO_FILING_KEY signs. Reports that
    an authority has on request only are made and checked; `submit` sends one.
    """
    from executor.compliance.filings.signing import Ed25519Signer

    way = _door(door) if door else None
    if way is not None:
        Ed25519Signer.from_environment(os.environ)  # its absence is told before anything is done
    with _Room(store, home) as room:
        if way is not None:
            room.desk.collect(way)
        missed = room.round(day.date() if day else room.desk.clock.now().date(), way)
        found = sorted(room.desk.store.filings.filings.values(), key=lambda one: (one.key, one.number))
        tickets = [one.to_json() for one in room.desk.store.filings.open_tickets()]
    told = {"filings": [_told(one) for one in found], "missed": [one.sentence for one in missed], "tickets": tickets}
    below = [f"missed: {one.sentence}" for one in missed] + [f"{one['severity']}: {one['what']} {one['todo']}" for one in tickets]
    answer(told, json_, [(one.filing_id, str(one.state)) for one in found], ("filing", "state"), below)


class _Room:
    """The filing room of a home, for the length of a command."""

    def __init__(self, store: Path | None, home: Path | None) -> None:
        from pipelines.home import Home

        self._home, self._store = Home.here(root=home), store

    def __enter__(self) -> FilingRoom:
        os.environ.update(self._home.environment())
        from executor.compliance.parties import load_parties
        from executor.compliance.rulebook_file import load_rulebook
        from pipelines.filing_rounds import FilingRoom

        rulebook, parties = load_rulebook(), load_parties()
        self._desk = _Desk(self._store or self._home.compliance / "filings", parties.firm.lei or parties.firm.id)
        return FilingRoom(self._home, rulebook, parties, self._desk.__enter__())

    def __exit__(self, *problem: Any) -> None:
        self._desk.__exit__(*problem)


def _findings(desk: FilingDesk, filing: Filing) -> list[dict[str, Any]]:
    """What the last check of a filing found."""
    told = [one.facts["findings"] for one in desk.store.filings.history(filing.filing_id) if "findings" in one.facts]
    return list(told[-1]) if told else []


class _Desk:
    """The desk over a store, for the length of a command; the audit log beside the store gets the head of what happened.

    Without `firm`, its name in references, nothing is made, and so no store either.
    """

    def __init__(self, folder: Path, firm: str = "") -> None:
        self._folder, self._firm = folder, firm

    def __enter__(self) -> FilingDesk:
        from executor.compliance.filings.answers import AnswerReader
        from executor.compliance.filings.desk import FilingDesk
        from executor.compliance.filings.signing import EnvironmentSigner
        from executor.compliance.filings.store import FilingStore
        from executor.compliance.schema_folder import SchemaFolder
        from executor.ports import SystemClock

        if not self._firm:
            _reader(self._folder)  # a command that only looks for a store must not make one
        self._store = FilingStore(self._folder)
        reader = AnswerReader(SchemaFolder())
        return FilingDesk(
            self._store, SystemClock(), EnvironmentSigner(os.environ), reader, firm=self._firm, by=f"grekko filings ({_user()})"
        )

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        from executor.compliance.audit.record import Recorder
        from executor.ports import SystemClock

        head = self._store.head
        self._store.close()
        if kind is None:  # else the next command that works writes it down
            Recorder.of(self._folder.parent, SystemClock(), os.environ, pause=time.sleep).filings(head)


def _user() -> str:
    """Who runs the command, for the history."""
    return os.environ.get("USER") or f"user {os.getuid()}"


def _door(text: str) -> RegulatorDoor:
    from executor.compliance.filings.folder_door import FolderDoor

    kind, _, where = text.partition(":")
    if kind != "folder" or not where:
        raise BadInput(f"{text!r} is no door; write folder:PATH.", field="door")
    return FolderDoor(Path(where))


def _folder(store: Path | None, home: Path | None) -> Path:
    from pipelines.home import Home

    return store or Home.here(root=home).compliance / "filings"


def _reader(folder: Path) -> FilingReader:
    from executor.compliance.filings.store import FilingReader

    return FilingReader(folder)


def _told(filing: Filing) -> dict[str, Any]:
    """A filing as a flat document."""
    newest = filing.versions[-1] if filing.versions else None
    sent = filing.first_submitted_at
    return {
        "filing_id": filing.filing_id,
        "report": filing.key.report_id,
        "period_start": filing.key.period_start.isoformat(),
        "period_end": filing.key.period_end.isoformat(),
        "format": filing.key.format,
        "number": filing.number,
        "state": str(filing.state),
        "versions": len(filing.versions),
        "records": newest.record_count if newest else None,
        "reference": newest.reference if newest else None,
        "sha256": newest.sha256 if newest else None,
        "first_submitted_at": sent.isoformat() if sent else None,
        "corrected_by": list(filing.corrected_by),
    }


def _told_version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "reference": version.reference,
        "name": version.name,
        "records": version.record_count,
        "sha256": version.sha256,
        "made_at": version.made_at.isoformat(),
        "made_by": version.made_by,
        "why": version.why,
        "signature": dict(version.signature) if version.signature else None,
        "submitted_at": version.submitted_at.isoformat() if version.submitted_at else None,
        "verdict": str(version.verdict) if version.verdict else None,
        "answered_at": version.answered_at.isoformat() if version.answered_at else None,
        "refused": list(version.refused),
        "refusals": [dict(one) for one in version.refusals],
    }


def _told_event(event: Event) -> dict[str, Any]:
    told = {"at": event.at.isoformat(), "kind": event.kind, "by": event.by, "why": event.why}
    return {**told, "facts": dict(event.facts)}
