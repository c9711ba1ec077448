"""`grekko retention`: how long records are kept, where they lie, and what people ask for beyond the rules."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer

if TYPE_CHECKING:
    from assets.compliance.lake_tier import LakeTier
    from domain.regulation.rulebook import Rulebook
    from executor.compliance.audit.record import Recorder
    from executor.compliance.retention.archive import Archive

retention = typer.Typer(no_args_is_help=True, help="Records that must be kept: their terms, the cold store, holds and deletions.")

Place = Annotated[Path | None, typer.Option("--home", help="Data home. Default: GREKKO_HOME, else .grekko/<recording's name>.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Name of the hold, such as its file number; used once.")]


@retention.command()
def status(home: Place = None, json_: AsJson = False) -> None:
    """Show each table's days by tier, with the longest term and the articles behind it."""
    from assets.compliance.retention import book_of
    from executor.compliance.retention.book import entries
    from executor.compliance.retention.requests import requests_in, terms_in

    hot, archive, rulebook = _opened(home)
    today = _today()
    found = book_of(entries(hot, archive, terms_in(archive.store, rulebook)), today)
    asked = requests_in(archive.store)
    holds = [{"id": one.id, "record_class": one.record_class, "reason": one.reason} for one in asked.holds]
    rows = [
        (
            str(one["table"]),
            str(one["period"]),
            str(one["tier"]),
            str(one["rows"]),
            str(one["retain_until"] or "no end yet"),
            str(one["rule_ids"]),
        )
        for one in found.iter_rows(named=True)
    ]
    told = {
        "today": today.isoformat(),
        "records": _plain(found.to_dicts()),
        "holds": holds,
        "extensions": _plain([asdict(one) for one in asked.extensions]),
    }
    below = [f"legal hold {one.id} on {one.record_class}: {one.reason}" for one in asked.holds]
    below += [f"{one.jurisdiction} asked for {one.years} years of {one.record_class} ({one.reference})" for one in asked.extensions]
    header = ("table", "day", "tier", "rows", "kept until", "rules")
    answer(told, json_, rows or [("no records yet", "", "", "", "", "")], header, below)


@retention.command()
def move(
    home: Place = None, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would move.")] = False, json_: AsJson = False
) -> None:
    """Move to the cold store what no longer must be hot: copy, read back, compare, manifest, and only then drop."""
    from assets.compliance.retention import move_what_is_due
    from executor.compliance.retention.move import due
    from executor.compliance.retention.requests import terms_in
    from executor.ports import SystemClock

    hot, archive, rulebook = _opened(home)
    if dry_run:
        told = [f"{one.table} {one.period}: would move" for one in due(hot, terms_in(archive.store, rulebook), _today())]
    else:
        recorder = _recorder(home)
        told = move_what_is_due(hot, archive, rulebook, SystemClock(), recorder.tree_head())
        recorder.cold(archive.store)
    answer({"moved": told, "dry_run": dry_run}, json_, [(line,) for line in told] or [("nothing is due",)])


