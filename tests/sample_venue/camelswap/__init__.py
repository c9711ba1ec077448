"""CamelSwap: constant-product pools, twenty-five basis points."""

from executor.chain.local.routers import pair_family
from executor.chain.local.world import World
from executor.conformance import Fork
from executor.venue import Deployment, constant_product

VENUE = constant_product("camelswap", "CamelSwap", fee_pips=2500)


def deploy(world: World) -> Deployment:
    """CamelSwap's factory and router on a local chain, for the conformance kit."""
    from eth_utils.crypto import keccak

    contracts = pair_family(world.node_modules, fee_pips=2500)
    world.contracts |= {"CamelFactory": contracts["UniswapV2Factory"], "CamelRouter": contracts["UniswapV2Router02"]}
    factory = world.create("CamelFactory", world.deployer)
    router = world.create("CamelRouter", factory, world.addresses["WETH9"])
    return Deployment(factory, router, "0x" + keccak(contracts["UniswapV2Pair"].creation_code).hex())


FORK = Fork(deploy, fees=(2500,))
