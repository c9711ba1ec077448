"""The shelf of reports: documents of the regulators' reports as files, with a card beside them that says what they are.

    <folder>/<slug>/<period>/<name>.<format>      the documents
    <folder>/<slug>/<period>/report.json          the card: written last, it names each document with its hash
    <folder>/<slug>/<period>/versions/<sha256>    every earlier document and card, by the hash of its bytes

A period is a day (2026-01-19), a month (2026-01), a quarter (2026-Q1) or a year (2026). Reports hold personal data: files are for their
owner alone. What is read is what its card says, byte for byte; while one is written over, readers still find the version before.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from domain.foreign_json import read_foreign
from domain.problems import BadInput, Broken, UnknownReport

CARD, VERSIONS = "report.json", "versions"
MEDIA_TYPES: Mapping[str, str] = {"xml": "application/xml", "json": "application/json", "csv": "text/csv; charset=utf-8"}
REPORT_ID = re.compile(r"[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,60}")
PERIOD = re.compile(r"[0-9]{4}(-Q[1-4]|-[0-9]{2}(-[0-9]{2})?)?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
SLUG = re.compile(r"[a-z0-9_]{1,142}")
SHA256 = re.compile(r"[0-9a-f]{64}")
LARGEST_CARD = 1 << 20
DATES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Written:
    """One document to be put on the shelf. `name` is its file's without the format; `claim` is the sentence that may be said of it."""

    format: str
    content: bytes = field(repr=False)
    schema_status: str
    claim: str
    name: str = "document"


@dataclass(frozen=True, slots=True)
class Document:
    """One document as it is served: checked against its card."""

    report_id: str
    period: str
    format: str
    media_type: str
    sha256: str
    content: bytes = field(repr=False)
    card: Mapping[str, Any] = field(repr=False)

    @property
    def file_name(self) -> str:
        """What it is called where it is saved."""
        return f"{self.report_id}_{self.period}.{self.format}"


