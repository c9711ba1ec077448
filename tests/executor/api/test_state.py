"""What can be read without a token: pools, venues, health, readiness, metrics; and who is answered at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from executor.api import Role, create_app
from executor.api import app as application
from executor.service import ExecutorService
from tests.executor.api.asking import ORDER, TOKENS, Opened, asked
from tests.executor.trading_floor import always, hand_over


def test_health_is_503_until_a_handover_was_made(tmp_path: Path, service: ExecutorService) -> None:
    assert asked(service, "GET", "/health").status_code == 200
    answer = asked(ExecutorService(tmp_path), "GET", "/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    refused = asked(ExecutorService(tmp_path), "POST", "/quote", json=ORDER)
    assert (refused.status_code, refused.json()["error"], refused.headers["retry-after"]) == (503, "Unavailable", "1")


def test_ready_says_every_reason_why_not(opened: Opened, service: ExecutorService) -> None:
    async def talk() -> list[tuple[int, dict]]:
        async with opened.client() as client:
            answers = [await client.get("/ready")]
            opened.troubles.append("The node does not answer.")
            answers.append(await client.get("/ready"))
        return [(one.status_code, one.json()) for one in answers]

    good, bad = asyncio.run(talk())
    assert good == (200, {"status": "ready", "mode": "simulate", "reasons": []})
    assert bad == (503, {"status": "not_ready", "mode": "simulate", "reasons": ["The node does not answer."]})
    before = asked(opened.service, "GET", "/ready").json()
    assert before["status"] == "not_ready"
    assert "only quotes" in asked(service, "GET", "/ready").json()["reasons"][0]


def test_venues_tell_what_is_traded_on_and_how_far_the_mirror_is(opened: Opened) -> None:
    told = asked(opened.service, "GET", "/venues").json()
    assert told["venues"][0]["venue"] == "sushiswap"
    assert told["mirror"]["lag_blocks"] is None


def test_pools_and_metrics_can_be_read(service: ExecutorService) -> None:
    assert len(asked(service, "GET", "/pools").json()["pools"]) == 5
    asked(service, "GET", "/no/such/page")
    asked(service, "GET", "/orders/one", Role.VIEWER)
    page = asked(service, "GET", "/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert 'grekko_requests_total{route="/pools",status="200"} 1.0' in page.text
    # A scanner's guesses share one label, and so do all orders.
    assert 'grekko_requests_total{route="other",status="404"} 1.0' in page.text
    assert 'grekko_requests_total{route="/orders/{order_id}",status="503"} 1.0' in page.text


def test_an_unknown_page_names_the_ones_there_are(service: ExecutorService) -> None:
    answer = asked(service, "GET", "/docs")
    assert answer.status_code == 404
    assert "POST and GET /orders" in answer.json()["message"]
    wrong = asked(service, "GET", "/swap")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


def test_a_page_elsewhere_cannot_reach_a_loopback_service_by_its_own_name(service: ExecutorService) -> None:
    assert asked(service, "GET", "/pools", headers={"Host": "evil.example"}).status_code == 400


def test_a_newer_handover_decides_within_a_look(
    service: ExecutorService, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "SECONDS_BETWEEN_LOOKS", 0.01)
    app = create_app(service, TOKENS)

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
    monkeypatch.setattr(application, "SECONDS_BETWEEN_LOOKS", 0.01)
    looks: list[str] = []

    def fails() -> bool:
        looks.append("look")
        raise OSError("the disk is gone")

    monkeypatch.setattr(service, "refresh", fails)
    app = create_app(service, TOKENS)

    async def watched() -> None:
        async with app.router.lifespan_context(app):
            while len(looks) < 2:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(watched(), 20))
    assert "The look for a newer hand-over failed" in caplog.text
    assert asked(service, "GET", "/health").status_code == 200
