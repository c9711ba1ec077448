"""The regulators' reports over HTTP, byte for byte as they were written. They hold personal data: compliance and an admin read them."""

from __future__ import annotations

import asyncio
from datetime import date as Day
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from domain.problems import UnknownReport
from executor.api.answers import ReportChoice
from executor.api.errors import Answer, errors
from executor.api.tokens import Role, needs
from executor.service import ExecutorService

ROUTER = APIRouter(tags=["reports"])
NAME = r"^[A-Za-z0-9_.\-]{1,142}$"
UNKNOWN = UnknownReport(
    "EU.MiCA.transactions was not written for 2026-02-01; it was for 2026-01-18, 2026-01-19.",
    report="EU.MiCA.transactions",
    dates=["2026-01-18", "2026-01-19"],
)
LINK = "/report/EU.MiCA.transactions?date=2026-01-19&format=xml"
CHOICE: dict[str, Any] = {
    "name": "MiCA",
    "reports": [{"report_id": "EU.MiCA.transactions", "dates": ["2026-01-18", "2026-01-19"], "link": LINK}],
}


@ROUTER.get(
    "/report/{name}",
    summary="A regulator's report of a day",
    dependencies=[Depends(needs(Role.COMPLIANCE))],
    response_class=Response,
    responses={
        200: {
            "description": "The document as it was written, with its hash as ETag.",
            "content": {
                "application/xml": {"example": "<Document/>"},
                "application/json": {"example": {"header": {"schema_status": "own_from_public_table"}, "transactions": []}},
                "text/csv": {"example": "# schema_status: none\ntransaction_reference\n"},
            },
        },
        300: {
            "model": ReportChoice,
            "description": "The name means several reports: these.",
            "content": {"application/json": {"example": CHOICE}},
        },
        **errors(401, 403, 404, 413, 422, status_404=UNKNOWN),
    },
)
async def report(
    name: Annotated[
        str,
        Path(
            pattern=NAME,
            description="A report's id, a jurisdiction, a regime, or both with a dot, in any case.",
            examples=["miCA"],
        ),
    ],
    request: Request,
    date: Annotated[Day | None, Query(description="A day of the period. The newest period without one.")] = None,
    format: Annotated[Literal["xml", "csv", "json"] | None, Query(description="The report's main one when none is named.")] = None,
    report: Annotated[str | None, Query(pattern=NAME, description="Which one, where a name means several: transactions.")] = None,
    if_none_match: Annotated[str | None, Header(description="The ETag of the copy you have.", max_length=500)] = None,
) -> Response:
    """The file's bytes, checked against the hash that was written with them. What may be said of it is in its own header.

    A copy that is still the same is answered 304 without a body.
    """
    service: ExecutorService = request.app.state.service
    shelf = service.reports
    found = await asyncio.to_thread(shelf.named, name, report)
    if len(found) > 1:
        asked = {key: value for key, value in (("date", date), ("format", format)) if value is not None}
        rows = [
            {"report_id": one, "dates": periods[-20:], "link": f"/report/{one}" + (f"?{urlencode(asked)}" if asked else "")}
            for one, periods in sorted(found.items())
        ]
        return Answer({"name": name, "reports": rows}, 300)
    document = await asyncio.to_thread(shelf.document, next(iter(found)), date, format)
    etag = f'"{document.sha256}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    if if_none_match is not None and etag in (one.strip().removeprefix("W/") for one in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    return Response(document.content, media_type=document.media_type, headers=headers)