@dataclass(frozen=True)
class ReportShelf:
    """The reports below one folder."""

    folder: Path

    # --- writing

    def put(
        self,
        report_id: str,
        *,
        title: str,
        period: str,
        created_at: datetime,
        reference: str = "",
        documents: Sequence[Written],
        unverified: int,
        counts: Mapping[str, int],
        findings: Mapping[str, int],
    ) -> Path:
        """Puts a report's documents of one period on the shelf and returns the card's path; what was there before is kept, and the same
        again changes nothing.

        `reference` is what the documents call themselves. `counts` are rows reported, not_reportable and blocked; `findings` are those of
        validation by severity; `unverified` is how many legal references nobody has read. The first document is the main one. Raises
        BadInput for names that make no file.
        """
        place = self._place(report_id, period)
        if created_at.tzinfo is None:
            raise BadInput("created_at has no zone; give it in UTC.", field="created_at")
        if not documents:
            raise BadInput(f"{report_id} of {period} has no document; write at least one.", field="documents")
        formats: dict[str, dict[str, Any]] = {}
        for one in documents:
            if one.format not in MEDIA_TYPES or one.format in formats or not NAME.fullmatch(one.name) or one.name == VERSIONS:
                raise BadInput(
                    f"A document is of one format ({', '.join(MEDIA_TYPES)}), each once, with a plain name; not {one.name}.{one.format}.",
                    field="documents",
                )
            if f"{one.name}.{one.format}" == CARD:
                raise BadInput(f"{CARD} is the card's name; call the document otherwise.", field="documents")
            formats[one.format] = {
                "file": f"{one.name}.{one.format}",
                "sha256": _sha256(one.content),
                "media_type": MEDIA_TYPES[one.format],
                "schema_status": one.schema_status,
                "claim": one.claim,
            }
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        card = {
            "report_id": report_id,
            "title": title,
            "period": period,
            "created_at": created_at.isoformat(),
            "reference": reference,
            "schema_status": documents[0].schema_status,
            "claim": documents[0].claim,
            "unverified": unverified,
            "counts": dict(counts),
            "findings": dict(findings),
            "formats": formats,
            "main": documents[0].format,
            "previous": None,
        }
        if self._is_there(place, card):
            return place / CARD
        card["previous"] = self._keep(place)
        for one in documents:
            _replace(place / formats[one.format]["file"], one.content)
        _replace(place / CARD, json.dumps(card, indent=2, sort_keys=True).encode() + b"\n")
        return place / CARD

    def _is_there(self, place: Path, card: Mapping[str, Any]) -> bool:
        """Whether this card and its documents lie there, whatever was before them."""
        try:
            there = {**self._card(place), "previous": None}
            whole = all(_sha256((place / one["file"]).read_bytes()) == one["sha256"] for one in card["formats"].values())
        except (FileNotFoundError, Broken):
            return False
        return whole and there == card

    def _keep(self, place: Path) -> str | None:
        """Keeps the card that is there, and its documents, as versions; returns the hash of the card."""
        try:
            content = (place / CARD).read_bytes()
        except FileNotFoundError:
            return None
        kept = [content]
        try:
            kept += [self._content(place, told)[0] for told in _card_of(content)["formats"].values()]
        except Broken:  # writing it again is how that is mended; what is there is kept as it is
            kept += [path.read_bytes() for path in place.iterdir() if path.suffix[1:] in MEDIA_TYPES and path.name != CARD]
        versions = place / VERSIONS
        versions.mkdir(exist_ok=True, mode=0o700)
        for one in kept:
            path = versions / _sha256(one)
            if not path.exists():
                _replace(path, one)
        return _sha256(content)

    # --- reading

    def reports(self) -> dict[str, list[str]]:
        """The periods that were written, oldest first, by report id."""
        found: dict[str, list[str]] = {}
        with suppress(FileNotFoundError):
            for slug in sorted(self.folder.iterdir()):
                if not SLUG.fullmatch(slug.name) or slug.is_symlink() or not slug.is_dir():
                    continue
                periods = sorted(one.name for one in slug.iterdir() if PERIOD.fullmatch(one.name) and (one / CARD).is_file())
                if periods:
                    found[str(self._card(slug / periods[-1])["report_id"])] = periods
        return found

    def named(self, name: str, report: str | None = None) -> dict[str, list[str]]:
        """The reports that a name means, with their periods: an id, a jurisdiction, a regime, or both with a dot; case does not matter.

        `report` narrows it down to one by its own name or its id. Raises UnknownReport when none goes by it.
        """
        wanted, narrowed, known = name.lower(), report.lower() if report else None, self.reports()
        found = {
            one: periods
            for one, periods in known.items()
            if wanted in _names(one) and (narrowed is None or narrowed in (one.lower(), one.lower().rsplit(".", 1)[-1]))
        }
        if not found:
            asked = f"{name} with report={report}" if report else name
            there = f"there are: {', '.join(sorted(known))}" if known else "none was written yet; materialise the reports first"
            raise UnknownReport(f"No report goes by {asked}; {there}.", name=name, reports=sorted(known))
        return found

    def document(self, report_id: str, on: date | None, form: str | None) -> Document:
        """The document of the period that holds this day, the newest without one; in this format, the report's main one without.

        Raises UnknownReport saying which days or formats there are, Broken when a file is not what its card says.
        """
        periods = self.reports().get(report_id, [])
        period = periods[-1] if periods and on is None else next((one for one in _periods_of(on) if one in periods), None)
        if period is None:
            shown = ", ".join(periods[-DATES_SHOWN:])
            raise UnknownReport(
                f"{report_id} was not written for {on}; it was for {shown or 'no period yet'}.",
                report=report_id,
                dates=periods[-DATES_SHOWN:],
            )
        place = self._place(report_id, period)
        card = self._card(place)
        formats = card["formats"]
        chosen = form or str(card["main"])
        if chosen not in formats:
            raise UnknownReport(
                f"{report_id} has no {chosen}; it was written as {', '.join(sorted(formats))}.", report=report_id, formats=sorted(formats)
            )
        told = formats[chosen]
        content, media_type = self._content(place, told)
        return Document(report_id, period, chosen, media_type, told["sha256"], content, card)

    def _place(self, report_id: str, period: str) -> Path:
        if not REPORT_ID.fullmatch(report_id):
            raise BadInput(f"{report_id!r} is no report's id; it is JURISDICTION.REGIME.name.", field="report_id")
        if not PERIOD.fullmatch(period):
            raise BadInput(f"{period!r} is no period; write 2026-01-19, 2026-01, 2026-Q1 or 2026.", field="period")
        return self.folder / report_id.replace(".", "_").replace("-", "_").lower() / period

    def _card(self, place: Path) -> dict[str, Any]:
        return _card_of((place / CARD).read_bytes())

    def _content(self, place: Path, told: Mapping[str, Any]) -> tuple[bytes, str]:
        """The bytes that a card names: where they are, or, while they are written over, where they are kept."""
        for path in (place / told["file"], place / VERSIONS / told["sha256"]):
            with suppress(OSError):
                content = path.read_bytes()
                if _sha256(content) == told["sha256"]:
                    return content, told["media_type"]
        raise Broken(
            f"{place.parent.name}/{place.name}/{told['file']} is not what its card says, so it is not served; write the report again.",
            sha256=told["sha256"],
        )


def _card_of(content: bytes) -> dict[str, Any]:
    try:
        card = read_foreign(content) if len(content) <= LARGEST_CARD else None
        formats = card["formats"]  # type: ignore[index]
        sound = bool(REPORT_ID.fullmatch(card["report_id"])) and card["main"] in formats  # type: ignore[index]
        for name, told in formats.items():
            sound = sound and name in MEDIA_TYPES and told["media_type"] == MEDIA_TYPES[name]
            sound = sound and bool(NAME.fullmatch(told["file"])) and bool(SHA256.fullmatch(told["sha256"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound, card = False, None
    if not sound or card is None:
        raise Broken("The card of a report is not one; write the report again.", file=CARD)
    return card


def _names(report_id: str) -> frozenset[str]:
    """What a report may be asked by, lowercase."""
    jurisdiction, regime, _ = report_id.lower().split(".")
    return frozenset((jurisdiction, regime, f"{jurisdiction}.{regime}", report_id.lower()))


def _periods_of(day: date | None) -> list[str]:
    """The periods that hold a day, the shortest first."""
    if day is None:
        return []
    return [day.isoformat(), f"{day:%Y-%m}", f"{day:%Y}-Q{(day.month + 2) // 3}", f"{day:%Y}"]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """All or nothing, for the owner alone, and on the disk."""
    beside = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        beside.unlink()
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
