"""Pools are found where their factory announced them, and stand where the rule says."""

from __future__ import annotations

from executor.conformance.stage import Stage, expect, expect_same


async def a_created_pool_is_found(stage: Stage) -> None:
    """A pool that the factory created is found with its tokens, fee and spacing, once."""
    found = [one for one in await stage.venue.pools_of(stage.node, stage.deployment.factory) if one.address == stage.pool.address]
    expect(len(found) == 1, f"The pool was found {len(found)} times.")
    told, pool = found[0], stage.pool
    expect_same("tokens", (told.token0, told.token1), (pool.token0.address, pool.token1.address))
    expect_same("fee and spacing", (told.fee_pips, told.tick_spacing), (pool.fee_pips, pool.tick_spacing))
    expect_same("venue", told.venue, stage.venue.name)


async def a_pool_stands_where_the_rule_says(stage: Stage) -> None:
    """A pool's address follows from its tokens and fee by CREATE2, in whichever order the tokens are named."""
    pool = stage.pool
    for token_a, token_b in ((pool.token0, pool.token1), (pool.token1, pool.token0)):
        address = stage.venue.pool_address(stage.deployment, token_a.address, token_b.address, pool.fee_pips)
        expect_same("address", address, pool.address)


async def a_new_pool_joins_the_list(stage: Stage) -> None:
    """A pool created now is found next, and earlier ones keep their order."""
    before = await stage.venue.pools_of(stage.node, stage.deployment.factory)
    pool = stage.create_pool(stage.pool.token0, stage.next_pool.other(_shared(stage)), stage.fees[0])
    after = await stage.venue.pools_of(stage.node, stage.deployment.factory)
    expect_same("pools", [one.address for one in after], [*(one.address for one in before), pool.address])


async def discovery_starts_at_the_block_asked_for(stage: Stage) -> None:
    """Asked from a later block on, discovery tells nothing of the pools before it."""
    pool = stage.create_pool(stage.pool.token0, stage.next_pool.other(_shared(stage)), stage.fees[0])
    found = await stage.venue.pools_of(stage.node, stage.deployment.factory, from_block=stage.block_number)
    expect_same("pools", [one.address for one in found], [pool.address])
    earlier = await stage.venue.pools_of(stage.node, stage.deployment.factory, to_block=stage.block_number - 1)
    expect(pool.address not in {one.address for one in earlier}, "A pool was found before it existed.")


async def another_factory_has_none_of_these_pools(stage: Stage) -> None:
    """An address that is not the factory has created nothing."""
    found = await stage.venue.pools_of(stage.node, stage.split_router)
    expect_same("pools", len(found), 0)


def _shared(stage: Stage):
    """The token that both pools of the stage trade."""
    pool = stage.pool
    return pool.token0 if pool.token0 in (stage.next_pool.token0, stage.next_pool.token1) else pool.token1
