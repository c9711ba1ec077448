"""Orders over HTTP: send, list, look at a whole life, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from domain.problems import BadInput, Refused
from executor.api.answers import OrderDocument, OrderLife, OrderList, RefusedOrder
from executor.api.documents import life_document, order_document
from executor.api.errors import REFUSAL, Answer, errors, told
from executor.api.forms import ORDER_ID, NewOrder
from executor.api.quotes import ROUTE_EXAMPLE, example
from executor.api.tokens import Role, needs
from executor.orders import Order, State
from executor.service import ExecutorService

ROUTER = APIRouter(tags=["orders"])
MOST_LISTED = 500
EXAMPLE: dict[str, Any] = {
    "client_order_id": "desk-7-0002",
    "state": "final",
    "is_terminal": True,
    "mode": "live",
    "account": "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
    "accepted_at": "2026-01-19T00:00:00+00:00",
    "deadline": "2026-01-19T00:02:00+00:00",
    "sell": ROUTE_EXAMPLE["sell"],
    "buy": ROUTE_EXAMPLE["buy"],
    "amount_in": "1000000000000000000",
    "slippage_bps": 50,
    "min_amount_out": None,
    "valid_for_seconds": 120,
    "client_id": None,
    "cancel_asked": False,
    "routed": {
        "legs": ROUTE_EXAMPLE["legs"],
        "amount_in": "1000000000000000000",
        "amount_out": "2998481203",
        "min_amount_out": "2983488796",
        "certificate_bps": 0.0004,
        "block_number": 24_100_000,
        "block_hash": "0x" + "ab" * 32,
        "to": "0xe592427a0aece92de3edee1f18e0157c05861564",
        "spender": "0xe592427a0aece92de3edee1f18e0157c05861564",
        "call_data": "0x",
        "deadline": 1_768_780_920,
    },
    "rehearsed": {
        "amount_in": "1000000000000000000",
        "amount_out": "2998481203",
        "gas_used": 142_118,
        "gas_limit": 170_542,
        "fees": {
            "max_fee_per_gas": "41000000000",
            "max_priority_fee_per_gas": "1000000000",
            "base_fee": "20000000000",
            "inclusion_probability": 0.95,
            "blocks": 2,
        },
        "max_cost_wei": "6992222000000000",
        "block_number": 24_100_000,
        "block_hash": "0x" + "ab" * 32,
    },
    "attempts": [
        {
            "purpose": "swap",
            "nonce": 7,
            "tx_hash": "0x" + "cd" * 32,
            "gas_limit": 170_542,
            "max_fee_per_gas": "41000000000",
            "max_priority_fee_per_gas": "1000000000",
            "signed_at": "2026-01-19T00:00:00.031000+00:00",
            "was_broadcast": True,
        }
    ],
    "seen": {"tx_hash": "0x" + "cd" * 32, "block_number": 24_100_001, "block_hash": "0x" + "ef" * 32, "status": 1},
    "outcome": {
        "tx_hash": "0x" + "cd" * 32,
        "block_number": 24_100_001,
        "block_hash": "0x" + "ef" * 32,
        "status": 1,
        "amount_in": "1000000000000000000",
        "amount_out": "2998481203",
        "gas_used": 142_118,
        "effective_gas_price": "21000000000",
        "reason": None,
    },
    "refusal": None,
}
LIFE_EXAMPLE: dict[str, Any] = {
    "order": EXAMPLE,
    "life": [{"seq": 41, "at": "2026-01-19T00:00:00+00:00", "kind": "intent", "facts": {"mode": "live"}, "hash": "9c" * 32}],
}
REFUSED: dict[int | str, dict[str, Any]] = {
    422: {
        "model": RefusedOrder,
        "description": "The request makes no sense (`field`), or a rule said no (`rule`, and the order in the state refused).",
        "content": {
            "application/json": {
                "example": {
                    **REFUSAL.to_json(),
                    "order": {
                        **EXAMPLE,
                        "state": "refused",
                        "routed": None,
                        "rehearsed": None,
                        "attempts": [],
                        "seen": None,
                        "outcome": None,
                        "refusal": {"rule": "max_notional_per_order", "message": REFUSAL.message},
                    },
                }
            }
        },
    }
}
OrderId = Annotated[str, Path(pattern=ORDER_ID, description="The client order id.", examples=["desk-7-0002"])]


@ROUTER.post(
    "/orders",
    status_code=201,
    summary="Send an order",
    dependencies=[Depends(needs(Role.TRADER))],
    response_model=OrderDocument,
    responses={
        **example(EXAMPLE, 201),
        200: {
            "model": OrderDocument,
            "description": "The same order was sent before: this is how far it is.",
            "content": {"application/json": {"example": EXAMPLE}},
        },
        **errors(401, 403, 404, 409, 413, 503),
        **REFUSED,
    },
)
async def send(
    order: NewOrder,
    request: Request,
    response: Response,
    idempotency_key: Annotated[
        str | None, Header(pattern=ORDER_ID, description="Another way to give client_order_id.", examples=["desk-7-0002"])
    ] = None,
) -> Any:
    """Taken as far as it goes at once: refused, simulated, or signed and on its way. The same id again never trades twice.

    When this is answered 503 the order may have been accepted all the same: send it again with the same id to see.
    """
    service: ExecutorService = request.app.state.service
    asked, wanted = order.client_order_id, idempotency_key
    if asked and wanted and asked != wanted:
        raise BadInput("The header Idempotency-Key and client_order_id differ; give one of them.", field="client_order_id")
    placed, is_new = await service.submit(
        order.sell,
        order.buy,
        order.amount_in,
        slippage_bps=order.slippage_bps,
        min_amount_out=order.min_amount_out,
        valid_for_seconds=order.valid_for_seconds,
        client_order_id=asked or wanted,
        client_id=order.client_id,
    )
    document = order_document(placed, service.symbol_of)
    if placed.state is State.REFUSED:
        return _refused(placed, document)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/orders/{placed.order_id}"
    return document


def _refused(order: Order, document: dict[str, Any]) -> Answer:
    facts = dict(order.refusal or {})
    problem = Refused(str(facts.pop("message", "The order was refused.")), rule=facts.get("rule"))
    return told(problem, 422, order=document)


@ROUTER.get(
    "/orders",
    summary="The orders, the newest first",
    dependencies=[Depends(needs(Role.VIEWER))],
    response_model=OrderList,
    responses={**example({"orders": [EXAMPLE], "next": None}), **errors(401, 404, 413, 422, 503)},
)
async def listed(
    request: Request,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="How many at most.")] = 50,
    after: Annotated[str | None, Query(pattern=ORDER_ID, description="Go on behind this order: `next` of the answer before.")] = None,
) -> dict[str, Any]:
    """One page of orders, as far as each has come."""
    service: ExecutorService = request.app.state.service
    found, further = service.orders_page(state, limit, after)
    return {"orders": [order_document(one, service.symbol_of) for one in found], "next": further}


@ROUTER.get(
    "/orders/{order_id}",
    summary="An order's whole life, entry by entry",
    dependencies=[Depends(needs(Role.VIEWER))],
    response_model=OrderLife,
    responses={**example(LIFE_EXAMPLE), **errors(401, 404, 413, 422, 503)},
)
async def life(order_id: OrderId, request: Request) -> dict[str, Any]:
    """The order, and every line of the journal about it with the hash that seals it. Signed bytes are left out."""
    service: ExecutorService = request.app.state.service
    order, rows = service.life(order_id)
    return life_document(order, rows, service.symbol_of)


@ROUTER.delete(
    "/orders/{order_id}",
    summary="Give an order up",
    dependencies=[Depends(needs(Role.TRADER))],
    response_model=OrderDocument,
    responses={**example({**EXAMPLE, "cancel_asked": True}), **errors(401, 403, 404, 413, 422, 503)},
)
async def cancel(order_id: OrderId, request: Request) -> dict[str, Any]:
    """At once while nothing is signed; after that by a transaction that competes for the order's nonce, and the chain decides.

    An order that has ended stays as it is.
    """
    service: ExecutorService = request.app.state.service
    return order_document(await service.cancel(order_id), service.symbol_of)
