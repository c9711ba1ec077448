"""Which pools the desk trades in: those its file names, what it leaves out asked of the chain; or all that the venues' factories made."""

from __future__ import annotations

import asyncio

from domain.problems import BadInput, UnknownToken
from executor.chain.abi import address_at, ask, unsigned_at, whole
from executor.chain.node import Node
from executor.desk_file import DeskFile
from executor.desk_sections import PoolSetting
from executor.mirror import WatchedPool, watched_pools
from executor.venue import FoundPool, Venue, every_venue

TOKEN0, TOKEN1 = bytes.fromhex("0dfe1681"), bytes.fromhex("d21220a7")
FEE, TICK_SPACING = bytes.fromhex("ddca3f43"), bytes.fromhex("d0c93a7c")
AT_ONCE = 16


async def pools_of(desk: DeskFile, node: Node) -> list[WatchedPool]:
    """The pools of a desk, numbered from 1 in the order of its file, or of their creation.

    A pool that was discovered and trades a token the file does not describe is left out. Raises UnknownPool for an address that is
    none, UnknownToken for a named pool of a token the file does not describe, Unavailable.
    """
    if desk.discover_from_block is not None:
        return await _discovered(desk, node, desk.discover_from_block)
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(pool: PoolSetting) -> FoundPool:
        async with at_once:
            return await _described(pool, every_venue()[pool.venue], node)

    found = await asyncio.gather(*(one(pool) for pool in desk.pools))
    return watched_pools(found, desk.tokens)


async def _discovered(desk: DeskFile, node: Node, from_block: int) -> list[WatchedPool]:
    venues = every_venue()
    found: list[FoundPool] = []
    for name, place in sorted(desk.deployments.items()):
        found += await venues[name].pools_of(node, place.factory, from_block)
    known = [pool for pool in found if {pool.token0, pool.token1} <= set(desk.tokens)]
    if not known:
        raise UnknownToken(
            f"None of {len(found)} pools that the venues made since block {from_block} trades two tokens of the desk file; describe more.",
            field="tokens",
        )
    return watched_pools(sorted(known, key=lambda pool: (pool.block_number, pool.address)), desk.tokens)


async def _described(pool: PoolSetting, venue: Venue, node: Node) -> FoundPool:
    is_ranges = venue.shape == "concentrated"
    questions = [TOKEN0, TOKEN1, *([FEE, TICK_SPACING] if is_ranges else [])]
    names = ("token0", "token1", "fee", "tickSpacing")
    told = await ask(node, pool.address, questions, "latest")
    words = [whole(answer, 1, pool.address, f"{name}()") for answer, name in zip(told, names, strict=False)]
    found = FoundPool(
        venue.name,
        pool.address,
        address_at(words[0], 0),
        address_at(words[1], 0),
        unsigned_at(words[2], 0) if is_ranges else venue.fee_pips or 0,
        unsigned_at(words[3], 0) if is_ranges else None,
        0,
    )
    _agree(pool, found)
    return found


def _agree(pool: PoolSetting, found: FoundPool) -> None:
    """Raises BadInput when the file says something else than the chain: one of the two is about another pool."""
    for name in ("token0", "token1", "fee_pips", "tick_spacing"):
        told, is_so = getattr(pool, name), getattr(found, name)
        if told is not None and told != is_so:
            raise BadInput(
                f"The desk file says {name} of pool {pool.address} is {told}, the chain says {is_so}; correct the file.",
                field=f"pools.{name}",
                pool=pool.address,
            )
