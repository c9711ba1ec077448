"""Prices and routes, which anybody on this machine may ask for, and the simulated swap."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from executor.api.answers import RouteDocument
from executor.api.errors import errors
from executor.api.forms import QuoteOrder, SplitOrder, SwapOrder
from executor.api.tokens import Role, needs
from executor.service import ExecutorService

ROUTER = APIRouter(tags=["quotes"])
ROUTE_EXAMPLE: dict[str, Any] = {
    "chain_id": 1,
    "as_of": "2026-01-19T00:00:00+00:00",
    "block_number": 24_100_000,
    "block_hash": "0x" + "ab" * 32,
    "sell": {"token": "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "symbol": "WETH"},
    "buy": {"token": "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "symbol": "USDC"},
    "amount_in": "1000000000000000000",
    "amount_out": "2998481203",
    "gas_per_leg": "0",
    "upper_bound": "2998481301",
    "certificate_bps": 0.0004,
    "legs": [
        {
            "pool_id": 0,
            "pool": "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640",
            "venue": "uniswap_v3",
            "concentrated": True,
            "fee_pips": 500,
            "sell": "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
            "buy": "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
            "share_x64": "18446744073709551616",
            "amount_in": "1000000000000000000",
            "amount_out": "2998481203",
        }
    ],
}
QUOTE_EXAMPLE: dict[str, Any] = {
    "chain_id": 1,
    "as_of": "2026-01-19T00:00:00+00:00",
    "sell": {"symbol": "WETH", "token": "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "decimals": 18},
    "buy": {"symbol": "USDC", "token": "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "decimals": 6},
    "reference_rate": 3000.0,
    "options": {
        "now": {
            "amount_in": "1000000000000000000",
            "amount_out": "2998481203",
            "cost_bps": 5.5,
            "gas_units": 176_000,
            "gas_usd": 1.32,
            "legs": [],
        }
    },
}


def example(document: dict[str, Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """An example of what a route answers, for the description."""
    return {status: {"content": {"application/json": {"example": document}}}}


@ROUTER.post(
    "/quote", summary="What an order would get now, leg by leg", responses={**example(QUOTE_EXAMPLE), **errors(404, 413, 422, 503)}
)
async def quote(order: QuoteOrder, request: Request) -> dict[str, Any]:
    """The best single path and the best split over two, exact to the base unit, on the pools as they stand. Nothing is kept."""
    service: ExecutorService = request.app.state.service
    return service.quote(order.sell, order.buy, order.amount_in)


@ROUTER.post(
    "/route",
    summary="The best split over all pools, with its certificate",
    response_model=RouteDocument,
    responses={**example(ROUTE_EXAMPLE), **errors(404, 413, 422, 503)},
)
async def route(order: SplitOrder, request: Request) -> dict[str, Any]:
    """Legs in running order, what they give, and how far that is from the best any route could give, at most, gas included."""
    service: ExecutorService = request.app.state.service
    return service.route(order.sell, order.buy, order.amount_in, order.gas_per_leg, order.max_legs, order.max_hops)


@ROUTER.post(
    "/swap",
    summary="Simulate a swap the way the model decides",
    dependencies=[Depends(needs(Role.TRADER))],
    responses={
        **example({"mode": "simulate", "sent": False, **QUOTE_EXAMPLE["options"]["now"], "client_order_id": "desk-7-0001"}),
        **errors(401, 403, 404, 409, 413, 422, 503),
    },
)
async def swap(order: SwapOrder, request: Request) -> dict[str, Any]:
    """The model chooses how to execute, every leg is done on the exact pools, nothing is sent. The same id gets the same answer."""
    service: ExecutorService = request.app.state.service
    return await service.swap_durably(
        order.sell, order.buy, order.amount_in, order.slippage_bps, order.may_wait, order.client_order_id, order.client_id
    )
