"""What every trader of the recording sees at one moment: the pools, the reference market, the clock; and how it makes a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

from executor.chain.local.world import Pool
from recordings import plan
from recordings.actions import Action, Leg, Request
from recordings.market import Market
from recordings.mirror import Mirror, Reverts

GWEI = 10**9
GAS_OF_A_SWAP = 165_000  # what a trader reckons with; the chain charges what it is
DECIMALS = {token.symbol: token.decimals for token in plan.TOKENS}


@dataclass
class Scene:
    """The present slot. Traders read it and answer with requests; only the order flow changes it."""

    market: Market
    mirror: Mirror
    slot: int = 0

    def copy(self) -> Scene:
        """The same moment on a mirror of its own."""
        return Scene(self.market, self.mirror.copy(), self.slot)

    @property
    def timestamp(self) -> int:
        """The time of the slot in unix seconds."""
        return plan.START + self.slot * plan.SLOT_SECONDS

    @property
    def pools(self) -> dict[str, Pool]:
        """The pools that can be traded now: those that exist and hold liquidity."""
        return {key: self.mirror.facts[key] for key in self.mirror.state if self.mirror.price(key) > 0}

    def usd_per_unit(self, symbol: str, slot: int | None = None) -> float:
        """What one base unit is worth, now or in another slot."""
        at = self.slot if slot is None else min(slot, len(self.market.base_fees) - 1)
        return self.market.prices[symbol][at] / 10 ** DECIMALS[symbol]

    def units(self, symbol: str, usd: float) -> int:
        """So many dollars' worth of a token, in base units rounded to six digits, as people type amounts."""
        exact = int(usd / self.usd_per_unit(symbol))
        step = 10 ** max(0, len(str(exact)) - 6)
        return max(1, exact // step * step)

    def reference(self, pool: Pool, slot: int | None = None) -> float:
        """The price the pool would show if it agreed with the reference market: base units of token1 per token0."""
        return self.usd_per_unit(pool.token0.symbol, slot) / self.usd_per_unit(pool.token1.symbol, slot)

    def deviation(self, key: str) -> float:
        """How far the pool's price is above the reference, as a logarithm."""
        return log(self.mirror.price(key) / self.reference(self.mirror.facts[key]))

    def gas_usd(self, gas: int = GAS_OF_A_SWAP, tip: int = GWEI) -> float:
        """What so much gas costs in this slot."""
        return gas * (self.market.base_fees[self.slot] + tip) * self.market.prices["WETH"][self.slot] / 1e18

    def leg(self, key: str, token_in: str) -> Leg:
        """The leg that sells `token_in` to a pool."""
        pool = self.mirror.facts[key]
        token_out = pool.token1.symbol if pool.token0.symbol == token_in else pool.token0.symbol
        return Leg(key, token_in, token_out)

    def joining(self, token_a: str, token_b: str) -> list[str]:
        """The keys of the open pools between two tokens."""
        return [key for key, pool in self.pools.items() if {pool.token0.symbol, pool.token1.symbol} == {token_a, token_b}]

    def best_leg(self, token_in: str, token_out: str, amount: int, among: Iterable[str] | None = None) -> tuple[Leg, int] | None:
        """The pool that pays most for `amount`, gas aside, and what it pays; None when none can take it all."""
        best: tuple[Leg, int] | None = None
        for key in among if among is not None else self.joining(token_in, token_out):
            leg = self.leg(key, token_in)
            received = self.mirror.out_of_path((leg,), amount)
            if received and (best is None or received > best[1]):
                best = (leg, received)
        return best

    def sell_to(self, key: str, token_in: str, sqrt_price_limit_x96: int, most_in: int) -> tuple[Leg, int, int] | None:
        """Leg, input and output of selling to a pool until it reaches a price; None when it is there already."""
        leg = self.leg(key, token_in)
        try:
            quote = self.mirror.quote(leg, most_in, limit=sqrt_price_limit_x96)
        except Reverts:
            return None
        return (leg, quote.amount_in, quote.amount_out) if quote.amount_out > 0 else None

    def request(self, wallet: int, action: Action, tip_gwei: float, patience_seconds: int = 600) -> Request:
        """A transaction of an account, with its tip and a deadline."""
        return Request(wallet, action, round(tip_gwei * 100) * 10**7, self.timestamp + patience_seconds)
