"""Rebuild the shipped recording from its seed: a local chain, the venues' production contracts, two weeks of simulated traders.

python -m recordings.build --seed 7 --out recordings/two_weeks
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.problems import BadInput, Broken, Problem
from executor.chain.local.anvil import CHAIN_ID, ROOT, Anvil
from executor.chain.local.world import World
from recordings import plan
from recordings.actions import call_of
from recordings.market import Market, simulate
from recordings.order_flow import Block, OrderFlow
from recordings.stage import build_stage, compare
from recordings.tape import Tape

DESCRIPTION = (
    "Two weeks on a local chain. The contracts are real: Uniswap V3 and PancakeSwap V3 pools are the production bytecode, SushiSwap pairs "
    "are compiled from the published sources, all from npm packages. The traders are simulated from a seed: crowd, informed, trend "
    "followers, arbitrageurs, liquidity providers. So are the reference prices and the base fee; the tokens are plain ERC-20s of ours "
    "that share names with known ones. Only slots in which somebody traded have a block."
)
COMPARE_EVERY_BLOCKS = 200
REORG_SLOT = plan.REORG_DAY * plan.SLOTS_PER_DAY + 10 * 300  # ten in the morning


@dataclass
class Tally:
    """What was built, for the last line on the screen."""

    blocks: int = 0
    transactions: int = 0
    reverted: int = 0
    swaps: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)

    def add(self, block: Block) -> None:
        """Count one block."""
        self.blocks += 1
        self.transactions += len(block.requests)
        self.reverted += sum(not outcome.succeeded for outcome in block.outcomes)
        self.swaps += sum(outcome.swaps for outcome in block.outcomes)
        self.by_kind.update(type(request.action).__name__ for request in block.requests)


class Stagehand:
    """Puts the flow's blocks on the chain, and holds the chain to what the mirror foretold."""

    def __init__(self, world: World, flow: OrderFlow) -> None:
        self.world, self.flow = world, flow
        self.nonces = [int(world.node.rpc("eth_getTransactionCount", account, "latest"), 16) for account in world.node.accounts]

    def mine(self, block: Block) -> None:
        """Send a block's transactions in their order and mine them."""
        node = self.world.node
        for request in block.requests:
            to, data = call_of(self.world, request)
            nonce, self.nonces[request.wallet] = self.nonces[request.wallet], self.nonces[request.wallet] + 1
            node.send(node.accounts[request.wallet], to, data, gas_limit=request.gas_limit, nonce=nonce, priority_fee=request.priority_fee)
        node.mine(timestamp=block.timestamp, base_fee=block.base_fee)

    def check(self, blocks: Sequence[Block]) -> None:
        """Raise Broken when a transaction of the newest blocks went otherwise than foretold, or a pool stands elsewhere."""
        head = self.world.node.block_number()
        for number, block in enumerate(blocks, start=head - len(blocks) + 1):
            receipts = self.world.node.rpc("eth_getBlockReceipts", hex(number))
            found = [int(receipt["status"], 16) == 1 for receipt in receipts]
            foretold = [outcome.succeeded for outcome in block.outcomes]
            if found != foretold:
                raise Broken(
                    f"Block {number} went otherwise than the mirror foretold.",
                    found=found,
                    foretold=foretold,
                    actions=[str(request.action) for request in block.requests],
                    gas_used=[int(receipt["gasUsed"], 16) for receipt in receipts],
                )
        differences = compare(self.world, self.flow.scene.mirror)
        if differences:
            raise Broken("The pools on the chain are not those of the mirror.", differences=differences)


