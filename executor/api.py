"""The executor over HTTP: JSON in, JSON out, every error typed, and a token for whatever is more than a look."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from domain import problems
from domain.problems import Problem
from executor.service import ExecutorService
from executor.simulation import SLIPPAGE_BPS

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
LARGEST_BODY = 16_384
SECONDS_BETWEEN_LOOKS = 1.0
STATUS: Sequence[tuple[type[Problem], int]] = (
    (problems.NotAllowed, 401),
    (problems.UnknownToken, 404),
    (problems.UnknownPool, 404),
    (problems.NoRoute, 404),
    (problems.OrderConflict, 409),
    (problems.Refused, 422),
    (problems.Unavailable, 503),
    (Problem, 500),
)


def whole_units(value: Any) -> int:
    """Base units as JSON carries them: a whole number, or decimal text for those a JavaScript number cannot hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 78:
        return int(value)
    raise ValueError('give base units as a whole number or as decimal text, such as 1000000 or "1000000"')


Units = Annotated[int, BeforeValidator(whole_units), Field(gt=0, lt=1 << 255, json_schema_extra={"type": ["string", "integer"]})]
Name = Annotated[str, Field(min_length=1, max_length=64)]
ORDER: dict[str, JsonValue] = {"sell": "WETH", "buy": "USDC", "amount_in": "1000000000000000000"}
DESK_ORDER: dict[str, JsonValue] = {**ORDER, "slippage_bps": 50, "may_wait": True, "client_order_id": "desk-7-0001"}


class QuoteOrder(BaseModel):
    """What to sell, for what, and how much of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ORDER]})

    sell: Name = Field(description="Symbol or address of the token sold.")
    buy: Name = Field(description="Symbol or address of the token bought.")
    amount_in: Units = Field(description="Sold, base units.")


class SwapOrder(QuoteOrder):
    """An order, and how far it may stray."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [DESK_ORDER]})

    slippage_bps: int = Field(SLIPPAGE_BPS, ge=0, lt=10_000, description="How much less than simulated may come out, bps.")
    may_wait: bool = Field(True, description="Whether the model may choose to wait.")
    client_order_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")] | None = Field(
        None, description="Your id for the order: sending it again returns the same answer."
    )


def create_app(service: ExecutorService, token: str, *, hosts: Sequence[str] = LOOPBACK, looks: bool = True) -> FastAPI:
    """The service as an ASGI application.

    `token` is what POST /swap asks for, `hosts` the names it answers to (a page elsewhere cannot reach a loopback service by pointing
    its own name at it), `looks` whether it watches for newer hand-overs.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(_watch(service)) if looks else None
        yield
        if watch:
            watch.cancel()

    app = FastAPI(
        title="Grekko executor",
        version="1",
        description="Quotes and simulates swaps on exact pools, decided by the promoted model. Simulation only: nothing can be sent.",
        lifespan=lifespan,
        # The usual pages load their scripts from elsewhere; the machine-readable description stays.
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    _measure(app, service)
    _tell_errors(app)

    async def with_token(authorization: Annotated[str | None, Header()] = None) -> None:
        offered = (authorization or "").removeprefix("Bearer ")
        if not hmac.compare_digest(offered.encode(), token.encode()):
            raise problems.NotAllowed(
                "Send the header `Authorization: Bearer TOKEN` with the token of GREKKO_TOKEN, or the one printed at the start."
            )

    @app.post("/quote", summary="What an order would get now, leg by leg", responses=_errors(404, 422, 503))
    async def quote(order: QuoteOrder) -> dict[str, Any]:
        return service.quote(order.sell, order.buy, order.amount_in)

    @app.post(
        "/swap",
        summary="Simulate a swap the way the model decides",
        dependencies=[Depends(with_token)],
        responses=_errors(401, 404, 409, 422, 503),
    )
    async def swap(order: SwapOrder) -> dict[str, Any]:
        return service.swap(order.sell, order.buy, order.amount_in, order.slippage_bps, order.may_wait, order.client_order_id)

    @app.get("/pools", summary="The pools that are quoted", responses=_errors(503))
    async def pools() -> dict[str, Any]:
        return service.pools()

    @app.get("/health", summary="Whether decisions can be made, and by which model")
    async def health(response: Response) -> dict[str, Any]:
        told = service.health()
        response.status_code = 200 if told["status"] == "ok" else 503
        return told

    @app.get("/metrics", summary="Counts and times for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(service.telemetry.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


async def _watch(service: ExecutorService) -> None:
    """Looks for a newer hand-over every second, away from the loop that answers."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            await asyncio.to_thread(service.refresh)
        except Exception:
            # What is in force stays in force; the next look may find it mended.
            logging.getLogger("grekko.executor").exception("The look for a newer hand-over failed.")


def _measure(app: FastAPI, service: ExecutorService) -> None:
    @app.middleware("http")
    async def measured(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        begun = time.perf_counter()
        length = request.headers.get("content-length", "0")
        # A body of unknown length is as good as an endless one.
        if request.method == "POST" and (not length.isdecimal() or int(length) > LARGEST_BODY or "transfer-encoding" in request.headers):
            response: Response = _told(problems.BadInput(f"Send at most {LARGEST_BODY} bytes, with a Content-Length.", field="body"), 413)
        else:
            response = await call_next(request)
        # Unknown paths share one label: a scanner must not fill the page with its guesses.
        known = {getattr(route, "path", "") for route in app.routes}
        route = request.url.path if request.url.path in known else "other"
        service.telemetry.requests.labels(route, str(response.status_code)).inc()
        service.telemetry.seconds.labels(route).observe(time.perf_counter() - begun)
        return response


def _tell_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> JSONResponse:
        return _told(error, next(status for kind, status in STATUS if isinstance(error, kind)))

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
        return _told(problems.BadInput(f"{field}: {first['msg']}.", field=field), 422)

    @app.exception_handler(HTTPException)
    async def elsewhere(_: Request, error: HTTPException) -> JSONResponse:
        told = problems.BadInput(
            "There is POST /quote, POST /swap, GET /pools, GET /health, GET /metrics and GET /openapi.json.", field="path"
        )
        return _told(told, error.status_code)


def _told(error: Problem, status: int) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "1"} if status == 503 else None
    return JSONResponse(error.to_json(), status, headers)


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    examples = {
        401: problems.NotAllowed("Send the header `Authorization: Bearer TOKEN`."),
        404: problems.UnknownToken("No pool trades a token called DOGE; give a symbol or address of the pools file.", token="DOGE"),
        409: problems.OrderConflict("Order desk-7-0001 was another one; use a new client_order_id for a new order."),
        422: problems.BadInput("amount_in: give base units as a whole number or as decimal text.", field="amount_in"),
        503: problems.Unavailable("Nothing was handed over yet. Materialise promoted_model, or run `grekko demo`."),
    }
    return {
        status: {"description": type(examples[status]).__doc__, "content": {"application/json": {"example": examples[status].to_json()}}}
        for status in statuses
    }
