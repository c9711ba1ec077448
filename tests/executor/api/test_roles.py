"""Every route that changes something refuses without a token and with the wrong role. The routes are those the application has.

A route that is added later is covered without a word here; if it needs no token, it must be named among the few that do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from executor.api import Role
from tests.executor.api.asking import ORDER, Opened, bearing, talking_to

# They only calculate: a body is too small a place for what they are asked, hence POST.
LOOKUPS = {("POST", "/quote"), ("POST", "/route")}
OPEN = {("GET", path) for path in ("/pools", "/venues", "/health", "/ready", "/metrics")}
# They hold personal data, which whoever looks at orders need not see.
PERSONAL = {("GET", "/report/{name}")}
READS = {"GET", "HEAD", "OPTIONS"}


def every_route(app: FastAPI) -> Iterator[tuple[str, str, Role | None]]:
    """Method, path and the role that a route asks for, of every route of the application."""
    for one in app.routes:
        router = getattr(one, "original_router", None)
        for route in router.routes if router else [one]:
            if isinstance(route, APIRoute):
                roles = [role for asked in route.dependencies if (role := getattr(asked.dependency, "role", None)) is not None]
                yield from ((method, route.path, next(iter(roles), None)) for method in sorted(route.methods))


def test_the_routes_are_those_that_are_described(opened: Opened) -> None:
    described = {(method.upper(), path) for path, item in opened.app.openapi()["paths"].items() for method in item}
    assert described == {(method, path) for method, path, _ in every_route(opened.app)}


def asked_as(opened: Opened, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    async def talk() -> httpx.Response:
        async with talking_to(opened.app) as client:
            return await client.request(
                method,
                path.replace("{order_id}", "one").replace("{trade_id}", "one").replace("{name}", "MiCA"),
                json=ORDER if method == "POST" else None,
                headers=headers,
            )

    return asyncio.run(talk())


def test_every_route_that_changes_something_refuses_without_a_token_and_with_the_wrong_role(opened: Opened) -> None:
    mutating = [(method, path, role) for method, path, role in every_route(opened.app) if method not in READS]
    assert {(method, path) for method, path, _ in mutating} >= LOOKUPS | {("POST", "/orders"), ("DELETE", "/orders/{order_id}")}
    for method, path, role in mutating:
        if (method, path) in LOOKUPS:
            continue
        assert role in (Role.TRADER, Role.ADMIN), f"{method} {path} changes something and asks for no trader"
        assert role is not None
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {'t' * 20}"}):
            answer = asked_as(opened, method, path, headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "NotAllowed"), (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
        for other in Role:
            answer = asked_as(opened, method, path, bearing(other))
            assert (answer.status_code == 403) == (not other.may(role)), (method, path, other)
            assert answer.status_code != 401


def test_every_route_that_shows_orders_wants_a_viewer(opened: Opened) -> None:
    for method, path, role in every_route(opened.app):
        if method == "GET" and (method, path) not in OPEN:
            wanted = Role.COMPLIANCE if (method, path) in PERSONAL else Role.VIEWER
            assert role is wanted, f"{path} can be read by anybody; name it among the open ones if that is meant"
            assert asked_as(opened, method, path, {}).status_code == 401


def test_an_officer_reads_reports_and_orders_and_changes_nothing(opened: Opened) -> None:
    for method, path, role in every_route(opened.app):
        if (method, path) in OPEN | LOOKUPS or role is None:
            continue
        refused = asked_as(opened, method, path, bearing(Role.COMPLIANCE)).status_code == 403
        assert refused == (method not in READS), (method, path)


def test_each_role_may_do_what_the_ones_below_it_may(opened: Opened) -> None:
    for role in Role:
        assert asked_as(opened, "GET", "/orders", bearing(role)).status_code == 503  # not started: it got past the door


@pytest.mark.parametrize("header", [b"Bearer", b"Bearer ", b"t" * 20, b"Bearer \xe9", b"bearer  " + b"t" * 19, b"Bearer " + b"t" * 19])
def test_a_token_that_is_almost_right_is_wrong(opened: Opened, header: bytes) -> None:
    async def talk() -> httpx.Response:
        async with talking_to(opened.app) as client:
            return await client.post("/orders", json=ORDER, headers=[(b"authorization", header)])

    assert asyncio.run(talk()).status_code == 401


def test_a_wrong_role_is_told_which_one_is_asked_for(opened: Opened) -> None:
    answer = asked_as(opened, "POST", "/kill/release", bearing(Role.TRADER))
    assert (answer.status_code, answer.json()["role"]) == (403, "admin")
    assert "GREKKO_TOKEN_ADMIN" in answer.json()["message"]
