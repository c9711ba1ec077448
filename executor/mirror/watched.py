"""What the mirror watches and what it says: pools by id, the block it stands at, and notices about venues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.amm.concentrated import ConcentratedPool
from domain.problems import UnknownToken
from executor.routing.pool_book import BookedPool, Token
from executor.venue import FoundPool, PoolValue


@dataclass(frozen=True, slots=True)
class WatchedPool:
    """A pool to mirror; `tick_spacing` is None for a pair. Addresses are lowercase 0x text."""

    pool_id: int
    venue: str
    address: str
    token0: Token
    token1: Token
    fee_pips: int
    tick_spacing: int | None

    def booked(self, value: PoolValue, shape: str) -> BookedPool:
        """The pool in one state, as the router's book holds it."""
        return BookedPool(self.pool_id, value, self.token0, self.token1, shape, self.address, self.venue)


class Head(NamedTuple):
    """The block that the mirror stands at; `timestamp` is unix seconds."""

    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A venue was taken out of routing, or put back; `pool` is the address that gave the reason."""

    venue: str
    suspended: bool
    reason: str
    block_number: int
    pool: str | None = None


def watched_pools(found: Iterable[FoundPool], tokens: Mapping[str, Token], first_id: int = 1) -> list[WatchedPool]:
    """Pools as discovery found them, numbered from `first_id`. Raises UnknownToken for a token that `tokens` does not describe."""
    watched = []
    for pool_id, one in enumerate(found, first_id):
        for side in (one.token0, one.token1):
            if side not in tokens:
                raise UnknownToken(f"Nothing is known of {side}, which {one.address} trades; describe the token.", token=side)
        spacing = one.tick_spacing
        watched.append(WatchedPool(pool_id, one.venue, one.address, tokens[one.token0], tokens[one.token1], one.fee_pips, spacing))
    return watched


def difference(ours: PoolValue | None, chains: PoolValue | None) -> str | None:
    """In which of the things that a swap can see two states differ, in words; None when in none."""
    if ours is None or chains is None:
        return None if ours is chains else f"we have {'no price' if ours is None else 'a price'}, the chain has the other"
    mine, other = _seen(ours), _seen(chains)
    for name in {**mine, **other}:
        if mine.get(name) != other.get(name):
            return f"{name}: we have {_short(mine.get(name))}, the chain has {_short(other.get(name))}"
    return None


def _seen(value: PoolValue) -> dict[str, Any]:
    """All that decides what a swap pays. Fees that liquidity has earned do not, and are left out."""
    if not isinstance(value, ConcentratedPool):
        return {"fee_pips": value.fee_pips, "reserve0": value.reserve0, "reserve1": value.reserve1}
    names = ("fee_pips", "tick_spacing", "sqrt_price_x96", "tick", "liquidity", "fee_protocol0", "fee_protocol1")
    ticks = {f"tick {tick}": (entry.liquidity_gross, entry.liquidity_net) for tick, entry in value.ticks.items()}
    return {**{name: getattr(value, name) for name in names}, **ticks}


def _short(value: Any) -> str:
    return "nothing" if value is None else str(value)
