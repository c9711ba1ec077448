"""What the agents said about a trade, as a document and as a page."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from domain.problems import NegotiationConflict, Unavailable
from executor.api.errors import Answer, errors
from executor.api.forms import ORDER_ID, AgentQuestion, TradeOutcome
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
    "outcome": {
        "act": "inform",
        "at": "2026-03-04T14:00:02.000000+00:00",
        "action": "BUY",
        "outcome": "base moved 12 bps; 1200000000000000 units earned",
    },
    "credited": {
        "outcome": {"move_bps": 12, "markout_bps": {}, "by_horizon": {}, "pnl_units": None, "at": "2026-03-04T14:00:00.000000+00:00"},
        "scores": {"news": 4_944_000},
        "result": "1200000000000000",
        "shapley": {"news": "1200000000000000"},
        "utility_share": {"news": "1200000000000000"},
    },
    "learnt": {"ppm": {"macro": 250_000, "news": 250_000, "onchain": 250_000, "technical": 250_000}, "frozen": ""},
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
UNSETTLED: dict[str, Any] = {**EXAMPLE, "outcome": None, "credited": None, "learnt": None}
TradeId = Annotated[str, Path(pattern=ORDER_ID, description="The trade's id: the client order id.", examples=["desk-7-0002"])]
NOBODY = Unavailable("This executor has no agents to ask, or was not started; start it with --agents, see docs/agents.md.")
ASKED_OTHERWISE = NegotiationConflict(
    "Trade desk-7-0002 was asked about with another amount_in; use a new id for a new question.", trade_id="desk-7-0002"
)
SETTLED_OTHERWISE = NegotiationConflict(
    "Another outcome of trade desk-7-0002 was recorded, and its agents are paid; GET tells which.", trade_id="desk-7-0002"
)


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


def told_once(description: str, document: dict[str, Any]) -> dict[str, Any]:
    """An answer with this example, for the description."""
    return {"description": description, "content": {"application/json": {"example": document}}}


@ROUTER.post(
    "/trade/{trade_id}/negotiation",
    status_code=201,
    summary="Ask the agents about a trade",
    dependencies=[Depends(needs(Role.TRADER))],
    response_class=Answer,
    responses={
        201: told_once("They were asked, and this was decided.", UNSETTLED),
        200: told_once("The same was asked before: this was decided then.", UNSETTLED),
        **errors(401, 403, 404, 409, 413, 422, 503, status_409=ASKED_OTHERWISE, status_503=NOBODY),
    },
)
async def ask(trade_id: TradeId, question: AgentQuestion, request: Request) -> Response:
    """Calls for proposals and decides by the deadline. The same question again gets the recorded decision, another one is refused.

    Nothing an agent says can send anything: the answer is advice, and an order is sent by `POST /orders` alone, past the guards.
    """
    service: ExecutorService = request.app.state.service
    document, is_new = await service.negotiate(trade_id, question.base, question.quote, question.amount_in, tuple(question.actions))
    return _linked(document, is_new)


@ROUTER.post(
    "/trade/{trade_id}/outcome",
    status_code=201,
    summary="Tell what became of a trade, so that the agents learn",
    dependencies=[Depends(needs(Role.TRADER))],
    response_class=Answer,
    responses={
        201: told_once("The agents are credited and their weights have moved.", EXAMPLE),
        200: told_once("The same outcome was told before.", EXAMPLE),
        **errors(401, 403, 404, 409, 413, 422, 503, status_409=SETTLED_OTHERWISE, status_503=NOBODY),
    },
)
async def outcome(trade_id: TradeId, told: TradeOutcome, request: Request) -> Response:
    """Divides what was earned among the agents, to the last unit, and moves each one's weight by what its own proposal would have earned.

    An outcome counts once. A weight moves by at most 50,000 parts of a million; prices older than an hour move none. Nothing is sent.
    """
    service: ExecutorService = request.app.state.service
    document, is_new = await service.settle(
        trade_id,
        move_bps=told.move_bps,
        markout_bps=told.markout_bps,
        by_horizon={int(seconds): move for seconds, move in told.by_horizon.items()},
        pnl_units=told.pnl_units,
        at=told.at,
    )
    return _linked(document, is_new)


def _linked(document: dict[str, Any], is_new: bool) -> Response:
    return Answer(document, 201 if is_new else 200, {"Location": f"/trade/{document['trade_id']}/negotiation"})
