"""Real swaps on a local chain, and the pools of its market as the ledger knows them."""

from __future__ import annotations

from executor.chain.local.anvil import Anvil
from executor.ledger.rows import PoolFacts
from executor.venue import every_venue
from tests.executor.local_market import LATE, Market


def pools_of(market: Market) -> dict[str, PoolFacts]:
    """Every pool of the market."""
    venues = every_venue()
    return {
        one.address: PoolFacts(one.address, venues[one.venue], one.token0.address, one.token1.address, one.fee_pips)
        for one in market.pools.values()
    }


def send_swap(market: Market, pool_id: int, dollars: float, *, selling_first: bool = True, nonce: int | None = None) -> str:
    """Put one swap into the node's pool; returns its hash. It runs when a block is mined."""
    pool, world = market.pools[pool_id], market.world
    sold = pool.token0 if selling_first else pool.token1
    leg = (pool.is_concentrated, pool.address, sold.address, pool.other(sold).address, pool.fee_pips)
    data = world.contracts["AtomicRouter"].call_data("swapExactIn", [leg], market.amount(sold.symbol, dollars), 0, market.trader, LATE)
    return world.node.send(market.trader, world.addresses["AtomicRouter"], data, gas_limit=600_000, nonce=nonce)


def mine(market: Market) -> None:
    """A block of what waits."""
    market.world.timestamp += 12
    market.world.node.mine(timestamp=market.world.timestamp, base_fee=10**9)


def head_of(node: Anvil) -> str:
    """The hash of the newest block."""
    return node.rpc("eth_getBlockByNumber", "latest", False)["hash"]
