"""How each venue is put on a local chain: built in for ours, by entry point in the group `grekko.stages` for a package's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from domain.problems import BadInput
from executor.chain.local.world import TICK_SPACINGS, World
from executor.venue import Deployment


@dataclass(frozen=True, slots=True)
class Fork:
    """A venue's bytecode on a local chain: `deploy` puts its factory and router there, `fees` are those its pools may have, in pips.

    The first two fees are used. The world has tokens, routers and helpers already; `world.addresses["WETH9"]` is its wrapped ether.
    """

    deploy: Callable[[World], Deployment]
    fees: tuple[int, ...]


BUILT_IN: Mapping[str, Fork] = {
    "uniswap_v3": Fork(lambda world: world.deploy_venue_routers()["uniswap_v3"], (3000, *TICK_SPACINGS["uniswap_v3"])),
    "pancakeswap_v3": Fork(lambda world: world.deploy_venue_routers()["pancakeswap_v3"], (2500, *TICK_SPACINGS["pancakeswap_v3"])),
    "sushiswap": Fork(lambda world: world.deploy_venue_routers()["sushiswap"], (3000,)),
    "uniswap_v2": Fork(lambda world: world.deploy_venue_routers()["uniswap_v2"], (3000,)),
}


def fork_of(venue: str) -> Fork:
    """How to stage that venue. Raises BadInput when nobody told."""
    if venue in BUILT_IN:
        return BUILT_IN[venue]
    for point in entry_points(group="grekko.stages"):
        if point.name == venue:
            return point.load()
    raise BadInput(
        f"Nobody says how to put {venue} on a local chain; give its package an entry point {venue!r} in the group grekko.stages.",
        field="venue",
        venue=venue,
    )
