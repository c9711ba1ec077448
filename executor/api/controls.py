"""The brakes: stop everything, let go again, load the limits anew.

Stopping is always safe, so a trader may; letting go takes an admin and a reason.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from executor.api.answers import KillState, LimitsDocument
from executor.api.errors import errors
from executor.api.forms import LetGo, Reason
from executor.api.quotes import example
from executor.api.tokens import Role, needs
from executor.service import ExecutorService

ROUTER = APIRouter(tags=["controls"])
TRIPPED: dict[str, Any] = {
    "tripped": True,
    "rule": "person",
    "reason": "prices look wrong on one venue",
    "since": "2026-01-19T00:00:00+00:00",
    "facts": {},
    "release_code": "a41f09c2",
}
RELEASED = {**dict.fromkeys(TRIPPED), "tripped": False, "facts": {}, "reason": "the venue is well again"}
LOADED: dict[str, Any] = {
    "changed": ["max_notional_per_day_usd"],
    "waiting": [],
    "why": None,
    "limits": {"max_notional_per_day_usd": "50000"},
}


@ROUTER.get(
    "/kill",
    summary="Whether everything is stopped, and why",
    dependencies=[Depends(needs(Role.VIEWER))],
    response_model=KillState,
    responses={**example(TRIPPED), **errors(401, 413, 503)},
)
async def look(request: Request) -> dict[str, Any]:
    """The switch as it is, with the code that lets go of it."""
    service: ExecutorService = request.app.state.service
    return service.killed()


@ROUTER.post(
    "/kill",
    summary="Stop: nothing new is signed",
    dependencies=[Depends(needs(Role.TRADER))],
    response_model=KillState,
    responses={**example(TRIPPED), **errors(401, 403, 413, 422, 503)},
)
async def trip(why: Reason, request: Request) -> dict[str, Any]:
    """From now on every new order is refused by the rule `kill_switch`. What is signed is seen through; cancel it if you want it gone."""
    service: ExecutorService = request.app.state.service
    return service.trip(why.reason)


@ROUTER.post(
    "/kill/release",
    summary="Let go: orders are taken again",
    dependencies=[Depends(needs(Role.ADMIN))],
    response_model=KillState,
    responses={**example(RELEASED), **errors(401, 403, 413, 422, 503)},
)
async def release(which: LetGo, request: Request) -> dict[str, Any]:
    """Two steps: look at the stop with GET /kill, then let go of that very one by its code."""
    service: ExecutorService = request.app.state.service
    return service.release(which.code, which.reason)


@ROUTER.post(
    "/limits/reload",
    summary="Load the limits file again",
    dependencies=[Depends(needs(Role.ADMIN))],
    response_model=LimitsDocument,
    responses={
        **example(LOADED),
        **errors(401, 403, 413, 422, 503),
    },
)
async def reload_limits(request: Request) -> dict[str, Any]:
    """A file that does not pass is refused and changes nothing: limits never loosen by accident."""
    service: ExecutorService = request.app.state.service
    return service.reload_limits()
