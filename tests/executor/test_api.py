"""The service over HTTP: the same answers, typed errors, and a token for whatever is more than a look."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from executor import api
from executor.api import create_app
from executor.service import ExecutorService
from tests.executor.trading_floor import WEI, always, hand_over

TOKEN = "a-token-of-enough-characters"
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}
ORDER = {"sell": "WETH", "buy": "USDC", "amount_in": str(WEI)}


def asked(service: ExecutorService, method: str, path: str, **options: Any) -> httpx.Response:
    """One request to a fresh application over this service."""

    async def talk() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_app(service, TOKEN, looks=False))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8642") as client:
            return await client.request(method, path, **options)

    return asyncio.run(talk())


def test_a_quote_needs_no_token(service: ExecutorService) -> None:
    answer = asked(service, "POST", "/quote", json=ORDER)
    assert answer.status_code == 200
    assert answer.json()["options"]["now"]["amount_in"] == str(WEI)


def test_a_swap_is_simulated_for_whoever_has_the_token(service: ExecutorService) -> None:
    answer = asked(service, "POST", "/swap", json={**ORDER, "client_order_id": "desk-7"}, headers=ALLOWED)
    assert answer.status_code == 200
    done = answer.json()
    assert (done["sent"], done["client_order_id"], done["decision"]["action"]) == (False, "desk-7", "now")


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN[:-1]}, {"Authorization": "Bearer \xe9"}]
)
def test_a_swap_without_the_token_is_not_done(service: ExecutorService, headers: dict[str, str]) -> None:
    answer = asked(service, "POST", "/swap", json=ORDER, headers=[(name, value.encode("latin-1")) for name, value in headers.items()])
    assert answer.status_code == 401
    assert answer.json()["error"] == "NotAllowed"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "grekko_decisions_total{" not in service.telemetry.text().decode()


def test_sending_an_order_twice_is_one_order(service: ExecutorService) -> None:
    order = {**ORDER, "client_order_id": "once"}
    first = asked(service, "POST", "/swap", json=order, headers=ALLOWED)
    again = asked(service, "POST", "/swap", json=order, headers=ALLOWED)
    assert first.json() == again.json()
    assert 'grekko_decisions_total{action="now",model_version="v1"} 1.0' in service.telemetry.text().decode()
    other = asked(service, "POST", "/swap", json={**order, "amount_in": "1"}, headers=ALLOWED)
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
def test_an_order_that_cannot_be_meant_is_refused_with_its_field(service: ExecutorService, change: dict, status: int, error: str) -> None:
    answer = asked(service, "POST", "/quote", json=ORDER | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"]


def test_a_body_that_is_no_json_is_refused(service: ExecutorService) -> None:
    answer = asked(service, "POST", "/quote", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (422, "BadInput")


def test_an_endless_body_is_not_read(service: ExecutorService) -> None:
    async def endless():
        yield b"{" * 10

    assert asked(service, "POST", "/quote", content=b" " * (api.LARGEST_BODY + 1)).status_code == 413
    assert asked(service, "POST", "/quote", content=endless()).status_code == 413


def test_whole_numbers_in_json_are_amounts_too(service: ExecutorService) -> None:
    assert asked(service, "POST", "/quote", json=ORDER | {"amount_in": WEI}).json() == asked(service, "POST", "/quote", json=ORDER).json()


def test_health_is_503_until_a_handover_was_made(tmp_path: Path, service: ExecutorService) -> None:
    assert asked(service, "GET", "/health").status_code == 200
    answer = asked(ExecutorService(tmp_path), "GET", "/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    refused = asked(ExecutorService(tmp_path), "POST", "/quote", json=ORDER)
    assert (refused.status_code, refused.json()["error"], refused.headers["retry-after"]) == (503, "Unavailable", "1")


def test_pools_and_metrics_can_be_read(service: ExecutorService) -> None:
    assert len(asked(service, "GET", "/pools").json()["pools"]) == 5
    asked(service, "GET", "/no/such/page")
    page = asked(service, "GET", "/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert 'grekko_requests_total{route="/pools",status="200"} 1.0' in page.text
    # A scanner's guesses share one label.
    assert 'grekko_requests_total{route="other",status="404"} 1.0' in page.text


def test_an_unknown_page_names_the_ones_there_are(service: ExecutorService) -> None:
    answer = asked(service, "GET", "/docs")
    assert answer.status_code == 404
    assert "POST /swap" in answer.json()["message"]
    assert asked(service, "GET", "/swap").status_code == 405


def test_a_page_elsewhere_cannot_reach_a_loopback_service_by_its_own_name(service: ExecutorService) -> None:
    assert asked(service, "GET", "/pools", headers={"Host": "evil.example"}).status_code == 400


def test_the_description_has_an_example_for_every_order_and_error(service: ExecutorService) -> None:
    told = asked(service, "GET", "/openapi.json").json()
    assert set(told["paths"]) == {"/quote", "/swap", "/pools", "/health", "/metrics"}
    assert told["components"]["schemas"]["SwapOrder"]["examples"][0]["client_order_id"] == "desk-7-0001"
    for status in ("401", "404", "409", "503"):
        example = told["paths"]["/swap"]["post"]["responses"][status]["content"]["application/json"]["example"]
        assert example["error"] and example["message"]


def test_the_example_of_the_description_is_an_order_that_works(service: ExecutorService) -> None:
    told = asked(service, "GET", "/openapi.json").json()
    example = told["components"]["schemas"]["SwapOrder"]["examples"][0]
    assert asked(service, "POST", "/swap", json=example, headers=ALLOWED).status_code == 200


def test_a_newer_handover_decides_within_a_look(
    service: ExecutorService, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "SECONDS_BETWEEN_LOOKS", 0.01)
    app = create_app(service, TOKEN)

    async def watched() -> str:
        async with app.router.lifespan_context(app):
            hand_over(folder, always("split", tmp_path / "bundles"), "v2")
            for _ in range(500):
                await asyncio.sleep(0.01)
                if service.health()["model_version"] == "v2":
                    break
        return service.health()["model_version"]

    assert asyncio.run(watched()) == "v2"


def test_a_look_that_fails_is_told_and_the_next_one_still_comes(
    service: ExecutorService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api, "SECONDS_BETWEEN_LOOKS", 0.01)
    looks: list[str] = []

    def fails() -> bool:
        looks.append("look")
        raise OSError("the disk is gone")

    monkeypatch.setattr(service, "refresh", fails)
    app = create_app(service, TOKEN)

    async def watched() -> None:
        async with app.router.lifespan_context(app):
            while len(looks) < 2:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(watched(), 20))
    assert "The look for a newer hand-over failed" in caplog.text
    assert asked(service, "GET", "/health").status_code == 200


def test_orders_that_arrive_together_with_a_change_of_model_are_each_answered_whole(
    service: ExecutorService, folder: Path, tmp_path: Path
) -> None:
    bundles = [always("split", tmp_path / "bundles"), always("wait", tmp_path / "bundles")]

    async def rush() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=create_app(service, TOKEN, looks=False))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8642", headers=ALLOWED) as client:

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