def build(
    seed: int,
    out: Path,
    *,
    slots: int = plan.DAYS * plan.SLOTS_PER_DAY,
    reorg_slot: int = REORG_SLOT,
    node_modules: Path = ROOT / "node_modules",
    market: Market | None = None,
    tell: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> Tally:
    """Make the recording of the first `slots` slots and put it where `out` says, in place of what was there.

    Raises Broken when the chain does not do, to the wei, what the pools' mathematics say.
    """
    tell("simulating the market", 0, slots)
    market = market or simulate(seed)
    partial = out.with_name(f".{out.name}.building")
    shutil.rmtree(partial, ignore_errors=True)
    days = -(-slots // plan.SLOTS_PER_DAY)
    try:
        with Anvil(start_timestamp=plan.GENESIS, accounts=plan.ACCOUNTS) as node:
            tell("deploying the venues", 0, slots)
            world, mirror = build_stage(node, market, node_modules)
            flow = OrderFlow(seed, market, mirror, days)
            tape = Tape(world, partial)
            tally = _play(flow, Stagehand(world, flow), tape, slots, reorg_slot, seed, tell)
            tell("recording", slots, slots)
            tape.finish(out.name, DESCRIPTION, market.minute_bars({token.symbol: token.address for token in world.tokens.values()}, days))
        shutil.rmtree(out, ignore_errors=True)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return tally


def _play(
    flow: OrderFlow, stagehand: Stagehand, tape: Tape, slots: int, reorg_slot: int, seed: int, tell: Callable[[str, int, int], None]
) -> Tally:
    """The whole flow onto the chain, with one reorganisation on the way."""
    tally, unchecked = Tally(), list[Block]()
    for until in (min(reorg_slot, slots), slots):
        for block in flow.run(until):
            stagehand.mine(block)
            tally.add(block)
            unchecked.append(block)
            if len(unchecked) == COMPARE_EVERY_BLOCKS:
                stagehand.check(unchecked)
                unchecked.clear()
                tell("trading", block.slot, slots)
        stagehand.check(unchecked)
        unchecked.clear()
        if until == reorg_slot < slots:
            _reorganise(flow, stagehand, tape, seed)
    return tally


def _reorganise(flow: OrderFlow, stagehand: Stagehand, tape: Tape, seed: int) -> None:
    """Let the chain go another way for a few blocks, record that, and take it back: what follows replaces it."""
    nonces, branch = list(stagehand.nonces), flow.branch(seed)
    branch.add_trade_of_a_passer_by()  # makes its first block another one than ours will be
    mined = 0
    while mined < plan.REORG_DEPTH:
        block = branch.step()
        if block is not None:
            stagehand.mine(block)
            mined += 1
    tape.checkpoint()
    stagehand.world.node.roll_back(plan.REORG_DEPTH)
    stagehand.nonces = nonces


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recordings.build", description="Rebuild the shipped recording from its seed.")
    parser.add_argument("--seed", type=int, default=7, help="the seed of market and traders (default 7, the shipped one)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "recordings" / "two_weeks", help="the folder of the recording; replaced when it exists"
    )
    parser.add_argument("--days", type=float, default=float(plan.DAYS), help="only the first so many days, for a quick look (default 14)")
    parser.add_argument("--node-modules", type=Path, default=ROOT / "node_modules", help="where the npm packages are")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        if not 0 < options.days <= plan.DAYS:
            raise BadInput(f"--days is {options.days:g}; give more than 0 and at most {plan.DAYS}.", field="days")
        slots = int(options.days * plan.SLOTS_PER_DAY)
        reorg_slot = REORG_SLOT if options.days == plan.DAYS else slots // 2
        tally = build(options.seed, options.out, slots=slots, reorg_slot=reorg_slot, node_modules=options.node_modules, tell=_bar(started))
    except Problem as problem:
        print(f"\n{problem.message} {problem.facts or ''}", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(
        f"\n{options.out}: {tally.blocks} blocks, {tally.transactions} transactions ({tally.reverted} reverted), {tally.swaps} swaps, "
        f"{size / 1e6:.2f} MB, {time.monotonic() - started:.0f} s on chain {CHAIN_ID}"
    )
    return 0


def _bar(started: float) -> Callable[[str, int, int], None]:
    """A progress bar for a terminal; plain lines, one a tenth, elsewhere."""
    shown: set[tuple[str, int]] = set()

    def tell(step: str, done: int, total: int) -> None:
        part = done / total
        if sys.stderr.isatty():
            bar = "█" * round(part * 30)
            print(f"\r{step:24s} {bar:30s} {part:4.0%} {time.monotonic() - started:4.0f} s", end="", file=sys.stderr, flush=True)
        elif (step, int(part * 10)) not in shown:
            shown.add((step, int(part * 10)))
            print(f"{step} {part:.0%} {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main())
