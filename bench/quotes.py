"""Exact quotes of one concentrated pool per second: our prefix tables, a plain swap loop, and the pool's own bytecode.

The pool has 50 initialised ticks and amounts cross 2.5 of them on average. The bytecode is asked over JSON-RPC on a local chain,
as a router without its own mathematics would ask it, and once more inside this process. All sides must give the same numbers.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import sqrt_price_at_tick
from domain.problems import Unavailable
from executor.chain.local.anvil import Anvil
from executor.chain.local.world import World

FEE_PIPS, TICK_SPACING, TICK = 3000, 60, 195_000
GENESIS = 1_767_571_200
SEED = 3
ALLOWANCE = 10**40
Asked = tuple[bool, int, bool]  # zero_for_one, amount, exact_out
Answer = tuple[int, int]


def main() -> int:
    """Prints quotes per second of each side; returns 1 when two sides differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.quotes", description=__doc__)
    parser.add_argument("--quotes", type=int, default=20_000, help="how many quotes ours and the loop answer")
    parser.add_argument("--rpc-quotes", type=int, default=500, help="how many quotes the local chain answers")
    chosen = parser.parse_args()
    positions = some_positions()
    pool = ConcentratedPool(FEE_PIPS, TICK_SPACING, sqrt_price_at_tick(TICK), TICK, 0)
    for position in positions:
        pool, *_ = pool.mint(*position)
    asked = some_questions(chosen.quotes)
    sides: list[tuple[str, int, float, list[Answer]]] = []
    for title, side in (
        ("ours, prefix tables: pool.quote", lambda one: pool.quote(one[0], one[1], exact_out=one[2])[:2]),
        ("plain swap loop, step by step", lambda one: pool.quote_by_steps(one[0], one[1], exact_out=one[2])[:2]),
    ):
        sides.append(_timed(title, side, asked, time.process_time))
    inputs = [one for one in asked if not one[2]]
    output_only = _timed(
        "ours, output only: pool.output_for", lambda one: (one[1], pool.output_for(one[0], one[1])), inputs, time.process_time
    )
    sides += _on_chain(positions, asked[: chosen.rpc_quotes])
    _print([sides[0], output_only, *sides[1:]], pool, asked)
    agree = all(answers == sides[0][3][: len(answers)] for *_, answers in sides)
    Console().print("All sides give the same numbers." if agree else "THE SIDES DIFFER.")
    return 0 if agree else 1


def some_positions() -> list[tuple[int, int, int]]:
    """25 positions with 50 different ends around the price."""
    chance = random.Random(SEED)
    base = TICK // TICK_SPACING
    ends = chance.sample([base + step for step in range(-120, 120) if step], 50)
    lower, upper = sorted(ends)[:25], sorted(ends)[25:]
    chance.shuffle(upper)
    return [(a * TICK_SPACING, b * TICK_SPACING, chance.randint(10**17, 10**18)) for a, b in zip(lower, upper, strict=True)]


def some_questions(count: int) -> list[Asked]:
    """Both directions, exact input and exact output, amounts spread over four orders of magnitude."""
    chance = random.Random(SEED + 1)
    asked: list[Asked] = []
    for _ in range(count):
        down, exact_out = chance.random() < 0.5, chance.random() < 0.5
        of_token0 = down != exact_out
        asked.append((down, int(10 ** chance.uniform(10.5, 14.4) if of_token0 else 10 ** chance.uniform(18.5, 22.4)), exact_out))
    return asked


def _timed(
    title: str, side: Callable[[Asked], Any], asked: Sequence[Asked], clock: Callable[[], float]
) -> tuple[str, int, float, list[Answer]]:
    side(asked[0])
    best, answers = float("inf"), []
    for _ in range(3 if clock is time.process_time else 1):
        start = clock()
        answers = [side(one) for one in asked]
        best = min(best, clock() - start)
    return title, len(asked), len(asked) / best, answers


def _on_chain(positions: Sequence[tuple[int, int, int]], asked: Sequence[Asked]) -> list[tuple[str, int, float, list[Answer]]]:
    """The same pool as production bytecode on a local chain; nothing when there is no local chain here."""
    try:
        node = Anvil(start_timestamp=GENESIS)
    except Unavailable as absent:
        Console().print(f"Left out: {absent.message}")
        return []
    with node:
        world = World.deploy(node, timestamp=GENESIS)
        tokens = [world.add_token(name, name, 18) for name in ("ONE", "TWO")]
        pool = world.create_pool("pool", "uniswap_v3", tokens[0], tokens[1], FEE_PIPS, sqrt_price_at_tick(TICK))
        vault = world.open_vault(world.deployer)
        world.fund([world.deployer], [vault], {"ONE": ALLOWANCE, "TWO": ALLOWANCE})
        for position in positions:
            world.run("LiquidityVault", "mint", pool.address, *position, at=vault)
        probe, address = world.contracts["PoolProbe"], world.addresses["PoolProbe"]

        def call_data(one: Asked) -> bytes:
            return probe.call_data("quote", pool.address, one[0], -one[1] if one[2] else one[1], 0)

        def read(one: Asked, answer: bytes) -> Answer:
            amounts = [int.from_bytes(answer[at : at + 32], "big", signed=True) for at in (0, 32)]
            return (amounts[0], -amounts[1]) if one[0] else (amounts[1], -amounts[0])

        found = [
            _timed("on-chain quoter over JSON-RPC", lambda one: read(one, node.call(address, call_data(one))), asked, time.perf_counter)
        ]
        return found + _in_process(node, world.deployer, address, call_data, read, asked)


def _in_process(
    node: Anvil,
    caller: str,
    probe: str,
    call_data: Callable[[Asked], bytes],
    read: Callable[[Asked, bytes], Answer],
    asked: Sequence[Asked],
) -> list[tuple[str, int, float, list[Answer]]]:
    try:
        import pyrevm
    except ImportError:
        return []
    evm = pyrevm.EVM(fork_url=node.url)
    for one in asked:  # fetch every slot once, so that the figure is the machine's and not the wire's
        evm.message_call(caller, probe, calldata=call_data(one))

    def side(one: Asked) -> Answer:
        return read(one, bytes(evm.message_call(caller, probe, calldata=call_data(one))))

    return [_timed("on-chain quoter inside this process (revm)", side, asked, time.process_time)]


def _print(sides: Sequence[tuple[str, int, float, list[Answer]]], pool: ConcentratedPool, asked: Sequence[Asked]) -> None:
    crossed = sum(pool.quote(one[0], one[1], exact_out=one[2]).ticks_crossed for one in asked) / len(asked)
    table = Table(title=f"{len(pool.ticks)} ticks, {crossed:.1f} crossed a quote")
    for name in ("side", "quotes", "quotes/s", "ours is faster by"):
        table.add_column(name, justify="left" if name == "side" else "right")
    for title, count, rate, _ in sides:
        table.add_row(title, f"{count:,}", f"{rate:,.0f}", f"{sides[0][2] / rate:,.1f} ×")
    Console().print(table)


if __name__ == "__main__":
    raise SystemExit(main())
