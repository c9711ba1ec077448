"""Pool states as rows: a state that did not change is written out once and repeated by reference, ticks and all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from assets.chain.market_replay import Pool, accruals_of
from assets.chain.pool_facts import Facts, as_amount, mid_price
from domain.amm.concentrated import ConcentratedPool
from domain.schemas import AMOUNT, FLAG, RATIO, TEXT, TICK, TIME, WORD

_STATE = {
    "state": pl.Int64,
    "sqrt_price_x96": WORD,
    "tick": TICK,
    "liquidity": AMOUNT,
    "reserve0": AMOUNT,
    "reserve1": AMOUNT,
    "price": RATIO,
    "accruals": TEXT,
    "is_concentrated": FLAG,
}
_CLOSE = {"pool": TEXT, "hour": TIME, "block_number": pl.Int64, "log_index": pl.Int64, "state": pl.Int64}
_FACTS = {"pool": TEXT, "chain_id": pl.Int64, "venue": TEXT, "protocol": TEXT, "fee_pips": pl.Int64, "tick_spacing": pl.Int64}


class States:
    """Collects the states of pools at the close of hours."""

    def __init__(self, facts: Mapping[str, Facts]) -> None:
        self.facts = facts
        self._closes: list[tuple[Any, ...]] = []
        self._states: list[tuple[Any, ...]] = []
        self._ticks: dict[str, list[Any]] = {"state": [], "tick": [], "liquidity_gross": [], "liquidity_net": []}
        self._last: dict[str, tuple[Pool, int]] = {}

    def add(self, pool: str, hour: datetime, state: Pool, position: tuple[int, int]) -> None:
        """Notes that the pool closed the hour in this state, last changed at that position."""
        last = self._last.get(pool)
        if last is None or last[0] is not state:
            last = self._last[pool] = (state, self._written(pool, state))
        self._closes.append((pool, hour, *position, last[1]))

    def frame(self) -> pl.DataFrame:
        """Everything added, as rows of `pool_states`."""
        ticks = (
            pl.DataFrame(self._ticks, schema={"state": pl.Int64, "tick": TICK, "liquidity_gross": AMOUNT, "liquidity_net": AMOUNT})
            .with_columns(is_inferred=pl.col("liquidity_gross").is_null())
            .group_by("state", maintain_order=True)
            .agg(ticks=pl.struct("tick", "liquidity_gross", "liquidity_net", "is_inferred"))
        )
        facts = [(pool, one.chain_id, one.venue, one.protocol, one.fee_pips, one.tick_spacing) for pool, one in self.facts.items()]
        return (
            pl.DataFrame(self._closes, schema=_CLOSE, orient="row")
            .join(pl.DataFrame(self._states, schema=_STATE, orient="row"), on="state", how="left")
            .join(ticks, on="state", how="left")
            .join(pl.DataFrame(facts, schema=_FACTS, orient="row"), on="pool", how="left")
            # A concentrated pool without liquidity has no ticks: an empty list, not an unknown one.
            .with_columns(ticks=pl.when("is_concentrated").then(pl.col("ticks").fill_null(pl.lit([], dtype=ticks.schema["ticks"]))))
            .with_columns(is_day_close=pl.col("hour").dt.hour() == 23, day=pl.col("hour").dt.date())
        )

    def _written(self, pool: str, state: Pool) -> int:
        number = len(self._states)
        price = mid_price(state, self.facts[pool].unit)
        if not isinstance(state, ConcentratedPool):
            self._states.append((number, None, None, None, as_amount(state.reserve0), as_amount(state.reserve1), price, None, False))
            return number
        word = state.sqrt_price_x96.to_bytes(32, "big")
        self._states.append((number, word, state.tick, as_amount(state.liquidity), None, None, price, accruals_of(state), True))
        for tick, entry in sorted(state.ticks.items()):
            self._ticks["state"].append(number)
            self._ticks["tick"].append(tick)
            self._ticks["liquidity_gross"].append(as_amount(entry.liquidity_gross))
            self._ticks["liquidity_net"].append(as_amount(entry.liquidity_net))
        return number
