"""Orders as documents: amounts as decimal text, and never the signed bytes, which whoever has them could send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from executor.journal import Sealed
from executor.orders import Order

# Whole numbers that JavaScript would round, or may one day.
AMOUNTS = frozenset(
    {
        "amount_in",
        "amount_out",
        "min_amount_out",
        "share_x64",
        "max_fee_per_gas",
        "max_priority_fee_per_gas",
        "base_fee",
        "max_cost_wei",
        "effective_gas_price",
    }
)
SECRET = frozenset({"raw"})
LARGEST_SAFE = 2**53 - 1


def order_document(order: Order, symbol_of: Callable[[str], str | None]) -> dict[str, Any]:
    """The order as it is told; `symbol_of` names a token by its address."""
    request = order.request
    return {
        "client_order_id": order.order_id,
        "state": str(order.state),
        "is_terminal": order.is_terminal,
        "mode": order.mode,
        "account": order.account,
        "accepted_at": _when(order.accepted_at),
        "deadline": _when(order.deadline),
        "sell": {"token": request.sell, "symbol": symbol_of(request.sell)},
        "buy": {"token": request.buy, "symbol": symbol_of(request.buy)},
        "amount_in": str(request.amount_in),
        "slippage_bps": request.slippage_bps,
        "min_amount_out": None if request.min_amount_out is None else str(request.min_amount_out),
        "valid_for_seconds": request.valid_for_seconds,
        "client_id": request.client_id,
        "cancel_asked": order.cancel_asked,
        "routed": told(asdict(order.routed)) if order.routed else None,
        "rehearsed": told(asdict(order.rehearsed)) if order.rehearsed else None,
        "attempts": [told(asdict(attempt)) for attempt in order.attempts],
        "seen": told(asdict(order.seen)) if order.seen else None,
        "outcome": told(asdict(order.outcome)) if order.outcome else None,
        "refusal": told(order.refusal) if order.refusal is not None else None,
    }


def life_document(order: Order, rows: Sequence[Sealed], symbol_of: Callable[[str], str | None]) -> dict[str, Any]:
    """The order with every line of the journal about it."""
    life = []
    for row in rows:
        entry = row.entry
        life.append({"seq": row.seq, "at": _when(entry.at), "kind": str(entry.kind), "facts": told(entry.facts), "hash": row.hash})
    return {"order": order_document(order, symbol_of), "life": life}


def told(value: Any, name: str = "") -> Any:
    """A value as the API tells it."""
    if isinstance(value, Mapping):
        return {key: told(one, key) for key, one in value.items() if key not in SECRET}
    if isinstance(value, list | tuple):
        return [told(one) for one in value]
    if isinstance(value, datetime):
        return _when(value)
    if isinstance(value, int) and not isinstance(value, bool) and (name in AMOUNTS or abs(value) > LARGEST_SAFE):
        return str(value)
    return value


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
