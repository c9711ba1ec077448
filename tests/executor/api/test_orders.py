"""Orders over HTTP: sent once however often, looked at entry by entry, listed page by page, given up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.problems import JournalUnavailable
from executor.api import Role
from executor.service import ExecutorService
from tests.executor.api.asking import ORDER, Opened, asked, bearing
from tests.executor.trading_floor import WEI


def told(opened: Opened, talk: Any) -> Any:
    """What somebody with a trader's token learnt in a talk with the running application."""

    async def run() -> Any:
        async with opened.client(Role.TRADER) as client:
            return await talk(client)

    return asyncio.run(run())


def test_an_order_is_taken_as_far_as_the_mode_goes(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/orders", json={**ORDER, "client_order_id": "one", "slippage_bps": 100})

    answer = told(opened, talk)
    assert answer.status_code == 201
    assert answer.headers["location"] == "/orders/one"
    order = answer.json()
    assert (order["state"], order["mode"], order["is_terminal"], order["account"]) == ("simulated", "simulate", True, None)
    assert order["sell"]["symbol"] == "WETH"
    planned = order["routed"]
    assert int(planned["min_amount_out"]) == int(planned["amount_out"]) * 9900 // 10000
    assert order["rehearsed"]["amount_out"] == planned["amount_out"]


def test_sending_an_order_twice_is_one_order(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        body = {**ORDER, "client_order_id": "one"}
        sent = [await client.post("/orders", json=body) for _ in range(2)]
        by_header = await client.post("/orders", json=ORDER, headers={"Idempotency-Key": "one"})
        return [*sent, by_header, await client.get("/orders")]

    first, again, by_header, listed = told(opened, talk)
    assert (first.status_code, again.status_code, by_header.status_code) == (201, 200, 200)
    assert first.json() == again.json() == by_header.json()
    assert len(listed.json()["orders"]) == 1


def test_many_who_send_the_same_order_at_once_get_one_order(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        body = {**ORDER, "client_order_id": "one"}
        await asyncio.gather(*(client.post("/orders", json=body) for _ in range(20)))
        return [await client.get("/orders/one")]

    (life,) = told(opened, talk)
    assert [entry["kind"] for entry in life.json()["life"]] == ["intent", "routed", "simulated"]


def test_an_id_that_was_used_for_another_order_is_a_conflict(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        await client.post("/orders", json={**ORDER, "client_order_id": "one"})
        return await client.post("/orders", json={**ORDER, "client_order_id": "one", "amount_in": "5"})

    answer = told(opened, talk)
    assert (answer.status_code, answer.json()["error"]) == (409, "OrderConflict")


def test_two_ways_to_give_an_id_must_agree(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/orders", json={**ORDER, "client_order_id": "one"}, headers={"Idempotency-Key": "two"})

    assert told(opened, talk).json()["field"] == "client_order_id"


def test_an_order_without_an_id_gets_one_and_can_be_found_by_it(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        sent = await client.post("/orders", json=ORDER)
        return sent, await client.get(sent.headers["location"])

    sent, found = told(opened, talk)
    assert sent.json()["client_order_id"].startswith("grekko-")
    assert found.json()["order"] == sent.json()


def test_a_whole_life_is_told_entry_by_entry_with_its_hashes(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        await client.post("/orders", json={**ORDER, "client_order_id": "one"})
        return await client.get("/orders/one", headers=bearing(Role.VIEWER))

    life = told(opened, talk).json()["life"]
    assert [entry["kind"] for entry in life] == ["intent", "routed", "simulated"]
    assert [entry["seq"] for entry in life] == [1, 2, 3]
    assert all(len(entry["hash"]) == 64 for entry in life)
    assert life[0]["facts"]["request"]["amount_in"] == str(WEI)


def test_a_refused_order_exists_and_says_which_rule(opened: Opened) -> None:
    opened.brakes.limit = 10

    async def talk(client: httpx.AsyncClient) -> tuple[httpx.Response, ...]:
        body = {**ORDER, "client_order_id": "one"}
        sent = await client.post("/orders", json=body)
        return sent, await client.post("/orders", json=body), await client.get("/orders/one"), await client.get("/metrics")

    sent, again, life, metrics = told(opened, talk)
    assert sent.status_code == again.status_code == 422
    document = sent.json()
    assert (document["rule"], document["order"]["state"]) == ("max_notional_per_order", "refused")
    assert document["order"]["refusal"]["limit"] == 10
    assert again.json() == document
    assert [entry["kind"] for entry in life.json()["life"]] == ["intent", "refused"]
    assert 'grekko_rejects_total{rule="max_notional_per_order"} 1.0' in metrics.text
    assert 'grekko_orders_total{mode="simulate",state="refused"} 1.0' in metrics.text


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"amount_in": str(1 << 200)}, 422, "no_route"),
        ({"min_amount_out": str(1 << 90)}, 422, "min_amount_out"),
        ({"sell": "DOGE"}, 404, None),
        ({"buy": "WETH"}, 422, None),
        ({"valid_for_seconds": 0}, 422, None),
        ({"slippage_bps": 10_000}, 422, None),
        ({"client_order_id": "no spaces"}, 422, None),
        ({"client_order_id": ""}, 422, None),
    ],
)
def test_an_order_that_cannot_be_done_says_why(opened: Opened, change: dict, status: int, said: str | None) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/orders", json=ORDER | change)

    answer = told(opened, talk)
    assert (answer.status_code, answer.json().get("rule")) == (status, said)
    assert ("order" in answer.json()) == (said is not None)


def test_orders_are_listed_the_newest_first_page_by_page(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> list[dict]:
        for number in range(5):
            await client.post("/orders", json={**ORDER, "client_order_id": f"o{number}"})
        opened.brakes.limit = 10
        await client.post("/orders", json={**ORDER, "client_order_id": "large"})
        pages = [(await client.get("/orders", params={"limit": 2})).json()]
        while pages[-1]["next"]:
            pages.append((await client.get("/orders", params={"limit": 2, "after": pages[-1]["next"]})).json())
        return [*pages, (await client.get("/orders", params={"state": "refused"})).json()]

    *pages, refused = told(opened, talk)
    assert [[one["client_order_id"] for one in page["orders"]] for page in pages] == [["large", "o4"], ["o3", "o2"], ["o1", "o0"]]
    assert [one["client_order_id"] for one in refused["orders"]] == ["large"]


def test_a_page_behind_an_order_that_is_not_there_is_not_found(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> tuple[httpx.Response, ...]:
        return await client.get("/orders?after=nobody"), await client.get("/orders/nobody"), await client.delete("/orders/nobody")

    for answer in told(opened, talk):
        assert (answer.status_code, answer.json()["error"]) == (404, "UnknownOrder")


def test_giving_up_an_order_that_has_ended_changes_nothing(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        sent = await client.post("/orders", json={**ORDER, "client_order_id": "one"})
        return sent, await client.delete("/orders/one")

    sent, after = told(opened, talk)
    assert (after.status_code, after.json()) == (200, sent.json())


def test_an_order_outlives_a_restart(opened: Opened, folder: Path) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/orders", json={**ORDER, "client_order_id": "one"})

    first = told(opened, talk)
    again = Opened(folder)
    again.store.rows = opened.store.rows
    assert told(again, talk).json() == first.json()


def test_while_orders_are_not_taken_a_new_one_is_not_begun_and_an_old_one_is_still_told(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        await client.post("/orders", json={**ORDER, "client_order_id": "one"})
        opened.troubles.append("The mirror is 7 blocks behind the node.")
        new = await client.post("/orders", json={**ORDER, "client_order_id": "two"})
        old = await client.post("/orders", json={**ORDER, "client_order_id": "one"})
        return [new, old, await client.get("/orders/two")]

    new, old, unknown = told(opened, talk)
    assert (new.status_code, new.headers["retry-after"]) == (503, "1")
    assert "7 blocks behind" in new.json()["message"]
    assert (old.status_code, unknown.status_code) == (200, 404)


def test_a_journal_that_takes_nothing_is_told_as_unavailable(opened: Opened) -> None:
    async def talk(client: httpx.AsyncClient) -> httpx.Response:
        async def full(rows: object) -> None:
            raise JournalUnavailable("The disk is full; make space.")

        opened.store.commit = full
        return await client.post("/orders", json=ORDER)

    answer = told(opened, talk)
    assert (answer.status_code, answer.json()["error"]) == (503, "JournalUnavailable")


def test_an_order_is_known_by_its_id_though_its_token_is_gone(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        from executor.routing.pool_book import PoolBook

        first = await client.post("/orders", json={**ORDER, "client_order_id": "one"})
        by_address = {**ORDER, "sell": first.json()["sell"]["token"], "buy": first.json()["buy"]["token"], "client_order_id": "one"}
        floor = opened.service._planner.floor()
        monkeypatch.setattr(opened.service._planner, "floor", lambda: type(floor)(floor.chain_id, PoolBook([]), floor.as_of))
        return [await client.post("/orders", json=by_address), await client.get("/orders/one")]

    again, life = told(opened, talk)
    assert again.status_code == 200
    assert life.json()["order"]["sell"]["symbol"] is None


def test_a_service_without_an_engine_takes_no_orders(service: ExecutorService) -> None:
    for method, path in (("POST", "/orders"), ("GET", "/orders"), ("GET", "/orders/x"), ("DELETE", "/orders/x"), ("GET", "/venues")):
        answer = asked(service, method, path, Role.TRADER, json=ORDER if method == "POST" else None)
        assert (answer.status_code, answer.json()["error"]) == (503, "Unavailable")
