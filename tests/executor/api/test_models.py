"""The models over HTTP: activated, looked at, and rolled back, by whoever may."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from executor.api import Role
from executor.journal.sealing import decoded
from tests.executor.activation.shelves import fill
from tests.executor.api.asking import ORDER, Opened

WISH = {"name": "execution", "version": 1}


@pytest.fixture
def shelf(folder: Path, tmp_path: Path, opened: Opened) -> Opened:
    fill(folder, tmp_path / "bundles")
    return opened


def talk(opened: Opened, *steps: tuple[str, str, dict[str, Any]], role: Role | None = Role.ADMIN) -> list[httpx.Response]:
    """Requests one after the other; an activation is waited for."""

    async def all_of_them() -> list[httpx.Response]:
        async with opened.client(role) as client:
            answers = []
            for method, path, options in steps:
                answer = await client.request(method, path, **options)
                while answer.status_code == 202 and (await client.get(answer.headers["Location"])).json()["state"] != "DONE":
                    await asyncio.sleep(0.005)
                answers.append(answer)
            return answers

    return asyncio.run(all_of_them())


def activate(headers: dict[str, str] | None = None, **wish: Any) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/models/activate", {"json": WISH | wish, "headers": headers or {}}


LOOK = ("GET", "/models", {})


def rollback(reason: str = "it looks wrong") -> tuple[str, str, dict[str, Any]]:
    return "POST", "/models/rollback", {"json": {"reason": reason}}


def test_an_activation_is_accepted_followed_and_rolled_back(shelf: Opened) -> None:
    asked, looked, again, decided, back, health = talk(
        shelf, activate(share_percent=100), LOOK, activate(), ("POST", "/swap", {"json": ORDER}), rollback(), ("GET", "/health", {})
    )
    assert (asked.status_code, asked.json()["state"]) == (202, "ACCEPTED")
    assert (looked.json()["champion"]["version"], looked.json()["previous"]["version"], looked.json()["generation"]) == ("1", "v1", 2)
    assert (again.status_code, again.json()["operation_id"], again.json()["state"]) == (200, asked.json()["operation_id"], "DONE")
    told = decided.json()["decision"]
    assert (told["model"], told["model_version"], told["generation"], told["arm"]) == ("execution", "1", 2, "champion")
    assert 0 <= told["bucket"] < 10_000 and told["experiment"] == looked.json()["salt"] and told["shadow"] is None
    assert (back.status_code, back.json()["champion"]["version"], back.json()["generation"]) == (200, "v1", 3)
    assert (health.json()["model_version"], health.json()["generation"], health.json()["handover_generation"]) == ("v1", 3, 1)


def test_every_change_is_in_the_journal_of_orders_too(shelf: Opened) -> None:
    talk(shelf, activate(), rollback("it looks wrong"))
    kinds = [(entry.kind, entry.facts.get("generation")) for entry in (decoded(row.text) for row in shelf.store.rows)]
    assert kinds[1:] == [("model_activated", 2), ("model_rolled_back", 3)]


def test_a_swap_in_an_experiment_tells_what_the_other_model_would_have_done(shelf: Opened) -> None:
    *_, swap = talk(shelf, activate(shadow=True), ("POST", "/swap", {"json": {**ORDER, "client_order_id": "a"}}))
    told = swap.json()["decision"]
    assert (told["action"], told["shadow"]["action"], told["shadow"]["model_version"]) == ("now", "split", "1")
    assert told["shadow"]["savings_bps"]["split"] == 5.0


def test_a_key_and_a_generation_hold_an_activation_to_what_was_meant(shelf: Opened) -> None:
    key = {"Idempotency-Key": "deploy-7"}
    first, same, other, stale, fresh = talk(
        shelf, activate(key), activate(key), activate(key, version=2), activate({"If-Match": "1"}, version=2),
        activate({"If-Match": '"2"'}, version=2),
    )  # fmt: skip
    assert same.json()["operation_id"] == first.json()["operation_id"] and same.status_code == 200
    assert (other.status_code, other.json()["error"]) == (409, "ActivationConflict")
    assert (stale.status_code, stale.json()["generation"]) == (409, 2)
    assert fresh.status_code == 202


def test_what_cannot_be_activated_is_refused_by_name(shelf: Opened) -> None:
    unknown, shared, pinned, path, nothing, operation = talk(
        shelf, activate(version=9), activate(share_percent=0), activate(bundle_sha256="ab" * 32), activate(name="../x"), rollback(),
        ("GET", "/models/operations/activation-99", {}),
    )  # fmt: skip
    assert (unknown.status_code, unknown.json()["error"]) == (404, "UnknownModel")
    assert "execution 1" in unknown.json()["message"]
    assert (shared.status_code, shared.json()["field"]) == (422, "share_percent")
    assert (pinned.status_code, pinned.json()["field"]) == (422, "bundle_sha256")
    assert (path.status_code, path.json()["field"]) == (422, "name")
    assert (nothing.status_code, nothing.json()["error"]) == (409, "ActivationConflict")
    assert operation.status_code == 404
    assert 'grekko_model_activation_refusals_total{error="UnknownModel"} 1.0' in shelf.telemetry.text().decode()


def test_an_activation_during_another_is_told_when_to_come_back(shelf: Opened) -> None:
    async def drain() -> httpx.Response:
        async with shelf.client(Role.ADMIN) as client:
            with shelf.service.activation.deciding():
                asked = await client.post("/models/activate", json=WISH)
                while (await client.get(asked.headers["Location"])).json()["state"] != "DRAINING":
                    await asyncio.sleep(0.005)
                return await client.post("/models/activate", json=WISH | {"version": 2})

    refused = asyncio.run(drain())
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()["error"]) == (503, "1", "ActivationUnderWay")


@pytest.mark.parametrize(("role", "status"), [(Role.TRADER, 403), (Role.VIEWER, 403), (None, 401)])
def test_only_an_admin_changes_models(shelf: Opened, role: Role | None, status: int) -> None:
    assert [answer.status_code for answer in talk(shelf, activate(), rollback(), role=role)] == [status, status]


def test_an_order_that_is_carried_out_has_what_the_models_said_beside_it(shelf: Opened) -> None:
    taken, refused = talk(
        shelf,
        ("POST", "/orders", {"json": {**ORDER, "client_order_id": "a"}}),
        ("POST", "/orders", {"json": {**ORDER, "client_order_id": "b", "amount_in": str(1 << 250)}}),
    )
    assert taken.status_code == 201 and refused.status_code in (404, 422)
    recorded = shelf.service.activation.log.decided("order_decided", "a")
    assert recorded is not None and recorded.facts["action"] == "now" and len(recorded.facts["features"]) > 10