@retention.command()
def extend(
    jurisdiction: Annotated[str, typer.Option(help="Whose authority asks, such as EU.")],
    record_class: Annotated[str, typer.Option("--records", help="Class of records, such as transaction.")],
    years: Annotated[int, typer.Option(help="How many years in all.")],
    reference: Annotated[str, typer.Option(help="The authority's letter.")],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of the request.")],
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Keep records longer because an authority asks for it, up to what its law lets it ask. Nothing shortens it again."""
    from domain.regulation.retention import Extension, rules_for
    from executor.compliance.retention import requests

    _, archive, rulebook = _opened(home)
    asked = Extension(jurisdiction, record_class, years, on.date(), reference)
    requests.extend(archive.store, asked, rules_for(rulebook, [record_class]))
    _settled(archive, rulebook, json_, f"{jurisdiction}: {record_class} is kept {years} years ({reference})")


@retention.command()
def hold(
    id: Id,
    record_class: Annotated[str, typer.Option("--records", help="Class of records, such as transaction.")],
    reason: Annotated[str, typer.Option(help="Why, and by whom.")],
    first: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of the records; open when not given.")] = None,
    last: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the records; open when not given.")] = None,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Begin a legal hold: nothing it covers is deleted until it is released."""
    from domain.regulation.retention import Hold
    from executor.compliance.retention import requests

    _, archive, rulebook = _opened(home)
    requests.hold(archive.store, Hold(id, record_class, reason, first and first.date(), last and last.date()))
    _settled(archive, rulebook, json_, f"legal hold {id} stands on {record_class}")


@retention.command()
def release(id: Id, reason: Annotated[str, typer.Option(help="Why, and by whom.")], home: Place = None, json_: AsJson = False) -> None:
    """End a legal hold; the terms of the rules go on."""
    from executor.compliance.retention import requests

    _, archive, rulebook = _opened(home)
    requests.release(archive.store, id, reason, _today())
    _settled(archive, rulebook, json_, f"legal hold {id} is released")


@retention.command()
def ended(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="The client's pseudonym.")],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day on which the relationship ended.")],
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Say that the relationship with a client ended: terms that count from it begin to run."""
    from executor.compliance.retention import requests

    _, archive, rulebook = _opened(home)
    requests.end_relationship(archive.store, client, on.date())
    _settled(archive, rulebook, json_, f"the relationship with {client} ended on {on.date().isoformat()}")


@retention.command()
def verify(home: Place = None, json_: AsJson = False) -> None:
    """Read the cold store again and compare every object with its manifest. Exit code 1 when something does not hold."""
    from executor.compliance.retention.requests import terms_in
    from executor.compliance.retention.verify import verify as verified

    _, archive, rulebook = _opened(home)
    found = verified(archive, terms_in(archive.store, rulebook))
    told = [{"key": one.key, "holds": one.holds, "sentence": one.sentence} for one in found]
    rows = [("holds" if one.holds else "DOES NOT", one.key, one.sentence) for one in found]
    answer({"holds": all(one.holds for one in found), "batches": told}, json_, rows or [("holds", "", "nothing was moved yet")])
    if not all(one.holds for one in found):
        raise typer.Exit(1)


@retention.command()
def expire(
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; without it only what would go is said.")] = False,
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Say which cold records are past every term, and with --delete delete them with a record of what, why and by which rule."""
    from executor.compliance.retention.expiry import expire as expired
    from executor.compliance.retention.move import settle
    from executor.compliance.retention.requests import terms_in
    from executor.ports import SystemClock

    _, archive, rulebook = _opened(home)
    terms = terms_in(archive.store, rulebook)
    if delete:
        settle(archive, terms)
    found = expired(archive, terms, SystemClock(), dry_run=not delete)
    if delete:
        _recorder(home).cold(archive.store)
    told = [{"key": one.manifest.object_key, "rows": one.manifest.rows.rows, "why": one.why, "deleted": one.deleted} for one in found]
    rows = [(one.manifest.object_key, "deleted" if one.deleted else "would be deleted", one.why) for one in found]
    answer({"expired": told, "dry_run": not delete}, json_, rows or [("nothing is past every term", "", "")])


@retention.command()
def fetch(
    table: Annotated[str, typer.Argument(help="Table of the records.")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Their day.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    home: Place = None,
    json_: AsJson = False,
) -> None:
    """Get a cold day back as a Parquet file, compared with its manifest."""
    _, archive, _ = _opened(home)
    there = [one for one in archive.cold() if one.batch.table == table and one.batch.first <= day.date() <= one.batch.last]
    if not there:
        raise BadInput(f"No {table} of {day.date().isoformat()} lies cold; `grekko retention status` shows what does.", field="day")
    rows = archive.read(there[-1])
    beside = out.with_name(f".{out.name}.beside")
    rows.write_parquet(beside, compression="zstd")
    beside.replace(out)
    told = {"file": str(out), "rows": rows.height, "rows_sha256": there[-1].rows.sha256}
    answer(told, json_, [(key, str(value)) for key, value in told.items()])


def _opened(home: Path | None) -> tuple[LakeTier, Archive, Rulebook]:
    from assets.compliance.lake_tier import LakeTier
    from assets.compliance.retention import TABLES, archive_of
    from assets.warehouse import Warehouse
    from executor.compliance.rulebook_file import load_rulebook
    from executor.ports import SystemClock
    from pipelines.home import Home

    rulebook = load_rulebook()
    warehouse = Warehouse(lake=str(Home.here(root=home).root / "lake"))
    return LakeTier(warehouse, TABLES, rulebook), archive_of(warehouse, SystemClock()), rulebook


def _recorder(home: Path | None) -> Recorder:
    """Who writes moves and deletions into the audit log of the home."""
    from executor.compliance.audit.record import Recorder
    from executor.ports import SystemClock
    from pipelines.home import Home

    return Recorder.of(Home.here(root=home).compliance, SystemClock(), os.environ, pause=time.sleep)


def _settled(archive: Archive, rulebook: Rulebook, json_: bool, sentence: str) -> None:
    """The request is kept; its effect on what lies cold is brought about at once."""
    from executor.compliance.retention.move import settle
    from executor.compliance.retention.requests import terms_in

    changed = settle(archive, terms_in(archive.store, rulebook))
    answer({"told": sentence, "locks_changed": changed}, json_, [(sentence, f"{changed} locks of the cold store changed")])


def _today() -> date:
    from executor.ports import SystemClock

    return SystemClock().now().date()


def _plain(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()} for row in rows]
