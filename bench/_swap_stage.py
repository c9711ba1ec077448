"""A local chain with pools of three venues, seeded swaps over them through the routers of production, and ways to spoil each swap.

`bench.safety` and the tests of the safety simulation share it. The truth about a swap is always the transaction, really mined.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import exp, isqrt, log
from pathlib import Path
from typing import Any, Literal

from executor.calls import ALL_X64, Routers, call_for
from executor.chain.abi import address_word
from executor.chain.local.anvil import GWEI, ROOT, Anvil
from executor.chain.local.contracts import CACHE, OWN_SOLC, Contract, compile_solidity, write_whole
from executor.chain.local.world import Pool, Token, World
from executor.chain.node import Call, HttpNode, NodeRefused
from executor.orders import OrderRequest, PlannedLeg, Rehearsed, Routed

GENESIS = 1_767_571_200
BLOCK_SECONDS = 12
SLY_SOURCE = ROOT / "tests" / "contracts_for_safety" / "SlyToken.sol"
Sabotage = Literal["none", "balance", "allowance", "liquidity", "deadline", "price", "fee_token"]
SABOTAGES: tuple[Sabotage, ...] = ("balance", "allowance", "liquidity", "deadline", "price", "fee_token")
BALANCE_OF = bytes.fromhex("70a08231")
# What a token costs in units of USDC; all pools start there.
PRICES = {"WETH": 3000.0, "USDC": 1.0, "DAI": 1.0, "SLY": 2.0}
DECIMALS = {"WETH": 18, "USDC": 6, "DAI": 18, "SLY": 18}
POOLS: tuple[tuple[Any, str, str, int], ...] = (
    ("uniswap_v3", "WETH", "USDC", 500),
    ("uniswap_v3", "WETH", "USDC", 3000),
    ("pancakeswap_v3", "WETH", "USDC", 2500),
    ("sushiswap", "WETH", "USDC", 3000),
    ("uniswap_v3", "USDC", "DAI", 100),
    ("sushiswap", "DAI", "WETH", 3000),
    ("pancakeswap_v3", "DAI", "USDC", 100),
    ("uniswap_v3", "SLY", "WETH", 3000),
    ("sushiswap", "SLY", "USDC", 3000),
)
# Half of a pool's depth, in units of USDC.
DEPTH = 2_000_000
# Positions of each concentrated pool: how many ticks they reach to both sides, and which part of the depth they are.
RANGES = ((60, 0.05), (120, 0.05), (240, 0.1), (400, 0.1), (700, 0.1), (1200, 0.2), (2500, 0.1), (4000, 0.1), (6500, 0.1), (20_000, 0.1))


class StageClock:
    """The chain's own time: a few seconds after the newest block."""

    def __init__(self, timestamp: int) -> None:
        self.timestamp = timestamp

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp, UTC)

    def monotonic(self) -> float:
        return float(self.timestamp)

    async def sleep(self, seconds: float) -> None:
        self.timestamp += int(seconds)


@dataclass(frozen=True, slots=True)
class Case:
    """A swap as it was planned, and how it was spoiled between the plan and its rehearsal."""

    request: OrderRequest
    routed: Routed
    trader: str
    sabotage: Sabotage


@dataclass(frozen=True, slots=True)
class Truth:
    """What the transaction did when it was really sent: whether it did what was asked, and the amounts that moved."""

    status: int
    spent: int
    received: int
    gas_used: int

    def is_good(self, case: Case) -> bool:
        """Whether it did what was asked: all of the input, and the minimum output at least."""
        return self.status == 1 and self.spent == case.request.amount_in and self.received >= case.routed.min_amount_out


