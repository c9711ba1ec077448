"""Split routing beside the routers of Uniswap, PancakeSwap and SushiSwap: same pools, same orders, same gas for every pool used.

Every answer, theirs and ours, is replayed in our whole numbers, and what counts is what remains after gas. The graphs are seeded
and arbitrage-free, one pair for two tokens; the nineteen real pools follow. The peers are installed from `bench/peers` for this
comparison only. Where a peer has several settings, its best answer counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.problems import NoRoute, Refused
from executor.routing import BookedPool, PoolBook, Token, best_path, load_pool_book, split_route

PEERS = Path(__file__).resolve().parent / "peers"
REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GAS_USD = 6.0
MOST_LEGS = 256  # the peers have no cap on legs, so neither have we here
THOROUGH = 100
SIZES_USD = (10_000, 100_000, 1_000_000)
REAL_SIZES_USD = (10_000, 100_000, 1_000_000, 10_000_000)
REAL_PAIRS = (("USDC", "WETH"), ("WETH", "USDC"), ("WBTC", "USDC"), ("USDT", "WBTC"), ("USDC", "LINK"), ("WETH", "cbBTC"), ("USDC", "PEPE"))
GRAPHS = ((6, 15, 5), (20, 60, 8), (60, 300, 10))  # tokens, pools, and up to which of ten scenarios
# Each peer with its fee on pairs, and the largest graph on which it answers within seconds.
FEES = {"uniswap": 3000, "pancake": 2500, "tines": 3000}
LARGEST = {"uniswap": 60, "pancake": 60, "tines": 300}


@dataclass(frozen=True, slots=True)
class Question:
    """An order on some pools: amounts and gas in base units, `worth` what a dollar of the bought token is, in its base units."""

    number: int
    title: str
    size_usd: int
    book: PoolBook
    sell: Token
    buy: Token
    amount: int
    gas: int
    dollar: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What remains after gas, and how long it took; `gap_bps` is the certificate, of ours only."""

    net: int
    milliseconds: float
    gap_bps: float = 0.0


