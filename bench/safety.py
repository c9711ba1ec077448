"""Seeded swaps, a fifth of them spoiled between plan and rehearsal: does the safety simulation pass one that then goes wrong?

Each swap is planned, perhaps spoiled (balance, allowance, liquidity, deadline, price, a token that keeps a part), rehearsed, and then
really mined on the very state it was rehearsed on. A false pass is a rehearsal that passed and a transaction that did not do what was
asked; a false block is the reverse. Tokens that keep a part are refused on principle, so those are counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from bench._swap_stage import GENESIS, SABOTAGES, Case, Sabotage, SwapStage, Truth
from domain.problems import Problem, Unavailable
from executor.chain.local.anvil import CHAIN_ID, Anvil
from executor.chain.node import Call, HttpNode, Node
from executor.orders import Rehearsed
from executor.safety import SafetySimulation, TokenSlots

SEED = 6
SPOILED = 0.2
AIM_MS = 15.0


@dataclass
class Tally:
    """What was counted over the cases."""

    cases: Counter[str] = field(default_factory=Counter)
    passes: Counter[str] = field(default_factory=Counter)
    harmful: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    false_passes: list[str] = field(default_factory=list)
    false_blocks: Counter[str] = field(default_factory=Counter)
    on_principle: int = 0
    wrong_amounts: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def count(self, case: Case, rehearsed: Rehearsed | None, problem: Problem | None, truth: Truth) -> None:
        """One more case."""
        kind, good = case.sabotage, truth.is_good(case)
        self.cases[kind] += 1
        self.harmful[kind] += not good
        what = f"{case.request.client_order_id} ({kind}): {truth}"
        if rehearsed is not None:
            self.passes[kind] += 1
            if not good:
                self.false_passes.append(f"{what} against {rehearsed}")
            elif (truth.spent, truth.received) != (rehearsed.amount_in, rehearsed.amount_out):
                self.wrong_amounts += 1
            return
        rule = str(problem.facts.get("rule")) if problem else "?"
        self.rules[rule] += 1
        if good and rule == "fee_on_transfer":
            self.on_principle += 1
        elif good:
            self.false_blocks[rule] += 1


class OlderNode:
    """The node, as if it did not know eth_simulateV1."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def call(self, method: str, *params: Any) -> Any:
        return await self._node.call(method, *params)

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        return await self._node.batch([("eth_unknown" if method == "eth_simulateV1" else method, params) for method, params in calls])


def main() -> int:
    """Prints the counts and the time a rehearsal takes; returns 1 when one passed that should not have."""
    parser = argparse.ArgumentParser(prog="python -m bench.safety", description=__doc__)
    parser.add_argument("--swaps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--by-call", action="store_true", help="as on a node without eth_simulateV1")
    chosen = parser.parse_args()
    start = time.perf_counter()
    try:
        tally = asyncio.run(fuzz(chosen.swaps, chosen.seed, chosen.by_call))
    except Unavailable as absent:
        Console().print(f"Left out: {absent.message}")
        return 0
    report(tally, time.perf_counter() - start)
    return 1 if tally.false_passes or tally.wrong_amounts else 0


async def fuzz(swaps: int, seed: int, by_call: bool = False) -> Tally:
    """So many cases from a seed, one after the other, each on the chain as it was after the setup."""
    chance, tally = random.Random(seed), Tally()
    with Anvil(start_timestamp=GENESIS, accounts=6) as anvil:
        async with HttpNode(anvil.url, timeout_seconds=60) as node:
            stage = SwapStage(anvil, node, chance)
            safety = SafetySimulation(OlderNode(node) if by_call else node, stage.clock, TokenSlots(node, CHAIN_ID))
            for _ in range(swaps):
                kind: Sabotage = chance.choice(SABOTAGES) if chance.random() < SPOILED else "none"
                await one_case(stage, safety, kind, tally)
    return tally


async def one_case(stage: SwapStage, safety: SafetySimulation, kind: Sabotage, tally: Tally) -> None:
    """Plan, spoil, rehearse, and find out the truth."""
    await stage.reset()
    case = await stage.plan(kind)
    if kind not in ("none", "deadline"):
        await stage.spoil(case)
        await stage.settle()
    rehearsed, problem = None, None
    start = time.perf_counter()
    try:
        rehearsed = await safety.rehearse(case.request, case.routed, case.trader)
    except Problem as refused:
        problem = refused
    tally.milliseconds.append((time.perf_counter() - start) * 1000)
    tally.count(case, rehearsed, problem, await stage.execute(case, rehearsed))


def report(tally: Tally, seconds: float) -> None:
    """Print what was counted."""
    console, total = Console(), sum(tally.cases.values())
    table = Table(title=f"{total:,} swaps in {seconds:.0f} s")
    for name in ("spoiled", "swaps", "would go wrong", "passed"):
        table.add_column(name, justify="left" if name == "spoiled" else "right")
    for kind in ("none", *SABOTAGES):
        table.add_row(kind, *(f"{count[kind]:,}" for count in (tally.cases, tally.harmful, tally.passes)))
    console.print(table)
    console.print("Refused by rule: " + ", ".join(f"{rule} {count:,}" for rule, count in tally.rules.most_common()))
    times = sorted(tally.milliseconds)
    p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
    console.print(f"A rehearsal takes {p50:.1f} ms (median), {p95:.1f} ms (p95); the aim is {AIM_MS:.0f} ms at p95.")
    share = 100 * sum(tally.false_blocks.values()) / max(total, 1)
    blocks = ", ".join(f"{rule} {count}" for rule, count in tally.false_blocks.most_common()) or "none"
    console.print(f"False passes {len(tally.false_passes)}. False blocks {sum(tally.false_blocks.values())} ({share:.2f} %): {blocks}.")
    console.print(f"Tokens that keep a part, refused though the minimum held: {tally.on_principle}. Other amounts: {tally.wrong_amounts}.")
    for line in tally.false_passes[:10]:
        console.print(line, soft_wrap=True)


if __name__ == "__main__":
    raise SystemExit(main())
