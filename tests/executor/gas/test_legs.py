"""The gas of a plan grows with its pools and the ticks it crosses, and is near what the chain uses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench.gas import measure, report
from executor.gas import PER_LEG, gas_of


@dataclass(frozen=True)
class Hop:
    concentrated: bool


def test_each_pool_and_each_tick_costs_more():
    one, two = gas_of([Hop(True)]), gas_of([Hop(True), Hop(False)])
    assert one < two
    assert two - one < PER_LEG == gas_of([Hop(True), Hop(True)]) - one
    assert gas_of([Hop(True)], 3) - one == 3 * (gas_of([Hop(True)], 1) - one) > 0
    assert gas_of([Hop(True)], through_ours=False) < one


def test_what_was_rehearsed_is_what_a_swap_uses_and_the_limit_is_enough(node_modules, capsys):
    """Seeded swaps through real routers and pools, before every second one of which somebody else trades."""
    measured, out_of_gas = asyncio.run(measure(80, seed=21))
    report(measured)
    assert out_of_gas == 0
    assert all(one.rehearsed == one.used for one in measured if not one.disturbed)
    disturbed = sorted(abs(one.rehearsed / one.used - 1) for one in measured if one.disturbed)
    assert disturbed[len(disturbed) // 2] <= 0.03
    offline = sorted(abs(one.offline / one.used - 1) for one in measured)
    assert offline[len(offline) // 2] <= 0.15
    assert "eth_estimateGas" in capsys.readouterr().out
