"""The executor as a service: quotes and simulates swaps with the hand-over in force. It holds no key and has nothing to send with."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from domain.problems import OrderConflict, Problem
from executor.activation import Activation
from executor.planning import pool_mid
from executor.simulation import SLIPPAGE_BPS, intent_of, quote, simulate_swap
from executor.telemetry import Telemetry

# Orders remembered for idempotency while the process lives; the oldest are forgotten first.
REMEMBERED = 10_000


class ExecutorService:
    """Quotes, simulated swaps, pools and health over one hand-over folder."""

    def __init__(self, folder: Path) -> None:
        self.activation = Activation(folder)
        self.telemetry = Telemetry()
        self.started = time.monotonic()
        self._orders: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()
        self.refresh()

    def refresh(self) -> bool:
        """Takes a newer hand-over into force when one lies there and passes; True when it did."""
        changed = self.activation.refresh()
        self.telemetry.refusals.set(self.activation.refusals)
        if changed:
            self._tell_model()
        return changed

    def rollback(self) -> None:
        """Back to the hand-over before this one. Raises Unavailable when there is none."""
        self.activation.rollback()
        self._tell_model()

    def quote(self, sell: str, buy: str, amount_in: int) -> dict[str, Any]:
        """What can be had now."""
        snapshot = self.activation.current
        return quote(snapshot, intent_of(snapshot.book, sell, buy, amount_in))

    def swap(
        self,
        sell: str,
        buy: str,
        amount_in: int,
        slippage_bps: int = SLIPPAGE_BPS,
        may_wait: bool = True,
        client_order_id: str | None = None,
    ) -> dict[str, Any]:
        """A simulated swap. The same client order id and order get the same answer again, whatever model decides by now.

        Raises OrderConflict when the id was used for another order.
        """
        asked = json.dumps([sell.lower(), buy.lower(), amount_in, slippage_bps, may_wait])
        if client_order_id is not None and client_order_id in self._orders:
            before, answer = self._orders[client_order_id]
            if before != asked:
                raise OrderConflict(
                    f"Order {client_order_id} was another one; use a new client_order_id for a new order.", client_order_id=client_order_id
                )
            return answer
        snapshot = self.activation.current
        answer = simulate_swap(snapshot, intent_of(snapshot.book, sell, buy, amount_in), slippage_bps, may_wait)
        answer["client_order_id"] = client_order_id
        self.telemetry.decisions.labels(answer["decision"]["action"], snapshot.version).inc()
        if client_order_id is not None:
            self._orders[client_order_id] = (asked, answer)
            if len(self._orders) > REMEMBERED:
                self._orders.popitem(last=False)
        return answer

    def pools(self) -> dict[str, Any]:
        """Every pool of the book, with its price at the margin."""
        snapshot = self.activation.current
        rows = []
        for booked in snapshot.book:
            scale = 10.0 ** (booked.token0.decimals - booked.token1.decimals)
            rows.append(
                {
                    "pool_id": booked.pool_id,
                    "pool": booked.address,
                    "venue": booked.venue or booked.protocol,
                    "token0": booked.token0.symbol,
                    "token1": booked.token1.symbol,
                    "fee_pips": booked.pool.fee_pips,
                    "price": pool_mid(booked.pool) * scale,
                }
            )
        return {"chain_id": snapshot.chain_id, "as_of": snapshot.as_of.isoformat(), "pools": rows}

    def health(self) -> dict[str, Any]:
        """Whether decisions can be made, with which model, and why not. Never raises."""
        told: dict[str, Any] = {"mode": "simulate", "uptime_seconds": round(time.monotonic() - self.started, 3)}
        refusal = self.activation.last_refusal
        told["last_refusal"] = refusal.to_json() if refusal else None
        try:
            snapshot = self.activation.current
        except Problem as problem:
            return {**told, "status": "unavailable", "reason": problem.message}
        return {
            **told,
            "status": "ok",
            "model_version": snapshot.version,
            "policy": snapshot.bundle.policy,
            "bundle_sha256": snapshot.bundle.sha256,
            "generation": snapshot.generation,
            "pools": len(snapshot.book),
            "as_of": snapshot.as_of.isoformat(),
        }

    def _tell_model(self) -> None:
        now = self.activation.current
        self.telemetry.in_force(now.version, now.bundle.policy, now.bundle.sha256, now.generation)