class SwapStage:
    """The chain, its tokens and pools. `node` is how the executor asks it, `anvil` how the stage is set."""

    def __init__(self, anvil: Anvil, node: HttpNode, chance: random.Random, node_modules: Path = ROOT / "node_modules") -> None:
        self.anvil, self.node, self.chance = anvil, node, chance
        self.world = World.deploy(anvil, timestamp=GENESIS, node_modules=node_modules)
        deployments = self.world.deploy_venue_routers()
        self.routers = Routers(deployments, self.world.addresses["SplitRouter"])
        self.tokens: dict[str, Token] = {}
        self.pools: list[Pool] = []
        self.ranges: dict[tuple[str, int], tuple[int, int, int]] = {}
        self.owner, self.trader, self.rich, self.whale = anvil.accounts[1:5]
        self.erc20, self.sly = self.world.contracts["MintableERC20"], sly_token(node_modules)
        self._set_up()
        self.clock = StageClock(self.world.timestamp + 5)
        self._base = str(anvil.rpc("evm_snapshot"))
        self._left = False

    def _set_up(self) -> None:
        world = self.world
        for symbol in PRICES:
            if symbol == "SLY":
                address = world._created(world.send(world.deployer, None, self.sly.creation("", "", 18)))
                world.tokens[symbol] = Token(address, symbol, "Sly", 18)
            else:
                world.add_token(symbol, symbol, DECIMALS[symbol])
        self.tokens = world.tokens
        vault = world.open_vault(self.owner)
        self.spenders = [self.routers.split_router or "", *(str(one.router) for one in self.routers.deployments.values())]
        plenty = {symbol: 10**9 * token.unit for symbol, token in self.tokens.items()}
        world.fund([self.owner], [vault], plenty)
        world.fund([self.trader, self.rich, self.whale], self.spenders, plenty)
        for venue, one, other, fee in POOLS:
            pool = self._open_pool(venue, self.tokens[one], self.tokens[other], fee, vault)
            self.pools.append(pool)
            self._wear_in(pool)

    def _wear_in(self, pool: Pool) -> None:
        """The first trade of a pool, and the first over a tick, fill words that were empty, which costs more than any later one."""
        for sell, worth in ((pool.token0, 500_000), (pool.token1, 1_000_000), (pool.token0, 500_000)) * 2:
            self._trade_now(pool, sell, int(worth / PRICES[sell.symbol] * sell.unit))

    def _trade_now(self, pool: Pool, sell: Token, amount: int) -> None:
        legs = (self._leg(pool, sell, pool.other(sell), ALL_X64),)
        call = call_for(legs, self.routers, recipient=self.whale, amount_in=amount, min_amount_out=1, deadline=2**40)
        self.world.send(self.whale, call.to, bytes.fromhex(call.call_data[2:]))

    def _open_pool(self, venue: Any, one: Token, other: Token, fee: int, vault: str) -> Pool:
        plan = self.world.plan_pool(venue, one, other, fee)
        worth0, worth1 = (PRICES[token.symbol] / token.unit for token in (plan.token0, plan.token1))
        price = worth0 / worth1
        amounts = [int(DEPTH / worth) for worth in (worth0, worth1)]
        start = isqrt(int(price * 2**96) << 96) if plan.is_concentrated else None
        pool = self.world.create_pool(f"{venue}-{one.symbol}-{other.symbol}-{fee}", venue, one, other, fee, start)
        if pool.tick_spacing is None:
            self.world.run("LiquidityVault", "addToPair", pool.address, *amounts, sender=self.owner, at=vault)
            return pool
        tick = int(log(price) / log(1.0001))
        for reach, part in RANGES:
            reach = max(reach // pool.tick_spacing, 2) * pool.tick_spacing
            middle = tick // pool.tick_spacing * pool.tick_spacing
            # Liquidity so that about `part` of the depth lies within the range.
            liquidity = int(part * DEPTH / worth1 / price**0.5 / (1 - exp(-reach * log(1.0001) / 2)))
            self.world.run("LiquidityVault", "mint", pool.address, middle - reach, middle + reach, liquidity, sender=self.owner, at=vault)
            self.ranges[pool.address, reach] = (middle - reach, middle + reach, liquidity)
        return pool

    # --- one case

    async def reset(self) -> None:
        """The chain as it was after the setup."""
        if self._left:
            self.anvil.rpc("evm_revert", self._base)
            self._base = str(self.anvil.rpc("evm_snapshot"))
        self._left = True
        self.clock.timestamp = self.world.timestamp + 5

    def path(self, only: str | None = None) -> list[tuple[Pool, Token, Token]]:
        """One to three pools in a row that a swap could go through, each with what it sells and buys; `only` must be sold or bought."""
        while True:
            token = self.chance.choice([one for one in self.tokens.values() if one.symbol != "SLY" or only == "SLY"])
            hops: list[tuple[Pool, Token, Token]] = []
            seen = {token.symbol}
            for _ in range(self.chance.choice((1, 1, 2, 2, 3))):
                usable = [
                    pool
                    for pool in self.pools
                    if token in (pool.token0, pool.token1)
                    and pool.other(token).symbol not in seen
                    and (pool.other(token).symbol != "SLY" or only == "SLY")
                ]
                if not usable:
                    break
                pool = self.chance.choice(usable)
                hops.append((pool, token, pool.other(token)))
                token = pool.other(token)
                seen.add(token.symbol)
            if hops and (only is None or only in seen):
                return hops

    def legs_of(self, hops: Sequence[tuple[Pool, Token, Token]]) -> tuple[PlannedLeg, ...]:
        """The legs of a path; sometimes its first hop is split over a second pool of the same tokens, which needs our own router."""
        legs = [self._leg(pool, sell, buy, ALL_X64) for pool, sell, buy in hops]
        _, sell, buy = hops[0]
        others = [one for one in self.pools if {one.token0, one.token1} == {sell, buy} and one not in [hop[0] for hop in hops]]
        if others and self.chance.random() < 0.3:
            share = int(ALL_X64 * self.chance.uniform(0.1, 0.9))
            legs.insert(0, self._leg(self.chance.choice(others), sell, buy, share))
        return tuple(legs)

    def _leg(self, pool: Pool, sell: Token, buy: Token, share: int) -> PlannedLeg:
        number = self.pools.index(pool)
        return PlannedLeg(number, pool.address, pool.venue, pool.is_concentrated, pool.fee_pips, sell.address, buy.address, share, 0, 0)

    async def plan(self, sabotage: Sabotage, trader: str | None = None, recipient: str | None = None) -> Case:
        """A seeded swap, planned on the chain as it stands: its minimum is what it would give now, less its slippage."""
        hops = self.path("SLY" if sabotage == "fee_token" else None)
        legs, sell, buy = self.legs_of(hops), hops[0][1], hops[-1][2]
        reach = (1, 5.7) if self.chance.random() < 0.98 else (6, 8)  # some are larger than the pools
        amount = int(10 ** self.chance.uniform(*reach) / PRICES[sell.symbol] * sell.unit)
        slippage = self.chance.choice((0, 5, 30, 100))
        deadline = self.world.timestamp + 120
        call: dict[str, Any] = {"amount_in": amount, "deadline": deadline}
        asked = call_for(legs, self.routers, recipient=self.rich, min_amount_out=1, **call)
        before = BALANCE_OF + address_word(self.rich)
        out = await self._would_give(asked.to, asked.call_data, buy, before)
        trader = trader or self.trader
        least = max(out * (10_000 - slippage) // 10_000, 1)
        if sabotage == "deadline":
            call["deadline"] = deadline = self.clock.timestamp + self.chance.randint(-60, 40)
        execution = call_for(legs, self.routers, recipient=recipient or trader, min_amount_out=least, **call)
        head = await self.node.call("eth_getBlockByNumber", "latest", False)
        request = OrderRequest(f"case-{self.chance.getrandbits(64):016x}", sell.address, buy.address, amount, slippage, least)
        planned_on = (int(head["number"], 16), head["hash"])
        routed = Routed(legs, amount, out, least, 0.0, *planned_on, execution.to, execution.spender, execution.call_data, deadline)
        return Case(request, routed, trader, sabotage)

    async def _would_give(self, to: str, data: str, buy: Token, before: bytes) -> int:
        read = {"from": self.rich, "to": buy.address, "data": "0x" + before.hex()}
        block = {"calls": [read, {"from": self.rich, "to": to, "data": data}, read]}
        (answer,) = await self.node.call("eth_simulateV1", {"blockStateCalls": [block], "validation": False}, "latest")
        first, swap, last = answer["calls"]
        if swap["status"] != "0x1":
            return 1  # larger than the pools: it can only be refused
        return int(last["returnData"], 16) - int(first["returnData"], 16)

    async def spoil(self, case: Case) -> None:
        """Change the chain so that the planned swap may no longer do what it should; how much is drawn, so some changes do no harm."""
        sell = next(one for one in self.tokens.values() if one.address == case.request.sell)
        amount, chance = case.request.amount_in, self.chance
        leg = chance.choice(case.routed.legs)
        match case.sabotage:
            case "balance":
                kept = chance.choice((0, amount - 1, amount // 2, amount, amount + 1))
                held = await self.held(sell.address, case.trader)
                await self.send(case.trader, sell.address, self.erc20.call_data("transfer", self.rich, held - kept))
            case "allowance":
                allowed = chance.choice((0, amount - 1, amount // 2, amount))
                await self.send(case.trader, sell.address, self.erc20.call_data("approve", case.routed.spender, allowed))
            case "liquidity":
                await self._take_liquidity(next(pool for pool in self.pools if pool.address == leg.pool))
            case "price":
                trade = int(amount * 10 ** chance.uniform(-2, 1))
                legs = (replace(leg, share_x64=ALL_X64),)
                way: dict[str, Any] = {"amount_in": max(trade, 1), "min_amount_out": 1, "deadline": 2**40}
                if chance.random() < 0.2:  # the other way: the price moves for us
                    legs = (replace(leg, share_x64=ALL_X64, sell=leg.buy, buy=leg.sell),)
                    way["amount_in"] = max(leg.amount_out or trade, 1)
                call = call_for(legs, self.routers, recipient=self.whale, **way)
                await self.send(self.whale, call.to, bytes.fromhex(call.call_data[2:]))
            case "fee_token":
                kept = chance.choice((1, 10, 100, 1000, 5000))
                manner = chance.choice((0, 0, 1, 1, 2, 3))
                await self.send(self.owner, self.tokens["SLY"].address, self.sly.call_data("turn", kept, manner))

    async def somebody_trades(self, case: Case) -> None:
        """An ordinary trade of somebody else, in a block before, in one of the pools that the swap goes through."""
        leg = self.chance.choice(case.routed.legs)
        pool = next(one for one in self.pools if one.address == leg.pool)
        sell = self.chance.choice((pool.token0, pool.token1))
        amount = int(10 ** self.chance.uniform(2, 4.7) / PRICES[sell.symbol] * sell.unit)
        way = (self._leg(pool, sell, pool.other(sell), ALL_X64),)
        call = call_for(way, self.routers, recipient=self.whale, amount_in=amount, min_amount_out=1, deadline=2**40)
        await self.send(self.whale, call.to, bytes.fromhex(call.call_data[2:]))
        await self.settle()

    async def _take_liquidity(self, pool: Pool) -> None:
        vault, contract = self.world.vaults[self.owner], self.world.contracts["LiquidityVault"]
        if not pool.is_concentrated:
            shares = await self.held(pool.address, vault)
            part = shares * self.chance.choice((50, 90, 99, 100)) // 100
            await self.send(self.owner, vault, contract.call_data("removeFromPair", pool.address, part))
            return
        for (address, _), (low, high, liquidity) in self.ranges.items():
            if address == pool.address and self.chance.random() < 0.7:
                await self.send(self.owner, vault, contract.call_data("burn", address, low, high, liquidity))

    async def settle(self) -> None:
        """Mine what was sent."""
        self.clock.timestamp += BLOCK_SECONDS
        await self._mine(self.clock.timestamp - 5)

    async def execute(self, case: Case, rehearsed: Rehearsed | None) -> Truth:
        """Send the swap as the executor would, mine it as the very next block, and look what moved."""
        gas_limit = rehearsed.gas_limit if rehearsed else 5_000_000
        held = [(case.request.sell, case.trader), (case.request.buy, case.trader)]
        transaction = {"from": case.trader, "to": case.routed.to, "data": case.routed.call_data, "gas": hex(gas_limit)}
        transaction |= {"maxFeePerGas": hex(1000 * GWEI), "maxPriorityFeePerGas": hex(GWEI)}
        reads: list[Call] = [self._balance(*one) for one in held]
        *before, tx_hash = await self.node.batch([*reads, ("eth_sendTransaction", [transaction])])
        if isinstance(tx_hash, NodeRefused):
            return Truth(0, 0, 0, 0)
        await self._mine(self.clock.timestamp + BLOCK_SECONDS - 5)
        *after, receipt = await self.node.batch([*reads, ("eth_getTransactionReceipt", [tx_hash])])
        spent, received = int(before[0], 16) - int(after[0], 16), int(after[1], 16) - int(before[1], 16)
        return Truth(int(receipt["status"], 16), spent, received, int(receipt["gasUsed"], 16))

    async def held(self, token: str, owner: str) -> int:
        """What an account holds of a token, in base units."""
        return int((await self.node.batch([self._balance(token, owner)]))[0], 16)

    @staticmethod
    def _balance(token: str, owner: str) -> Call:
        return "eth_call", [{"to": token, "data": "0x" + (BALANCE_OF + address_word(owner)).hex()}, "latest"]

    async def send(self, sender: str, to: str, data: bytes) -> None:
        """Put a transaction into the pool; `settle` mines it."""
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
        transaction |= {"maxFeePerGas": hex(1000 * GWEI), "maxPriorityFeePerGas": hex(GWEI)}
        await self.node.call("eth_sendTransaction", transaction)

    async def _mine(self, timestamp: int) -> None:
        told = await self.node.batch([("evm_setNextBlockTimestamp", [timestamp]), ("evm_mine", [])])
        for answer in told:
            if isinstance(answer, NodeRefused):
                raise answer


def sly_token(node_modules: Path) -> Contract:
    """The token that can be made to keep a part of each transfer, compiled once."""
    text = SLY_SOURCE.read_text()
    cached = CACHE / f"sly-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if not cached.is_file():
        built = compile_solidity(OWN_SOLC, {SLY_SOURCE.name: text}, node_modules, {"evmVersion": "paris"})["SlyToken"]
        write_whole(cached, json.dumps({part: built[part] for part in ("abi", "bytecode")}))
    told = json.loads(cached.read_text())
    return Contract("SlyToken", tuple(told["abi"]), bytes.fromhex(told["bytecode"][2:]))
