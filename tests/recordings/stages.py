"""The stage without a chain: the planned pools at made-up addresses, filled by their founders on the mirror alone."""

from __future__ import annotations

import hashlib
from functools import cache

from executor.chain.local.world import TICK_SPACINGS, Pool, Token
from recordings import plan
from recordings.actions import AddToPair, CreatePool, StartPool
from recordings.market import Market, simulate
from recordings.mirror import Mirror, sqrt_price_of
from recordings.order_flow import founding
from recordings.scene import Scene

FOUNDER = plan.FOUNDERS[1]


def address(name: str) -> str:
    return "0x" + hashlib.sha256(name.encode()).hexdigest()[:40]


def planned_pools() -> dict[str, Pool]:
    tokens = {token.symbol: Token(address(token.symbol), token.symbol, token.name, token.decimals) for token in plan.TOKENS}
    pools = {}
    for key, pool in plan.POOLS.items():
        first, second = sorted((tokens[pool.base], tokens[pool.quote]), key=lambda token: token.address)
        spacing = None if pool.venue == "sushiswap" else TICK_SPACINGS[pool.venue][pool.fee_pips]
        pools[key] = Pool(address(key), pool.venue, first, second, pool.fee_pips, spacing)
    return pools


@cache
def market() -> Market:
    return simulate(7)


@cache
def _opened() -> Mirror:
    mirror = Mirror(planned_pools())
    scene = Scene(market(), mirror)
    for key, pool in plan.POOLS.items():
        if pool.created_on_day is not None:
            continue
        fact = mirror.facts[key]
        mirror.apply(FOUNDER, CreatePool(key))
        if fact.is_concentrated:
            mirror.apply(FOUNDER, StartPool(key, sqrt_price_of(scene.reference(fact))))
            for number in range(len(pool.founders)):
                mirror.apply(FOUNDER, founding(scene, key, number))
        else:
            half = pool.founders[0].value_usd / 2
            mirror.apply(FOUNDER, AddToPair(key, *(int(half / scene.usd_per_unit(token.symbol)) for token in (fact.token0, fact.token1))))
    return mirror


def scene(slot: int = 0) -> Scene:
    """The pools as their founders left them, at the prices of a slot."""
    return Scene(market(), _opened().copy(), slot)
