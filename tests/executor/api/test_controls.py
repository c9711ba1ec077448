"""The brakes over HTTP: whoever trades may stop, an admin lets go, and a bad limits file changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from executor.api import Role
from tests.executor.api.asking import ORDER, Opened, bearing

WHY = {"reason": "prices look wrong"}
LET_GO = {"reason": "they are right", "code": "a41f09c2"}


def talked(opened: Opened, *requests: tuple[Role, str, dict[str, Any] | None]) -> list[Any]:
    async def talk() -> list[Any]:
        async with opened.client() as client:
            return [await client.post(path, json=body, headers=bearing(role)) for role, path, body in requests]

    return asyncio.run(talk())


def test_a_trader_stops_everything_and_an_admin_lets_go(opened: Opened) -> None:
    stopped, refused, not_allowed, released, taken = talked(
        opened,
        (Role.TRADER, "/kill", WHY),
        (Role.TRADER, "/orders", {**ORDER, "client_order_id": "one"}),
        (Role.TRADER, "/kill/release", LET_GO),
        (Role.ADMIN, "/kill/release", LET_GO),
        (Role.TRADER, "/orders", {**ORDER, "client_order_id": "two"}),
    )
    assert (stopped.json()["tripped"], stopped.json()["reason"]) == (True, "prices look wrong")
    assert (refused.status_code, refused.json()["rule"]) == (422, "kill_switch")
    assert not_allowed.status_code == 403
    assert released.json()["tripped"] is False
    assert taken.status_code == 201


def test_nobody_lets_go_of_a_stop_that_was_not_looked_at(opened: Opened) -> None:
    async def talk() -> list[Any]:
        async with opened.client(Role.ADMIN) as client:
            await client.post("/kill", json=WHY)
            wrong = await client.post("/kill/release", json={**LET_GO, "code": "another"})
            looked = await client.get("/kill", headers=bearing(Role.VIEWER))
            code = looked.json()["release_code"]
            return [wrong, await client.post("/kill/release", json={**LET_GO, "code": code})]

    wrong, right = asyncio.run(talk())
    assert (wrong.status_code, wrong.json()["field"]) == (422, "code")
    assert (right.status_code, right.json()["tripped"]) == (200, False)


def test_the_switch_is_in_the_metrics(opened: Opened) -> None:
    async def talk() -> list[str]:
        async with opened.client(Role.TRADER) as client:
            before = (await client.get("/metrics")).text
            await client.post("/kill", json=WHY)
            return [before, (await client.get("/metrics")).text]

    before, after = asyncio.run(talk())
    assert "grekko_kill_switch 0.0" in before and "grekko_kill_switch 1.0" in after
    assert "grekko_ready 1.0" in before


def test_stopping_takes_a_reason(opened: Opened) -> None:
    for body in ({}, {"reason": ""}, {"reason": "x" * 501}, {"reason": 1}, None):
        (answer,) = talked(opened, (Role.TRADER, "/kill", body))
        assert answer.status_code == 422
    assert opened.brakes.reason is None


def test_limits_are_loaded_again_by_an_admin(opened: Opened) -> None:
    opened.brakes.next_limit = 10
    loaded, refused = talked(opened, (Role.ADMIN, "/limits/reload", None), (Role.TRADER, "/orders", ORDER))
    assert (loaded.json()["changed"], loaded.json()["limits"]) == (["max_amount"], {"max_amount": "10"})
    assert refused.json()["rule"] == "max_notional_per_order"


def test_a_bad_limits_file_is_refused_and_changes_nothing(opened: Opened) -> None:
    opened.brakes.limit, opened.brakes.next_limit = 10, -1
    refused, order = talked(opened, (Role.ADMIN, "/limits/reload", None), (Role.TRADER, "/orders", ORDER))
    assert (refused.status_code, refused.json()["field"]) == (422, "max_amount")
    assert order.json()["rule"] == "max_notional_per_order"
