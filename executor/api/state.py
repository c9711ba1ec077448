"""What the service works with and how it is: pools, venues, health, readiness and metrics. No token is asked for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from executor.api.answers import Readiness, VenueList
from executor.api.errors import errors
from executor.api.quotes import ROUTE_EXAMPLE, example
from executor.service import ExecutorService

ROUTER = APIRouter(tags=["state"])
POOLS_EXAMPLE: dict[str, Any] = {
    "chain_id": 1,
    "as_of": "2026-01-19T00:00:00+00:00",
    "pools": [
        {
            "pool_id": 0,
            "pool": ROUTE_EXAMPLE["legs"][0]["pool"],
            "venue": "uniswap_v3",
            "token0": "USDC",
            "token1": "WETH",
            "fee_pips": 500,
            "price": 0.000333,
        }
    ],
}
UNAVAILABLE = {"status": "unavailable", "mode": "simulate", "reason": "Nothing was handed over yet."}
VENUES_EXAMPLE: dict[str, Any] = {
    "chain_id": 1,
    "mirror": {"block_number": 24_100_000, "block_hash": "0x" + "ab" * 32, "lag_blocks": 0, "lag_seconds": 0.2},
    "venues": [{"venue": "sushiswap", "title": "SushiSwap", "shape": "constant_product", "pools": 12, "suspended": False, "reason": None}],
}


@ROUTER.get("/pools", summary="The pools that are quoted", responses={**example(POOLS_EXAMPLE), **errors(503)})
async def pools(request: Request) -> dict[str, Any]:
    """Every pool with its price at the margin, whole token1 per whole token0."""
    service: ExecutorService = request.app.state.service
    return service.pools()


@ROUTER.get(
    "/venues",
    summary="The venues, and how far the mirror is",
    response_model=VenueList,
    responses={**example(VENUES_EXAMPLE), **errors(503)},
)
async def venues(request: Request) -> dict[str, Any]:
    """Each venue with its pools, and why it is not traded on where it is suspended."""
    service: ExecutorService = request.app.state.service
    return service.venues()


@ROUTER.get(
    "/health",
    summary="Whether the process answers, and by which model it decides",
    responses={
        **example({"status": "ok", "mode": "simulate", "uptime_seconds": 12.5, "model_version": "v1", "pools": 5}),
        503: {
            "description": "It answers and cannot decide.",
            "content": {
                "application/json": {"example": {"status": "unavailable", "mode": "simulate", "reason": "Nothing was handed over yet."}}
            },
        },
    },
)
async def health(request: Request, response: Response) -> dict[str, Any]:
    """In the mode `simulate` decisions need a hand-over; 503 until there is one."""
    service: ExecutorService = request.app.state.service
    told = service.health()
    response.status_code = 200 if told["status"] == "ok" else 503
    return told


@ROUTER.get(
    "/ready",
    summary="Whether orders are taken, and every reason why not",
    response_model=Readiness,
    responses={
        **example({"status": "ready", "mode": "live", "reasons": []}),
        503: {
            "model": Readiness,
            "description": "Orders are not taken yet, or not at the moment.",
            "content": {
                "application/json": {
                    "example": {"status": "not_ready", "mode": "live", "reasons": ["The mirror is 7 blocks behind the node."]}
                }
            },
        },
    },
)
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Ready once the journal is replayed, the mirror is synced and the node answers; and for as long as no part has stopped."""
    service: ExecutorService = request.app.state.service
    reasons = service.reasons()
    response.status_code = 503 if reasons else 200
    return {"status": "not_ready" if reasons else "ready", "mode": service.mode, "reasons": reasons}


@ROUTER.get(
    "/metrics",
    summary="Counts and times for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": "grekko_requests_total 1.0"}}}},
)
async def metrics(request: Request) -> Response:
    """The text format of Prometheus."""
    service: ExecutorService = request.app.state.service
    return Response(service.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")
