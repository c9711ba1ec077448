"""What the agents said about a trade, as a document and as a page."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from executor.api.errors import Answer, errors
from executor.api.forms import ORDER_ID
from executor.api.negotiation_page import HEADERS, page_of
from executor.api.tokens import Role, needs
from executor.service import ExecutorService

ROUTER = APIRouter(tags=["negotiations"])
EXAMPLE: dict[str, Any] = {
    "trade_id": "desk-7-0002",
    "conversation_id": "n-5f0c1a2b3c4d5e6f70819203",
    "call": {
        "base": "WETH",
        "quote": "USDC",
        "amount_in": "1000000000000000000",
        "actions": ["HOLD", "BUY", "SELL"],
        "quorum": 1,
        "as_of": "2026-03-04T13:00:00.000000+00:00",
        "deadline": "2026-03-04T13:00:01.000000+00:00",
        "input_sha256": "",
    },
    "decision": {
        "action": "BUY",
        "is_quorate": True,
        "reason": "BUY: 0.412000 of 1 after 1 proposal, before HOLD with 0.000000.",
        "rule": "weighted-utility/1",
        "tallies": [{"action": "BUY", "score_micro": 412_000, "numerator": "412000000000000000", "favoured_by": ["news"]}],
        "weights_ppm": {"news": 1_000_000},
    },
    "outcome": {"act": "inform", "at": "2026-03-04T13:00:02.000000+00:00", "action": "BUY", "outcome": "bought 1 WETH"},
    "messages": [
        {
            "seq": 0,
            "at": "2026-03-04T13:00:00.000100+00:00",
            "note": "",
            "hash": "9c" * 32,
            "act": "refuse",
            "from": "macro",
            "to": "coordinator",
            "sent_at": "2026-03-04T13:00:00.000090+00:00",
            "said": {"reason": "No other asset's prices of the last day are known."},
        }
    ],
    "weights": {"ppm": {"news": 1_000_000}},
    "lost": [],
    "replay": {"equal": True, "findings": []},
    "rows": {"first": 0, "last": 11, "hash": "9c" * 32, "intact": True},
    "earlier": [],
}
TradeId = Annotated[str, Path(pattern=ORDER_ID, description="The trade's id: the client order id.", examples=["desk-7-0002"])]


class Format(StrEnum):
    """How a negotiation is told."""

    JSON = "json"
    HTML = "html"


@ROUTER.get(
    "/trade/{trade_id}/negotiation",
    summary="What the agents said about a trade, and what was decided",
    dependencies=[Depends(needs(Role.VIEWER))],
    response_class=Answer,
    responses={
        200: {
            "description": "The last negotiation about the trade.",
            "content": {
                "application/json": {"example": EXAMPLE},
                "text/html": {"example": "<!doctype html>", "schema": {"type": "string"}},
            },
        },
        **errors(401, 403, 404, 413, 422, 503),
    },
)
async def negotiation(
    trade_id: TradeId,
    request: Request,
    format_: Annotated[Format | None, Query(alias="format", description="`html` for the page, as with `Accept: text/html`.")] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "application/json",
) -> Response:
    """Every message with its time, the tally, the weights, the sentence of the decision, and whether it follows from the record again.

    Agents advise: what an order may do is decided by the guards, whatever is written here.
    """
    service: ExecutorService = request.app.state.service
    document = await service.negotiations.document(trade_id)
    if format_ is Format.HTML or (format_ is None and "text/html" in accept):
        return HTMLResponse(page_of(document).encode(errors="replace"), headers=HEADERS)
    return Answer(document)
