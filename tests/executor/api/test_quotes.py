"""Prices over HTTP: the same answers as the service gives, and every request that cannot be meant refused with its field."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from executor import api
from executor.api import Role, create_app
from executor.service import ExecutorService
from tests.executor.api.asking import ORDER, TOKENS, asked, talking_to
from tests.executor.trading_floor import WEI, always, hand_over


def test_a_quote_needs_no_token(service: ExecutorService) -> None:
    answer = asked(service, "POST", "/quote", json=ORDER)
    assert answer.status_code == 200
    assert answer.json()["options"]["now"]["amount_in"] == str(WEI)


def test_a_route_comes_with_its_certificate(service: ExecutorService) -> None:
    answer = asked(service, "POST", "/route", json=ORDER)
    assert answer.status_code == 200
    told = answer.json()
    assert int(told["amount_out"]) <= int(told["upper_bound"])
    assert 0 <= told["certificate_bps"] < 100
    assert told["legs"][-1]["share_x64"] == str(2**64)
    assert (told["sell"]["symbol"], told["buy"]["symbol"], told["amount_in"]) == ("WETH", "USDC", str(WEI))


def test_a_route_of_one_leg_has_one_leg(service: ExecutorService) -> None:
    answer = asked(service, "POST", "/route", json=ORDER | {"amount_in": str(100 * WEI), "max_legs": 1, "gas_per_leg": "5"})
    assert len(answer.json()["legs"]) == 1
    assert answer.json()["gas_per_leg"] == "5"


def test_a_swap_is_simulated_for_a_trader(service: ExecutorService) -> None:
    answer = asked(service, "POST", "/swap", Role.TRADER, json={**ORDER, "client_order_id": "desk-7"})
    assert answer.status_code == 200
    done = answer.json()
    assert (done["sent"], done["client_order_id"], done["decision"]["action"]) == (False, "desk-7", "now")


def test_a_swap_without_a_token_is_not_done(service: ExecutorService) -> None:
    assert asked(service, "POST", "/swap", json=ORDER).status_code == 401
    assert "grekko_decisions_total{" not in service.telemetry.text().decode()


def test_simulating_an_order_twice_is_one_decision(service: ExecutorService) -> None:
    order = {**ORDER, "client_order_id": "once"}
    first = asked(service, "POST", "/swap", Role.TRADER, json=order)
    again = asked(service, "POST", "/swap", Role.TRADER, json=order)
    assert first.json() == again.json()
    assert 'grekko_decisions_total{action="now",model_version="v1"} 1.0' in service.telemetry.text().decode()
    other = asked(service, "POST", "/swap", Role.TRADER, json={**order, "amount_in": "1"})
    assert (other.status_code, other.json()["error"]) == (409, "OrderConflict")


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"sell": "DOGE"}, 404, "UnknownToken"),
        ({"amount_in": str(1 << 200)}, 404, "NoRoute"),
        ({"buy": "WETH"}, 422, "BadInput"),
        ({"amount_in": "0"}, 422, "BadInput"),
        ({"amount_in": "-5"}, 422, "BadInput"),
        ({"amount_in": 1e18}, 422, "BadInput"),
        ({"amount_in": True}, 422, "BadInput"),
        ({"amount_in": str(1 << 255)}, 422, "BadInput"),
        ({"amount_in": "9" * 79}, 422, "BadInput"),
        ({"surprise": 1}, 422, "BadInput"),
        ({"sell": ""}, 422, "BadInput"),
    ],
)
@pytest.mark.parametrize("path", ["/quote", "/route"])
def test_an_order_that_cannot_be_meant_is_refused_with_its_field(
    service: ExecutorService, path: str, change: dict, status: int, error: str
) -> None:
    answer = asked(service, "POST", path, json=ORDER | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"]


@pytest.mark.parametrize("content", [b"{", b"[1" * 4000, b'{"amount_in":' + b"9" * 5000 + b"}", b'{"\\ud800": 1}', b"\xff"])
def test_a_body_that_is_no_json_object_of_ours_is_refused(service: ExecutorService, content: bytes) -> None:
    answer = asked(service, "POST", "/quote", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (422, "BadInput")


def test_an_endless_body_is_not_read(service: ExecutorService) -> None:
    async def endless():
        yield b"{" * 10

    assert asked(service, "POST", "/quote", content=b" " * (api.LARGEST_BODY + 1)).status_code == 413
    assert asked(service, "POST", "/quote", content=endless()).status_code == 413


def test_whole_numbers_in_json_are_amounts_too(service: ExecutorService) -> None:
    assert asked(service, "POST", "/quote", json=ORDER | {"amount_in": WEI}).json() == asked(service, "POST", "/quote", json=ORDER).json()


def test_orders_that_arrive_together_with_a_change_of_model_are_each_answered_whole(
    service: ExecutorService, folder: Path, tmp_path: Path
) -> None:
    bundles = [always("split", tmp_path / "bundles"), always("wait", tmp_path / "bundles")]

    async def rush() -> list[httpx.Response]:
        async with talking_to(create_app(service, TOKENS, looks=False), Role.TRADER) as client:

            async def order(number: int) -> httpx.Response:
                if number % 10 == 0:
                    hand_over(folder, bundles[number // 10 % 2], f"v{number}")
                    await asyncio.to_thread(service.refresh)
                return await client.post("/swap", json={**ORDER, "client_order_id": str(number)})

            return await asyncio.gather(*(order(number) for number in range(60)))

    answers = [response.json() for response in asyncio.run(rush())]
    assert [answer["client_order_id"] for answer in answers] == [str(number) for number in range(60)]
    believes = {"v1": "now"} | {f"v{number}": ("split", "wait")[number // 10 % 2] for number in range(0, 60, 10)}
    for answer in answers:
        assert answer["decision"]["action"] == believes[answer["decision"]["model_version"]], json.dumps(answer["decision"])
