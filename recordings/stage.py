"""The stage before the first day: the world on a fresh node, its pools filled by their founders, and the mirror that goes with it."""

from __future__ import annotations

from pathlib import Path

from domain.problems import Broken
from executor.chain.local.anvil import Anvil
from executor.chain.local.world import World
from recordings import plan
from recordings.actions import Action, AddToPair, CreatePool, Request, StartPool, call_of
from recordings.market import Market
from recordings.mirror import Mirror, sqrt_price_of
from recordings.order_flow import founding
from recordings.scene import DECIMALS, Scene

RICH = 10**12  # whole tokens everybody starts with: nobody in the recording ever runs out
FOUNDER = plan.FOUNDERS[1]


def build_stage(node: Anvil, market: Market, node_modules: Path) -> tuple[World, Mirror]:
    """Deploy everything that exists before the first day. Raises Broken when the mirror and the chain disagree."""
    world = World.deploy(node, timestamp=plan.GENESIS, node_modules=node_modules)
    for token in plan.TOKENS:
        world.add_token(token.symbol, token.name, token.decimals)
    for key, pool in plan.POOLS.items():
        world.pools[key] = world.plan_pool(pool.venue, world.tokens[pool.base], world.tokens[pool.quote], pool.fee_pips)
    mirror = Mirror(world.pools)
    _fund_everybody(world)
    scene = Scene(market, mirror)
    for key, pool in plan.POOLS.items():
        if pool.created_on_day is None:
            _open_pool(world, scene, key)
    differences = compare(world, mirror)
    if differences:
        raise Broken("The pools on the chain are not those of the mirror.", differences=differences)
    return world, mirror


def compare(world: World, mirror: Mirror) -> list[str]:
    """Pools whose state on the chain differs from the mirror's by as little as one wei; empty when all agree."""
    keys = list(mirror.state)
    different = []
    for key, found in zip(keys, world.pool_states([world.pools[key] for key in keys]), strict=True):
        if world.pools[key].is_concentrated:
            pool = mirror.concentrated(key)
            expected = (pool.sqrt_price_x96, pool.tick, pool.liquidity, 0, 0)
        else:
            pair = mirror.pair(key)
            expected = (0, 0, 0, pair.reserve0, pair.reserve1)
        if tuple(found) != expected:
            different.append(f"{key}: chain {tuple(found)}, mirror {expected}")
    return different


def _fund_everybody(world: World) -> None:
    amounts = {symbol: RICH * 10**decimals for symbol, decimals in DECIMALS.items()}
    providers = {*plan.DEFI_YIELD, *plan.FOUNDERS, *plan.SMALL_PROVIDERS}
    for number in range(1, plan.ACCOUNTS):
        wallet = world.node.accounts[number]
        spenders = [world.addresses["AtomicRouter"]]
        if number in providers:
            spenders.append(world.open_vault(wallet))
        world.fund([wallet], spenders, amounts)


def _open_pool(world: World, scene: Scene, key: str) -> None:
    """Create a pool, start it at the reference price and let the founders in."""
    pool, fact = plan.POOLS[key], world.pools[key]
    requests: list[Action] = [CreatePool(key)]
    if fact.is_concentrated:
        requests.append(StartPool(key, sqrt_price_of(scene.reference(fact))))
    for action in requests:
        _do(world, scene, Request(FOUNDER, action, 10**9, 2**40))
    if not fact.is_concentrated:
        half = pool.founders[0].value_usd / 2
        amounts = [int(half / scene.usd_per_unit(token.symbol)) for token in (fact.token0, fact.token1)]
        _do(world, scene, Request(FOUNDER, AddToPair(key, *amounts), 10**9, 2**40))
        return
    for number in range(len(pool.founders)):
        _do(world, scene, Request(FOUNDER, founding(scene, key, number), 10**9, 2**40))
    if pool.protocol_fee is not None:
        world.run("UniswapV3Pool", "setFeeProtocol", pool.protocol_fee, pool.protocol_fee, at=fact.address)


def _do(world: World, scene: Scene, request: Request) -> None:
    world.send(world.node.accounts[request.wallet], *call_of(world, request))
    if not scene.mirror.apply(request.wallet, request.action).succeeded:
        raise Broken("The mirror refused what the chain accepted.", action=str(request.action))