def main() -> int:
    """Prints gains and gaps; returns 1 when a peer's route gives more than ours after gas, or a certificate is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=300)
    count = parser.parse_args().scenarios
    console = Console(width=150)
    if not _installed(console):
        return 0
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        for fee, peers in ((3000, ("uniswap", "tines")), (2500, ("pancake",))):
            questions = [_graph_question(number, fee) for number in range(count)]
            fine &= _compared(console, f"{count} seeded graphs of pairs, fee {fee / 10_000:.2f} %", questions, peers, Path(folder))
        files = REAL_DATA / "router_pools_19.parquet", REAL_DATA / "router_pools_19_ticks.parquet"
        if files[0].is_file():
            questions = _real_questions(load_pool_book(*files))
            fine &= _compared(
                console,
                f"nineteen real pools, {len(REAL_PAIRS)} pairs of tokens at each size",
                questions,
                ("uniswap", "pancake", "tines"),
                Path(folder),
            )
        else:
            console.print(f"Left out: the nineteen real pools, {files[0]} does not exist.")
    console.print("Never worse than any of them after gas." if fine else "A PEER FOUND A BETTER ROUTE.")
    return 0 if fine else 1


def _installed(console: Console) -> bool:
    if shutil.which("npm") is None:
        console.print("Left out: node is not installed, so the peers cannot run.")
        return False
    ready = PEERS / "node_modules" / ".ready"
    if not ready.is_file() or ready.stat().st_mtime < (PEERS / "package-lock.json").stat().st_mtime:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"], cwd=PEERS, check=False)
        if done.returncode:
            console.print("Left out: npm could not install the peers.")
            return False
        ready.touch()
    return True


# --- the questions --------------------------------------------------------------------------------------------------


def _graph_question(number: int, fee_pips: int) -> Question:
    """One order on one graph: sizes of graph and order go round, so that every hundred scenarios hold each mix."""
    place = number % 10
    tokens, pools = next((t, p) for t, p, upto in GRAPHS if place < upto)
    size = SIZES_USD[number // 10 % len(SIZES_USD)]
    book, price = seeded_graph(tokens, pools, seed=1000 + number, fee_pips=fee_pips)
    sell, buy = book.token("T0"), book.token("T1")
    dollar = 1e18 / price[1]
    return Question(number, f"{pools} pools", size, book, sell, buy, int(size / price[0] * 1e18), int(GAS_USD * dollar), dollar)


def seeded_graph(tokens: int, pools: int, seed: int, fee_pips: int = 3000) -> tuple[PoolBook, list[float]]:
    """Pairs among tokens with hubs, each within 8 bp of one price per token; and those prices in dollars a token."""
    chance = random.Random(seed)
    price = [10 ** chance.uniform(-1, 3) for _ in range(tokens)]
    known = [Token(f"0x{number + 1:040x}", f"T{number}", 18) for number in range(tokens)]
    hubs = range(2, min(6, tokens))
    sides = [(0, 1), *((end, hub) for hub in hubs for end in (0, 1)), *((one, two) for one in hubs for two in hubs if one < two)]
    seen = set(sides)
    while len(sides) < min(pools, tokens * (tokens - 1) // 2):
        one, two = sorted(chance.sample(range(tokens), 2))
        if (one, two) not in seen:
            seen.add((one, two))
            sides.append((one, two))
    booked = []
    for pool_id, (one, two) in enumerate(sides[:pools]):
        held = 10 ** chance.uniform(5, 7.3)
        reserve0 = int(held / price[one] * (1 + chance.uniform(-1, 1) * 0.0008) * 1e18)
        pool = ConstantProductPool(fee_pips, reserve0, int(held / price[two] * 1e18))
        booked.append(BookedPool(pool_id, pool, known[one], known[two], "UniswapV2State", address=f"0x{pool_id + 10_000:040x}"))
    return PoolBook(booked), price


def _real_questions(book: PoolBook) -> list[Question]:
    dollars = book.token("USDC")
    probe = 100 * 10**dollars.decimals

    def a_dollar_of(token: Token) -> float:
        return float(10**token.decimals) if token == dollars else best_path(book, dollars.address, token.address, probe).amount_out / 100

    questions = []
    for sell_symbol, buy_symbol in REAL_PAIRS:
        sell, buy = book.token(sell_symbol), book.token(buy_symbol)
        for size in REAL_SIZES_USD:
            dollar = a_dollar_of(buy)
            amount = int(size * a_dollar_of(sell))
            questions.append(Question(len(questions), "19 pools", size, book, sell, buy, amount, int(GAS_USD * dollar), dollar))
    return questions


def _as_json(question: Question) -> str:
    tokens = question.book.tokens
    place = {token.address: at for at, token in enumerate(tokens)}
    pools = []
    for booked in question.book:
        pool = booked.pool
        told: dict[str, Any] = {"id": booked.pool_id, "address": _address(booked), "fee_pips": pool.fee_pips}
        told |= {"token0": place[booked.token0.address], "token1": place[booked.token1.address]}
        if isinstance(pool, ConcentratedPool):
            ticks = [[tick, str(pool.ticks[tick].liquidity_net)] for tick in sorted(pool.ticks)]
            told |= {
                "kind": "v3",
                "sqrt_price_x96": str(pool.sqrt_price_x96),
                "tick": pool.tick,
                "liquidity": str(pool.liquidity),
                "ticks": ticks,
            }
            # Reserves of a concentrated pool only order the peers' candidates; what it could give either way stands for them.
            told |= {"reserve0": str(_all_of(pool, False)), "reserve1": str(_all_of(pool, True))}
        else:
            told |= {"kind": "v2", "reserve0": str(pool.reserve0), "reserve1": str(pool.reserve1)}
        pools.append(told)
    return json.dumps(
        {
            "id": question.number,
            "tokens": [{"address": token.address, "symbol": token.symbol, "decimals": token.decimals} for token in tokens],
            "pools": pools,
            "sell": place[question.sell.address],
            "buy": place[question.buy.address],
            "amount": str(question.amount),
            "gas_per_leg": str(question.gas),
        }
    )


def _all_of(pool: ConcentratedPool, zero_for_one: bool) -> int:
    return pool.quote(zero_for_one, 1 << 200).amount_out


def _address(booked: BookedPool) -> str:
    return booked.address or f"0x{booked.pool_id + 10_000:040x}"


# --- the answers ----------------------------------------------------------------------------------------------------


def _compared(console: Console, title: str, questions: list[Question], peers: Iterable[str], folder: Path) -> bool:
    ours = {question.number: _our_answer(question) for question in questions}
    table = Table(title=title)
    for name in (
        "peer",
        "on",
        "order",
        "answered",
        "our gain, mean bp",
        "worst bp",
        "their time / ours",
        "our certified gap, mean bp",
        "most bp",
    ):
        table.add_column(name, justify="left" if name in ("peer", "on") else "right")
    fine = True
    for peer in peers:
        theirs = _their_answers(peer, [one for one in questions if len(one.book) <= LARGEST[peer]], folder)
        groups: dict[tuple[str, int], list[Question]] = defaultdict(list)
        for question in questions:
            groups[question.title, question.size_usd].append(question)
        for (where, size), asked in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1])):
            if len(asked[0].book) > LARGEST[peer]:
                continue
            met = [one for one in asked if one.number in theirs]
            gains = [_bps(ours[one.number].net - theirs[one.number].net, one) for one in met]
            gaps = [ours[one.number].gap_bps for one in asked]
            times = [theirs[one.number].milliseconds / ours[one.number].milliseconds for one in met]
            fine &= all(gain >= 0 for gain in gains)
            table.add_row(
                peer, where, f"${size:,}", f"{len(met)} of {len(asked)}",
                f"{statistics.mean(gains):+.3f}" if gains else "", f"{min(gains):+.4f}" if gains else "",
                f"{statistics.median(times):.1f}" if times else "", f"{statistics.mean(gaps):.3f}", f"{max(gaps):.3f}",
            )  # fmt: skip
    console.print(table)
    return fine


def _bps(difference: int, question: Question) -> float:
    return difference / question.dollar / question.size_usd * 10_000


def _our_answer(question: Question) -> Answer:
    question.book.graph.best_yields(0)  # the arrays of a fresh book; the figure is a warm book's
    start = time.process_time()
    found = split_route(
        question.book,
        question.sell.address,
        question.buy.address,
        question.amount,
        gas_per_leg=question.gas,
        max_legs=MOST_LEGS,
        effort=THOROUGH,
    )
    return Answer(found.amount_out_after_gas, (time.process_time() - start) * 1000, found.certificate_bps)


def _their_answers(peer: str, questions: list[Question], folder: Path) -> dict[int, Answer]:
    asked, told = folder / f"{peer}.questions", folder / f"{peer}.answers"
    asked.write_text("".join(_as_json(question) + "\n" for question in questions))
    environment = os.environ | {"NODE_OPTIONS": "--max-old-space-size=3000"}
    subprocess.run(["node", f"{peer}.cjs", str(asked), str(told)], cwd=PEERS, env=environment, check=True, capture_output=True)
    by_number = {question.number: question for question in questions}
    best: dict[int, Answer] = {}
    for line in told.read_text().splitlines():
        document = json.loads(line)
        question = by_number[document["id"]]
        for answer in document["answers"]:
            net = _net_of_legs(question, answer["legs"]) if "legs" in answer else _net_of_paths(question, answer["paths"])
            if net is not None and (question.number not in best or net > best[question.number].net):
                best[question.number] = Answer(net, answer["ms"])
    return best


def _net_of_legs(question: Question, legs: list[Mapping[str, Any]]) -> int | None:
    held = {question.sell.address: question.amount}
    for leg in legs:
        booked, sell = question.book.pool(leg["pool"]), leg["sell"].lower()
        spent = held[sell] if leg["portion"] >= 1 else int(held[sell] * leg["portion"])
        given = _given(booked, sell, spent)
        if given is None:
            return None
        held[sell] -= spent
        buy = booked.token1.address if sell == booked.token0.address else booked.token0.address
        held[buy] = held.get(buy, 0) + given
    return held.get(question.buy.address, 0) - question.gas * len(legs)


def _net_of_paths(question: Question, paths: list[Mapping[str, Any]]) -> int | None:
    """What the paths give one after the other; a pool that two of them share is counted once for gas and moves between them."""
    amounts = [int(path["amount"]) for path in paths]
    amounts[0] += question.amount - sum(amounts)
    book, out, used = question.book, 0, set()
    for path, amount in zip(paths, amounts, strict=True):
        sell = question.sell.address
        for pool_id in path["pools"]:
            booked = book.pool(pool_id)
            given = _given(booked, sell, amount)
            if not given:
                return None
            if sum(pool_id in other["pools"] for other in paths) > 1:
                book = book.with_pool(pool_id, booked.pool.swap(booked.sells(sell), amount)[0])
            used.add(pool_id)
            sell = booked.token1.address if sell == booked.token0.address else booked.token0.address
            amount = given
        out += amount
    return out - question.gas * len(used)


def _given(booked: BookedPool, sell: str, amount: int) -> int | None:
    try:
        return booked.pool.output_for(booked.sells(sell), amount)
    except (NoRoute, Refused):
        return None


if __name__ == "__main__":
    raise SystemExit(main())
