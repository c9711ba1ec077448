"""Gas that a swap uses on the chain, against what we said before: from the rehearsal, and offline from the plan alone.

The swaps go through V3 and V2 pools of three venues, over one to three hops and splits, by the venues' own routers and by ours, and each
is really mined; before every other one somebody else trades in its pools. Beside us in the same run: the node's own eth_estimateGas.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench._swap_stage import GENESIS, Case, SwapStage
from domain.amm.concentrated import ConcentratedPool
from domain.problems import Problem, Unavailable
from executor.chain.local.anvil import CHAIN_ID, Anvil
from executor.chain.node import HttpNode, NodeRefused
from executor.gas.legs import gas_of
from executor.safety import SafetySimulation, TokenSlots
from executor.venue import PoolValue, every_venue

SEED = 8
AIM = 3.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One swap: how it went, gas it used, and what was said before by each side."""

    through_ours: bool
    concentrated: int
    pairs: int
    ticks: int
    used: int
    limit: int
    disturbed: bool
    rehearsed: int
    offline: int
    node: int | None


def main() -> int:
    """Prints the errors of each side; returns 1 when a swap ran out of the gas that we gave it."""
    parser = argparse.ArgumentParser(prog="python -m bench.gas", description=__doc__)
    parser.add_argument("--swaps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--fit", action="store_true", help="print the constants that fit these swaps best")
    chosen = parser.parse_args()
    try:
        measured, out_of_gas = asyncio.run(measure(chosen.swaps, chosen.seed))
    except Unavailable as absent:
        Console().print(f"Left out: {absent.message}")
        return 0
    report(measured)
    if chosen.fit:
        fit(measured)
    Console().print(f"Swaps that ran out of the gas we gave them: {out_of_gas}.")
    return 1 if out_of_gas else 0


async def measure(swaps: int, seed: int) -> tuple[list[Measured], int]:
    """So many swaps from a seed, each on the chain as it was after the setup; and how many of those that passed reverted."""
    found, failed = [], 0
    with Anvil(start_timestamp=GENESIS, accounts=6) as anvil:
        async with HttpNode(anvil.url, timeout_seconds=60) as node:
            stage = SwapStage(anvil, node, random.Random(seed))
            safety = SafetySimulation(node, stage.clock, TokenSlots(node, CHAIN_ID))
            values = {pool.address: await every_venue()[pool.venue].get_pool_state(node, pool.address) for pool in stage.pools}
            while len(found) < swaps:
                await stage.reset()
                case = await stage.plan("none")
                call = {"from": case.trader, "to": case.routed.to, "data": case.routed.call_data}
                (estimate,) = await node.batch([("eth_estimateGas", [call])])
                try:
                    rehearsed = await safety.rehearse(case.request, case.routed, case.trader)
                except Problem:
                    continue
                disturbed = len(found) % 2 == 1
                if disturbed:
                    await stage.somebody_trades(case)
                    (still,) = await node.batch([("eth_call", [{**call, "gas": hex(10_000_000)}, "latest"])])
                    if isinstance(still, NodeRefused):  # the price is gone, whatever gas it is given
                        continue
                truth = await stage.execute(case, rehearsed)
                if truth.status != 1:
                    failed += 1
                    continue
                legs, ticks = case.routed.legs, ticks_of(case, values)
                ranges = sum(leg.concentrated for leg in legs)
                told = None if isinstance(estimate, NodeRefused) else int(estimate, 16)
                ours = case.routed.to == stage.routers.split_router
                counts = (ours, ranges, len(legs) - ranges, ticks, truth.gas_used, rehearsed.gas_limit, disturbed)
                found.append(Measured(*counts, rehearsed.gas_used, gas_of(legs, ticks, through_ours=ours), told))
    return found, failed


def ticks_of(case: Case, values: dict[str, PoolValue]) -> int:
    """How many initialised ticks the plan crosses."""
    held: dict[str, int] = defaultdict(int, {case.request.sell: case.request.amount_in})
    crossed = 0
    for leg in case.routed.legs:
        amount = held[leg.sell] * leg.share_x64 >> 64
        quote = values[leg.pool].quote(leg.sell < leg.buy, amount)
        held[leg.sell] -= amount
        held[leg.buy] += quote.amount_out
        crossed += quote.ticks_crossed if isinstance(values[leg.pool], ConcentratedPool) else 0
    return crossed


def report(measured: Sequence[Measured]) -> None:
    """Print each side's error against the gas that was used, in percent."""
    console, table = Console(), Table(title=f"{len(measured):,} swaps: how far from the gas that was used")
    for name in ("side", "median", "p95", "worst", "too low"):
        table.add_column(name, justify="left" if name == "side" else "right")
    sides = {
        "ours, from the rehearsal": [(one.rehearsed, one.used) for one in measured if not one.disturbed],
        "ours, and somebody traded first": [(one.rehearsed, one.used) for one in measured if one.disturbed],
        "ours, offline from the plan": [(one.offline, one.used) for one in measured],
        "the node, eth_estimateGas": [(one.node, one.used) for one in measured if one.node is not None and not one.disturbed],
        "the node, and somebody traded first": [(one.node, one.used) for one in measured if one.node is not None and one.disturbed],
        "ours, the limit that is set": [(one.limit, one.used) for one in measured],
    }
    for side, pairs in sides.items():
        errors = sorted(abs(said / used - 1) * 100 for said, used in pairs)
        low = sum(said < used for said, used in pairs) * 100 / len(pairs)
        figures = (errors[len(errors) // 2], errors[int(len(errors) * 0.95)], errors[-1])
        table.add_row(side, *(f"{figure:.2f} %" for figure in figures), f"{low:.0f} %")
    console.print(table)
    console.print(f"The aim for the rehearsal is {AIM:.0f} % at p95.")


def fit(measured: Sequence[Measured]) -> None:
    """Least squares: base, per concentrated pool, per pair, per tick, for each kind of router."""
    import numpy

    for ours in (True, False):
        rows = [one for one in measured if one.through_ours == ours]
        features = numpy.array([[1, one.concentrated, one.pairs, one.ticks] for one in rows], dtype=float)
        found, *_ = numpy.linalg.lstsq(features, numpy.array([one.used for one in rows], dtype=float), rcond=None)
        Console().print(f"{'ours' if ours else 'the venues'}: {len(rows)} swaps, {[round(value, -2) for value in found.tolist()]}")


if __name__ == "__main__":
    raise SystemExit(main())
