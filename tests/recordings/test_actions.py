"""Every action becomes a call of the contract that can do it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from executor.chain.local.contracts import own
from recordings import plan
from recordings.actions import (
    AddRange,
    AddToPair,
    BuyExact,
    Leg,
    RemoveFromPair,
    RemoveRange,
    Request,
    SellExact,
    SellToPrice,
    call_of,
)
from tests.recordings.stages import address, planned_pools

WALLET = plan.DEFI_YIELD[0]
LEG = Leg("uni-weth-usdc-5", "WETH", "USDC")
ROUTER, VAULT, ACCOUNT = address("router"), address("vault"), address("account")


def a_world() -> SimpleNamespace:
    pools = planned_pools()
    tokens = {token.symbol: token for pool in pools.values() for token in (pool.token0, pool.token1)}
    return SimpleNamespace(
        node=SimpleNamespace(accounts=[ACCOUNT] * plan.ACCOUNTS),
        contracts={name: own(name) for name in ("AtomicRouter", "LiquidityVault")},
        addresses={"AtomicRouter": ROUTER},
        pools=pools,
        tokens=tokens,
        vaults={ACCOUNT: VAULT},
    )


@pytest.mark.parametrize(
    ("action", "to", "function"),
    [
        (SellExact((LEG,), 1, 2), ROUTER, "swapExactIn"),
        (BuyExact(LEG, 1, 2), ROUTER, "swapExactOut"),
        (SellToPrice(LEG, 1, 2, 3), ROUTER, "swapToPrice"),
        (AddRange("uni-weth-usdc-5", -10, 10, 1), VAULT, "mint"),
        (RemoveRange("uni-weth-usdc-5", -10, 10, 1), VAULT, "burn"),
        (AddToPair("sushi-weth-usdc", 1, 2), VAULT, "addToPair"),
        (RemoveFromPair("sushi-weth-usdc", 1), VAULT, "removeFromPair"),
    ],
    ids=lambda value: value if isinstance(value, str) and not value.startswith("0x") else "",
)
def test_an_action_is_a_call_of_the_right_contract(action, to, function):
    world = a_world()
    found, data = call_of(world, Request(WALLET, action, 1, 2))  # type: ignore[arg-type]
    contract = world.contracts["AtomicRouter" if to == ROUTER else "LiquidityVault"]
    assert found == to
    assert data[:4] == contract.selector(function)


def test_each_further_leg_may_burn_more_gas():
    one, two = (Request(WALLET, SellExact((LEG,) * legs, 1, 1), 1, 1).gas_limit for legs in (1, 2))
    assert two == one + 250_000
