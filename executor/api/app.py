"""The service as an ASGI application: its routes, who it answers, how much it reads, and what it counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from domain.problems import BadInput
from executor.api import controls, models, negotiations, orders, quotes, reports, state
from executor.api.description import DESCRIPTION, keep_whole_examples
from executor.api.errors import Answer, tell_errors, told
from executor.api.tokens import Tokens
from executor.service import ExecutorService

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
LARGEST_BODY = 16_384
SECONDS_BETWEEN_LOOKS = 1.0
PARTS = (quotes.ROUTER, orders.ROUTER, state.ROUTER, controls.ROUTER, models.ROUTER, negotiations.ROUTER, reports.ROUTER)


def create_app(service: ExecutorService, tokens: Tokens, *, hosts: Sequence[str] = LOOPBACK, looks: bool = True) -> FastAPI:
    """The service as an ASGI application, which also starts and stops it.

    `hosts` are the names it answers to (a page elsewhere cannot reach a loopback service by pointing its own name at it), `looks`
    whether it watches for newer hand-overs.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            watch = asyncio.create_task(_watch(service)) if looks else None
            try:
                yield
            finally:
                if watch:
                    watch.cancel()
                    with suppress(asyncio.CancelledError):
                        await watch

    app = FastAPI(
        title="Grekko executor",
        version="2",
        description=DESCRIPTION,
        lifespan=lifespan,
        default_response_class=Answer,
        # The usual pages load their scripts from elsewhere; the machine-readable description stays.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.tokens = tokens
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    _measure(app, service)
    tell_errors(app, PARTS)
    for part in PARTS:
        app.include_router(part)
    keep_whole_examples(app, PARTS)
    return app


async def _watch(service: ExecutorService) -> None:
    """Looks for a newer hand-over every second, away from the loop that answers."""
    while True:
        await service.clock.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            await asyncio.to_thread(service.refresh)
        except Exception:
            # What is in force stays in force; the next look may find it mended.
            logging.getLogger("grekko.executor").exception("The look for a newer hand-over failed.")


def _measure(app: FastAPI, service: ExecutorService) -> None:
    @app.middleware("http")
    async def measured(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        begun = service.clock.monotonic()
        length = request.headers.get("content-length", "0")
        # A body of unknown length is as good as an endless one.
        if not length.isdecimal() or int(length) > LARGEST_BODY or "transfer-encoding" in request.headers:
            response: Response = told(BadInput(f"Send at most {LARGEST_BODY} bytes, with a Content-Length.", field="body"), 413)
        else:
            response = await call_next(request)
        # Unknown paths share one label, and so do all orders: neither a scanner nor a busy day must fill the page.
        route = getattr(request.scope.get("route"), "path", None) or "other"
        service.telemetry.requests.labels(route, str(response.status_code)).inc()
        service.telemetry.seconds.labels(route).observe(service.clock.monotonic() - begun)
        return response
