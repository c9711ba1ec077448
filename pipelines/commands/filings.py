"""`grekko filings`: what was filed with whom and what they said; send what is signed, and take the answers that came in."""

from __future__ import annotations

import json
import os
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

DEFAULT_HOME = Path(".grekko") / "two_weeks"

filings = typer.Typer(no_args_is_help=True, help="What is filed with authorities: see it, send it, take their answers.")

Id = Annotated[str, typer.Argument(metavar="ID", help="REPORT/FROM/TO/FORMAT/NUMBER, as `grekko filings list` prints it.")]
Store = Annotated[Path | None, typer.Option("--store", help="The folder of the filings; <home>/filings without it.")]
Door = Annotated[str, typer.Option("--door", help="The way to the authority: folder:PATH, a drop folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


@filings.command("list")
def list_(
    report: Annotated[str | None, typer.Option(help="Only this report, such as EU.MiCA.transactions.")] = None,
    state: Annotated[str | None, typer.Option(help="Only filings in this state, such as nacked.")] = None,
    store: Store = None,
    json_: AsJson = False,
) -> None:
    """All filings with their state, newest version and reference."""
    found = sorted(_reader(store).filings.filings.values(), key=lambda one: (one.key, one.number))
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
    json_: AsJson = False,
) -> None:
    """One filing with its versions and what the authority said of each; with --out, a version's document."""
    reader = _reader(store)
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
def history(filing_id: Id, store: Store = None, json_: AsJson = False) -> None:
    """Everything that happened to a filing: when, by whom and why."""
    events = _reader(store).filings.history(filing_id)
    documents = [_told_event(one) for one in events]
    rows = [(document["at"], document["kind"], document["by"], document["why"]) for document in documents]
    answer({"filing_id": filing_id, "history": documents}, json_, rows, ("at", "what", "by", "why"))


@filings.command()
def tickets(store: Store = None, json_: AsJson = False) -> None:
    """What a person must do, the most urgent first."""
    documents = [one.to_json() for one in _reader(store).filings.open_tickets()]
    names = ("ticket_id", "severity", "what", "todo")
    answer({"tickets": documents}, json_, [tuple(str(document[name]) for name in names) for document in documents], names)


@filings.command()
def close(
    ticket_id: Annotated[str, typer.Argument(metavar="TICKET", help="As `grekko filings tickets` prints it.")],
    why: Annotated[str, typer.Option(help="What was done about it; it stays in the history.")],
    store: Store = None,
    json_: AsJson = False,
) -> None:
    """Close a ticket; a filing that waited for it is tried again in the next round."""
    with _Desk(store) as desk:
        desk.close_ticket(ticket_id, why)
    answer({"ticket_id": ticket_id, "closed": True, "why": why}, json_, [(ticket_id, f"closed: {why}")])


@filings.command()
def submit(filing_id: Id, door: Door, store: Store = None, json_: AsJson = False) -> None:
    """Sign a checked filing and send it; one that is on its way is sent again under the same reference.

    The key is in GREKKO_FILING_KEY (64 hexadecimal digits).
    """
    from domain.regulation.filing import State
    from domain.regulation.filing.lifecycle import WAITING

    way = _door(door)
    with _Desk(store) as desk:
        filing = desk.store.filings.get(filing_id)
        if filing.state is State.VALIDATED:
            filing = desk.sign(filing_id)
        filing = desk.resume(filing_id, way) if filing.state in WAITING else desk.submit(filing_id, way)
        answer(_told(filing), json_, [(filing.filing_id, f"{filing.state} under {filing.version.reference}")])


@filings.command()
def answers(door: Door, store: Store = None, json_: AsJson = False) -> None:
    """Take what came in through a door: answers move filings on, anything else is set aside with the reason."""
    way = _door(door)
    with _Desk(store) as desk:
        taken = []
        for delivery in way.deliveries():
            for outcome in desk.take(delivery.content):
                taken.append({"name": delivery.name, "outcome": outcome})
            way.done(delivery.name)
    answer({"answers": taken}, json_, [(one["name"], one["outcome"]) for one in taken], ("answer", "what became of it"))


class _Desk:
    """The desk over a store, for the length of a command."""

    def __init__(self, store: Path | None) -> None:
        self._folder = _folder(store)

    def __enter__(self) -> FilingDesk:
        from executor.compliance.filings.answers import AnswerReader
        from executor.compliance.filings.desk import FilingDesk
        from executor.compliance.filings.signing import EnvironmentSigner
        from executor.compliance.filings.store import FilingStore
        from executor.compliance.schema_folder import SchemaFolder
        from executor.ports import SystemClock

        _reader(self._folder)  # a command that only looks for a store must not make one
        self._store = FilingStore(self._folder)
        reader = AnswerReader(SchemaFolder())
        return FilingDesk(self._store, SystemClock(), EnvironmentSigner(os.environ), reader, firm="", by=f"grekko filings ({_user()})")

    def __exit__(self, *_: object) -> None:
        self._store.close()


def _user() -> str:
    """Who runs the command, for the history."""
    return os.environ.get("USER") or f"user {os.getuid()}"


def _door(text: str) -> RegulatorDoor:
    from executor.compliance.filings.folder_door import FolderDoor

    kind, _, where = text.partition(":")
    if kind != "folder" or not where:
        raise BadInput(f"{text!r} is no door; write folder:PATH.", field="door")
    return FolderDoor(Path(where))


def _folder(store: Path | None) -> Path:
    return store or Path(os.environ.get("GREKKO_HOME") or DEFAULT_HOME) / "filings"


def _reader(store: Path | None) -> FilingReader:
    from executor.compliance.filings.store import FilingReader

    return FilingReader(_folder(store))


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
