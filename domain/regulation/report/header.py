"""What every document says of itself: what it may be called, how many of its references nobody has read, and what it leaves out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from domain.problems import BadInput
from domain.regulation.report.documents import Heading
from domain.regulation.report.judging import Judged
from domain.regulation.rulebook import Format, FormatName, Report

_CONTROL = re.compile(r"[\x00-\x1F\x7F\uFFFE\uFFFF]")


def form_of(report: Report, name: FormatName) -> Format:
    """The report's form of that name. Raises BadInput naming those that it has."""
    if name not in report.formats:
        raise BadInput(f"{report.id} has no form {name!r}; it has {', '.join(report.formats)}.", field="format", report=report.id)
    return report.formats[name]


def header(judged: Judged, name: FormatName, heading: Heading) -> dict[str, Any]:
    """The header's values by name, in their order."""
    report, form = judged.report, form_of(judged.report, name)
    told: dict[str, Any] = {
        "report": report.id,
        "title": report.title,
        "reference": heading.reference,
        "period_start": heading.period_start.isoformat(),
        "period_end": heading.period_end.isoformat(),
        "created_at": heading.created_at.isoformat(),
        "schema": form.schema or "none",
        "schema_status": form.schema_status,
        "claim": form.claim,
        "legal_references": len(report.references()),
        "unverified_references": report.unverified,
        "reported": judged.count("reported"),
        "not_reportable": judged.count("not_reportable"),
        "blocked": judged.count("blocked"),
    }
    if form.checked_only:
        told["checked_only"] = True
    if form.extensions:
        told["extensions"] = [{"schema": one.schema, "schema_status": one.schema_status} for one in form.extensions]
    told["reasons"] = [{"reason": reason, "count": count} for reason, count in judged.reasons()]
    return told


def as_lines(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The header as names and one-line texts; a list becomes numbered lines."""
    lines: list[tuple[str, str]] = []
    for name, value in told.items():
        if isinstance(value, list):
            single = name.removesuffix("s")
            lines += [(f"{single}_{number}", _line("; ".join(str(part) for part in one.values()))) for number, one in enumerate(value, 1)]
        else:
            lines.append((name, _line(str(value).lower() if isinstance(value, bool) else str(value))))
    return lines


def _line(text: str) -> str:
    return _CONTROL.sub(" ", text)


def instruction(told: Mapping[str, Any]) -> str:
    """The header as an XML processing instruction, which may stand before the root of any document."""
    signs = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
    pairs = [f'{name}="{text.translate(signs)}"' for name, text in as_lines(told)]
    return f"<?grekko {' '.join(pairs)}?>"
