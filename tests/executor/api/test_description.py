"""The OpenAPI description: complete, with an example of every request, answer and error, and each example true to its schema."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from assets.learning.shelf import place
from executor.api import Role, answers
from executor.api.app import create_app
from executor.service import ExecutorService
from tests.executor.api.asking import TOKENS, Opened, asked, bearing
from tests.executor.trading_floor import always, hand_over

PATHS = {
    "/quote", "/route", "/swap", "/orders", "/orders/{order_id}", "/pools", "/venues", "/kill", "/kill/release", "/limits/reload",
    "/health", "/ready", "/metrics", "/models", "/models/activate", "/models/rollback", "/models/operations/{operation_id}",
    "/trade/{trade_id}/negotiation", "/trade/{trade_id}/outcome", "/report/{name}",
}  # fmt: skip


def described(service: ExecutorService) -> dict[str, Any]:
    return asked(service, "GET", "/openapi.json").json()


def operations(service: ExecutorService) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", one) for path, item in described(service)["paths"].items() for method, one in item.items()]


def test_every_route_is_described(service: ExecutorService) -> None:
    assert set(described(service)["paths"]) == PATHS


def test_every_answer_and_every_error_has_an_example(service: ExecutorService) -> None:
    for name, operation in operations(service):
        for status, response in operation["responses"].items():
            content = next(iter(response["content"].values()))
            assert content.get("example"), f"{name} {status}"
            if int(status) >= 400 and name not in ("get /health", "get /ready"):
                assert content["example"]["error"] and content["example"]["message"], f"{name} {status}"


def test_every_request_has_an_example_and_every_field_is_explained(service: ExecutorService) -> None:
    schemas = described(service)["components"]["schemas"]
    for name, operation in operations(service):
        if "requestBody" not in operation:
            continue
        schema = schemas[operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]]
        assert schema["examples"], name
        assert all(field.get("description") for field in schema["properties"].values()), name


def test_every_route_says_what_it_does_and_which_token_it_wants(service: ExecutorService) -> None:
    for name, operation in operations(service):
        assert operation["summary"] and operation["description"], name
        wants = "401" in operation["responses"]
        assert bool(operation.get("security")) == wants, name


def test_the_examples_of_answers_are_true_to_their_schema(service: ExecutorService) -> None:
    models = {name: model for name, model in vars(answers).items() if isinstance(model, type) and issubclass(model, answers.BaseModel)}
    checked = 0
    for _, operation in operations(service):
        for response in operation["responses"].values():
            content = response["content"].get("application/json", {})
            model = models.get(content.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1])
            if model is not None:
                model.model_validate(content["example"])
                checked += 1
    assert checked >= 10


def test_the_examples_of_requests_work(folder: Path, tmp_path: Path) -> None:
    opened = Opened(folder, agents=["technical"])
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    opened.service.refresh()
    place(folder, "execution", 3, always("wait", tmp_path / "bundles").folder)

    async def talk() -> list[httpx.Response]:
        async with opened.client() as client:
            paths = (await client.get("/openapi.json")).json()
            done = []
            for path, item in paths["paths"].items():
                for method, operation in item.items():
                    if "requestBody" in operation:
                        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
                        (example,) = paths["components"]["schemas"][name]["examples"]
                        path = path.replace("{trade_id}", "desk-7-0002")
                        done.append(await client.request(method, path, json=example, headers=bearing(Role.ADMIN)))
                        opened.brakes.reason = None
            return done

    done = asyncio.run(talk())
    assert len(done) == 10
    assert all(answer.status_code in (200, 201, 202) for answer in done), [answer.text for answer in done]


def test_signed_bytes_are_in_no_schema(service: ExecutorService) -> None:
    for name, schema in create_app(service, TOKENS).openapi()["components"]["schemas"].items():
        assert "raw" not in schema.get("properties", {}), name
