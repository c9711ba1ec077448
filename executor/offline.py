"""What the desk needs where there is no chain: orders are rehearsed on the pools' own values, and nothing can be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from domain.problems import Problem, Unavailable
from executor.activation import Activation
from executor.calls import replay
from executor.chain.node import Call
from executor.orders import Fees, OrderRequest, Rehearsed, Routed
from executor.planner import Floor
from executor.routing.pool_book import Token

NO_CHAIN = "There is no chain in the mode simulate; start with `grekko serve --desk FILE` for one."


class NoNode:
    """Stands where a node would be, and answers nothing."""

    async def call(self, method: str, *params: Any) -> Any:
        """Raises Unavailable."""
        raise Unavailable(NO_CHAIN, method=method)

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Raises Unavailable."""
        raise Unavailable(NO_CHAIN)


class NoGas:
    """Nothing is paid for gas where nothing is sent."""

    async def fees(self) -> Fees:
        """Raises Unavailable."""
        raise Unavailable(NO_CHAIN)

    def check_budget(self, symbol: str, gas_limit: int, fees: Fees) -> None:
        """Every budget holds."""


class HandedOverTokens(Mapping[str, Token]):
    """The tokens of the hand-over in force by address; none while there is no hand-over."""

    def __init__(self, floor: Callable[[], Floor]) -> None:
        self._floor = floor

    def __getitem__(self, address: str) -> Token:
        try:
            token = self._floor().book.token(address)
        except Problem as problem:
            raise KeyError(address) from problem
        if token.address != address:
            raise KeyError(address)  # a symbol is no address
        return token

    def __iter__(self) -> Iterator[str]:
        try:
            return iter([token.address for token in self._floor().book.tokens])
        except Problem:
            return iter(())

    def __len__(self) -> int:
        return sum(1 for _ in self)


class HandedOverPrices:
    """What tokens were worth when the market was handed over."""

    def __init__(self, activation: Activation) -> None:
        self._activation = activation

    def usd(self, token: str) -> float | None:
        """Dollars for one whole token; None where the hand-over does not say."""
        try:
            snapshot = self._activation.current
        except Problem:
            return None
        return snapshot.history.at(snapshot.as_of).price_usd(token)


class PoolRehearsal:
    """The plan done once more on the pools as they are now, by the arithmetic of the chain."""

    def __init__(self, floor: Callable[[], Floor]) -> None:
        self._floor = floor

    async def rehearse(self, request: OrderRequest, routed: Routed, account: str | None) -> Rehearsed:
        """What the plan gives now; gas is what such pools burnt in the median. Raises NotEnoughLiquidity, UnknownPool, Unavailable.

        Raises Unavailable with the rule `simulation_reverted` when it would give less than the order's minimum.
        """
        # With it comes the door to a node, which a start without one does without.
        from executor.gas.legs import gas_of

        floor = self._floor()
        filled = replay(floor.book, routed.legs, routed.amount_in)
        goal = routed.legs[-1].buy
        given = sum(one.amount_out for leg, one in zip(routed.legs, filled, strict=True) if leg.buy == goal)
        if given < routed.min_amount_out:
            raise Unavailable(
                f"The pools changed since the plan: it gives {given} base units now, at least {routed.min_amount_out} were wanted.",
                rule="simulation_reverted",
                amount_out=str(given),
                min_amount_out=str(routed.min_amount_out),
            )
        gas = gas_of(routed.legs)
        return Rehearsed(
            amount_in=routed.amount_in,
            amount_out=given,
            gas_used=gas,
            gas_limit=gas * 6 // 5,
            fees=None,
            max_cost_wei=0,
            block_number=floor.block_number,
            block_hash=floor.block_hash,
        )
