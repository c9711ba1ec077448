"""A small market on a local chain: four tokens, seven pools on three venues, every router, and a trader with plenty of everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import Any

from domain.amm.ticks import tick_at_sqrt_price
from executor.calls import ALL_X64, Execution, Routers
from executor.chain.local.anvil import Anvil
from executor.chain.local.world import MAX_UINT256, SETUP_BASE_FEE, Pool, World
from executor.chain.log_ranges import log_of
from executor.chain.node import HttpNode
from executor.mirror import WatchedPool
from executor.orders import PlannedLeg
from executor.routing.pool_book import PoolBook, Token
from executor.venue import every_venue

GENESIS = 1_767_564_000
LATE = 2**40
DOLLARS = {"WETH": 3_000, "USDC": 1, "DAI": 1, "WBTC": 60_000}
DECIMALS = {"WETH": 18, "USDC": 6, "DAI": 18, "WBTC": 8}
# Venue, two tokens, fee; a million dollars or so in each.
POOLS = (
    ("uniswap_v3", "WETH", "USDC", 500),
    ("uniswap_v3", "WETH", "USDC", 3000),
    ("pancakeswap_v3", "WETH", "USDC", 2500),
    ("sushiswap", "WETH", "USDC", 3000),
    ("uniswap_v3", "USDC", "DAI", 500),
    ("sushiswap", "USDC", "DAI", 3000),
    ("pancakeswap_v3", "WETH", "WBTC", 500),
)


@dataclass
class Market:
    """The market; pools are numbered from 1 in the order of POOLS."""

    world: World
    pools: dict[int, Pool] = field(default_factory=dict)

    @property
    def trader(self) -> str:
        return self.world.node.accounts[2]

    @property
    def routers(self) -> Routers:
        return Routers(self.world.deployments, self.world.addresses["SplitRouter"])

    def token(self, symbol: str) -> str:
        return self.world.tokens[symbol].address

    def amount(self, symbol: str, dollars: float) -> int:
        return int(dollars / DOLLARS[symbol] * 10 ** DECIMALS[symbol])

    def balance(self, symbol: str, holder: str | None = None) -> int:
        return self.world.read("MintableERC20", "balanceOf", holder or self.trader, at=self.token(symbol))

    def watched(self) -> list[WatchedPool]:
        known = {one.address: Token(one.address, one.symbol, one.decimals) for one in self.world.tokens.values()}
        return [
            WatchedPool(at, one.venue, one.address, known[one.token0.address], known[one.token1.address], one.fee_pips, one.tick_spacing)
            for at, one in self.pools.items()
        ]

    async def book(self, node: HttpNode) -> PoolBook:
        """Every pool as the chain has it now."""
        venues = every_venue()
        states = {one.pool_id: await venues[one.venue].get_pool_state(node, one.address) for one in self.watched()}
        return PoolBook(one.booked(states[one.pool_id], venues[one.venue].shape) for one in self.watched())

    def leg(self, pool_id: int, sell: str, share_x64: int = ALL_X64) -> PlannedLeg:
        """Selling a token (by symbol) to a pool."""
        pool = self.pools[pool_id]
        sold = self.world.tokens[sell]
        bought = pool.other(sold).address
        return PlannedLeg(pool_id, pool.address, pool.venue, pool.is_concentrated, pool.fee_pips, sold.address, bought, share_x64, 0, 0)

    def send(self, sender: str, to: str, data: bytes) -> dict[str, Any]:
        """Mine one transaction; its receipt, whether it worked or not."""
        told = self.world.node.send(sender, to, data, gas_limit=6_000_000)
        self.world.timestamp += 12
        self.world.node.mine(timestamp=self.world.timestamp, base_fee=SETUP_BASE_FEE)
        return self.world.node.receipt(told)

    def execute(self, execution: Execution) -> dict[str, Any]:
        return self.send(self.trader, execution.to, bytes.fromhex(execution.call_data[2:]))

    @contextmanager
    def undone(self) -> Iterator[None]:
        node, time = self.world.node, self.world.timestamp
        snapshot = node.rpc("evm_snapshot")
        try:
            yield
        finally:
            node.rpc("evm_revert", snapshot)
            self.world.timestamp = time


def worked(receipt: dict[str, Any]) -> bool:
    return int(receipt["status"], 16) == 1


def events_of(receipt: dict[str, Any], pools: Sequence[Pool]) -> list[Any]:
    """What the pools' logs in a receipt say."""
    venue_of = {pool.address: every_venue()[pool.venue] for pool in pools}
    logs = [log_of(one) for one in receipt["logs"]]
    return [event for log in logs if log.address in venue_of and (event := venue_of[log.address].decode(log)) is not None]


@contextmanager
def open_market(node_modules: Path) -> Iterator[Market]:
    """The market on a chain of its own."""
    with Anvil(start_timestamp=GENESIS, accounts=6, kept_states=512) as node:
        world = World.deploy(node, timestamp=GENESIS, node_modules=node_modules)
        world.deploy_venue_routers()
        market = Market(world)
        for symbol, decimals in DECIMALS.items():
            world.add_token(symbol, symbol, decimals)
        owner, trader = node.accounts[1:3]
        vault = world.open_vault(owner)
        plenty = {symbol: 10**12 * 10**decimals for symbol, decimals in DECIMALS.items()}
        world.fund([owner], [vault], plenty)
        spenders = [world.addresses["SplitRouter"], world.addresses["AtomicRouter"]]
        spenders += [one.router for one in world.deployments.values() if one.router]
        world.fund([trader], spenders, plenty)
        for number, (venue, one, other, fee) in enumerate(POOLS, 1):
            market.pools[number] = furnish(market, venue, one, other, fee, owner, vault)
        yield market


def furnish(market: Market, venue: Any, one: str, other: str, fee: int, owner: str, vault: str) -> Pool:
    """A pool at the market price with liquidity around it, or a pair with reserves in that proportion."""
    world = market.world
    token0, token1 = sorted((world.tokens[one], world.tokens[other]), key=lambda token: token.address)
    each = [int(1_000_003 / DOLLARS[token.symbol] * token.unit) for token in (token0, token1)]
    price = isqrt((each[1] << 192) // each[0])
    pool = world.create_pool(f"{venue}-{one}-{other}-{fee}", venue, token0, token1, fee, None if venue == "sushiswap" else price)
    if pool.tick_spacing is None:
        world.run("LiquidityVault", "addToPair", pool.address, *each, sender=owner, at=vault)
        return pool
    spacing, middle = pool.tick_spacing, tick_at_sqrt_price(price)
    for reach, part in ((8, 4), (40, 2), (200, 1)):
        lower, upper = (middle // spacing - reach) * spacing, (middle // spacing + reach) * spacing
        liquidity = isqrt(each[0] * each[1]) * part * 5
        world.run("LiquidityVault", "mint", pool.address, lower, upper, liquidity, sender=owner, at=vault)
    return pool


def approve_all(market: Market, spender: str) -> None:
    """Let a spender take the trader's tokens."""
    data = market.world.contracts["MintableERC20"].call_data("approve", spender, MAX_UINT256)
    market.world.send_all([(market.trader, market.token(symbol), data) for symbol in DECIMALS])
