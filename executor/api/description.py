"""The service's own description: what OpenAPI says beside the routes themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

DESCRIPTION = """
Quotes, routes and orders on decentralised exchanges, exact to the base unit.

What an order may do depends on the mode in force, which `GET /ready` and every order tell: in `simulate` and `paper` nothing can be
sent, an order's life ends once it was rehearsed; in `live` it ends when the chain has finalised what became of its nonce.

Amounts are base units, as decimal text in every answer. Errors are documents with `error`, `message` and facts; a refusal names its
`rule`. A body larger than 16 KiB or of unknown length is answered 413, a foreign Host header 400.
""".strip()


def keep_whole_examples(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Puts the examples of answers into the description as they are: FastAPI drops every null of them, which then break their schema."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = generated()
            for router in routers:
                for route in router.routes:
                    if isinstance(route, APIRoute):
                        _restore(described["paths"][route.path_format], route)
        return generated()

    app.openapi = openapi  # pyright: ignore[reportAttributeAccessIssue]  # FastAPI's documented way to extend it


def _restore(item: dict[str, Any], route: APIRoute) -> None:
    for method in route.methods or ():
        for status, response in route.responses.items():
            for kind, content in response.get("content", {}).items():
                item[method.lower()]["responses"][str(status)]["content"][kind]["example"] = content["example"]
