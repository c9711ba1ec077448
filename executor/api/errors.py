"""Errors over HTTP: which problem has which status, the document it becomes, and an example of each for the description."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from domain import problems
from domain.problems import Problem

STATUS: Sequence[tuple[type[Problem], int]] = (
    (problems.WrongRole, 403),
    (problems.NotAllowed, 401),
    (problems.UnknownToken, 404),
    (problems.UnknownPool, 404),
    (problems.UnknownOrder, 404),
    (problems.UnknownNegotiation, 404),
    (problems.UnknownModel, 404),
    (problems.UnknownReport, 404),
    (problems.NoRoute, 404),
    (problems.OrderConflict, 409),
    (problems.ActivationConflict, 409),
    (problems.NegotiationConflict, 409),
    (problems.JournalHeld, 503),
    (problems.Refused, 422),
    (problems.Unavailable, 503),
    (Problem, 500),
)
PLACES = (
    "There is POST /quote, POST /route, POST /swap, POST and GET /orders, GET and DELETE /orders/{id}, GET /pools, GET /venues, "
    "GET and POST /kill, POST /kill/release, POST /limits/reload, GET /models, POST /models/activate, POST /models/rollback, "
    "GET /models/operations/{id}, GET and POST /trade/{id}/negotiation, POST /trade/{id}/outcome, GET /report/{name}, "
    "GET /health, GET /ready, GET /metrics and GET /openapi.json."
)
REFUSAL = problems.Refused(
    "The order would trade 12,000.00 USD of WETH/USDC, the limit for one order is 10,000.00 USD; send a smaller one.",
    rule="max_notional_per_order",
)
EXAMPLES: dict[int, Problem] = {
    401: problems.NotAllowed("Send the header `Authorization: Bearer TOKEN`."),
    403: problems.WrongRole(
        "This asks for the role trader, the token is of the role viewer; use the token of GREKKO_TOKEN_TRADER.", role="trader"
    ),
    404: problems.UnknownToken("No pool trades a token called DOGE; give a symbol or address of the pools file.", token="DOGE"),
    409: problems.OrderConflict(
        "Order desk-7-0001 was another one; use a new client_order_id for a new order.", client_order_id="desk-7-0001"
    ),
    413: problems.BadInput("Send at most 16384 bytes, with a Content-Length.", field="body"),
    422: problems.BadInput(
        'amount_in: give base units as a whole number or as decimal text, such as 1000000 or "1000000".', field="amount_in"
    ),
    503: problems.Unavailable("Nothing was handed over yet. Materialise promoted_model, or run `grekko demo`."),
}


class ErrorDocument(BaseModel):
    """What went wrong, in a sentence that says what to do next, and the facts behind it."""

    model_config = ConfigDict(extra="allow")

    error: str = Field(description="Name of the problem; a program decides by it.")
    message: str = Field(description="What happened and what to do, for a person.")
    rule: str | None = Field(None, description="Which rule said no, when one did.")
    field: str | None = Field(None, description="Which field, file or argument it is about.")


class Answer(JSONResponse):
    """JSON in ASCII: what was sent in may hold half a character, and that must still go into the sentence that refuses it."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":"), default=str).encode()


def errors(*statuses: int, **examples: Problem) -> dict[int | str, dict[str, Any]]:
    """The errors of a route for its description; `status_422=problem` gives one another example."""
    chosen = {status: examples.get(f"status_{status}", EXAMPLES[status]) for status in statuses}
    return {
        status: {
            "model": ErrorDocument,
            "description": type(problem).__doc__,
            "content": {"application/json": {"example": problem.to_json()}},
        }
        for status, problem in chosen.items()
    }


def told(problem: Problem, status: int | None = None, **more: Any) -> Answer:
    """A problem as an answer, with `more` beside its facts."""
    status = status or next(status for kind, status in STATUS if isinstance(problem, kind))
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "1"} if status == 503 else None
    return Answer(problem.to_json() | more, status, headers)


def tell_errors(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Every error of the application becomes a document."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Answer:
        return told(error)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Answer:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")) or "body"
        return told(problems.BadInput(f"{field}: {first['msg']}.", field=field), 422)

    @app.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: HTTPException) -> Answer:
        if error.status_code == 400:  # a body that is not JSON in a way the parser has no words for
            return told(problems.BadInput("The body could not be read; send one JSON object.", field="body"), 422)
        answer = told(problems.BadInput(PLACES, field="path"), error.status_code)
        if error.status_code == 405:  # what the framework says is only the first route of that path
            here = {method for route in routes if route.path_regex.match(request.url.path) for method in route.methods or ()}
            answer.headers["Allow"] = ", ".join(sorted(here))
        return answer
