"""The shipped stage: a venue of either known shape on a local chain, with two pools that share a token and some liquidity in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from domain.amm.ticks import sqrt_price_at_tick
from domain.problems import Broken
from executor.chain.abi import signed_at, unsigned_at
from executor.chain.local.anvil import GWEI, Anvil
from executor.chain.local.world import MAX_UINT256, SETUP_BASE_FEE, Pool, Token, World
from executor.chain.log_ranges import log_of
from executor.chain.node import Node, NodeRefused
from executor.conformance.forks import Fork, fork_of
from executor.conformance.stage import Question, Receipt, Told
from executor.ports import Chance
from executor.venue import Call, PoolValue, Venue

GENESIS = 1_767_564_000
FIRST_TICK = 1_234
LATE = 2**40
PLENTY = 10**30
POSITIONS, PAIR_RESERVES = 12, (1_000_003 * 10**18, 3_000_017 * 10**18)
ALL = 2**128 - 1
QUOTE_GAS = hex(2_000_000_000)  # enough to walk a pool of the narrowest spacing from one end of its prices to the other


class LocalStage:
    """One venue on one local chain. `open` starts a chain of its own; several stages may also share a world, one after the other."""

    node: Node

    def __init__(self, world: World, venue: Venue, fork: Fork) -> None:
        self.world, self.venue, self.fees = world, venue, fork.fees
        world.deploy_venue_routers()
        self.deployment = fork.deploy(world)
        self.split_router = world.addresses["SplitRouter"]
        self.owner, self.trader, self.stranger = world.node.accounts[1:4]
        self.vault = world.vaults.get(self.owner) or world.open_vault(self.owner)
        self.tokens = [self._token(name) for name in ("ONE", "TWO", "SIX")]
        self._positions: dict[str, list[tuple[int, int, int]]] = {}
        self._pair_router = world.contracts["UniswapV2Router"]
        one, two, six = self.tokens
        self.pool = self.furnished(one, two, fork.fees[0], 1)
        self.next_pool = self.furnished(two, six, fork.fees[0], 2)
        self.sibling = self.furnished(one, two, fork.fees[1], 3) if venue.shape == "concentrated" else None

    @classmethod
    @contextmanager
    def open(cls, venue: Venue, fork: Fork | None = None) -> Iterator[Self]:
        """The venue on a chain of its own, which ends with the context."""
        with Anvil(start_timestamp=GENESIS, accounts=5, kept_states=1024) as node:
            yield cls(World.deploy(node, timestamp=GENESIS), venue, fork or fork_of(venue.name))

    @contextmanager
    def undone(self) -> Iterator[None]:
        node, time = self.world.node, self.world.timestamp
        snapshot = node.rpc("evm_snapshot")
        positions = {pool: list(held) for pool, held in self._positions.items()}
        try:
            yield
        finally:
            node.rpc("evm_revert", snapshot)
            self.world.timestamp, self._positions = time, positions

    # --- pools and liquidity ----------------------------------------------------------------------------------------

    def create_pool(self, token_a: Token, token_b: Token, fee_pips: int) -> Pool:
        token0, token1 = sorted((token_a, token_b), key=lambda token: token.address)
        if self.venue.shape == "concentrated":
            receipt = self.invoke(self.deployment.factory, "createPool(address,address,uint24)", token0.address, token1.address, fee_pips)
            self._must(receipt)
            made = receipt.logs[-1].data
            return Pool("0x" + made[-20:].hex(), self.venue.name, token0, token1, fee_pips, signed_at(made, 0))
        receipt = self.invoke(self.deployment.factory, "createPair(address,address)", token0.address, token1.address)
        self._must(receipt)
        return Pool("0x" + receipt.logs[-1].data[12:32].hex(), self.venue.name, token0, token1, fee_pips, None)

    def furnished(self, token_a: Token, token_b: Token, fee_pips: int, seed: int) -> Pool:
        """A pool with positions that overlap and leave gaps, or a pair with reserves that do not divide evenly."""
        pool = self.create_pool(token_a, token_b, fee_pips)
        if pool.tick_spacing is None:
            self._must(self.add(pool, *PAIR_RESERVES))
            return pool
        self._must(self.initialize(pool, sqrt_price_at_tick(FIRST_TICK) + 12_345_678_901_234))
        chance, spacing = Chance(seed), pool.tick_spacing
        middle = FIRST_TICK // spacing * spacing
        for _ in range(POSITIONS):
            lower = middle + spacing * chance.randint(-60, 40)
            self._must(self.mint(pool, lower, lower + spacing * chance.randint(1, 40), int(10 ** chance.uniform(18, 23))))
        self._must(self.mint(pool, middle - 5 * spacing, middle + 6 * spacing, 10**22))
        return pool

    def initialize(self, pool: Pool, sqrt_price_x96: int) -> Receipt:
        return self.invoke(pool.address, "initialize(uint160)", sqrt_price_x96)

    def mint(self, pool: Pool, tick_lower: int, tick_upper: int, liquidity: int) -> Receipt:
        receipt = self._vault("mint", pool.address, tick_lower, tick_upper, liquidity)
        if receipt.worked:
            self._positions.setdefault(pool.address, []).append((tick_lower, tick_upper, liquidity))
        return receipt

    def burn(self, pool: Pool, tick_lower: int, tick_upper: int, liquidity: int) -> Receipt:
        receipt = self._vault("burn", pool.address, tick_lower, tick_upper, liquidity)
        if receipt.worked and (tick_lower, tick_upper, liquidity) in self.positions(pool):
            self._positions[pool.address].remove((tick_lower, tick_upper, liquidity))
        return receipt

    def positions(self, pool: Pool) -> Sequence[tuple[int, int, int]]:
        return tuple(self._positions.get(pool.address, ()))

    def price(self, pool: Pool) -> int:
        return self.world.pool_states([pool])[0][0]

    def add(self, pool: Pool, amount0: int, amount1: int) -> Receipt:
        return self._vault("addToPair", pool.address, amount0, amount1)

    def remove(self, pool: Pool, share_bps: int) -> Receipt:
        held = self.world.read("MintableERC20", "balanceOf", self.vault, at=pool.address)
        return self._vault("removeFromPair", pool.address, held * share_bps // 10_000)

    # --- trading ----------------------------------------------------------------------------------------------------

    def sell(self, pool: Pool, zero_for_one: bool, amount: int, limit: int = 0) -> Receipt:
        leg = self._leg(pool, zero_for_one)
        if limit:
            return self._router("swapToPrice", leg, amount, limit, 0, self.trader, LATE)
        return self._router("swapExactIn", [leg], amount, 0, self.trader, LATE)

    def buy(self, pool: Pool, zero_for_one: bool, amount_out: int) -> Receipt:
        return self._router("swapExactOut", self._leg(pool, zero_for_one), amount_out, PLENTY, self.trader, LATE)

    def swap_pair(self, pool: Pool, paid: tuple[int, int], taken: tuple[int, int]) -> Receipt:
        return self._hand("swapPair", pool.address, *paid, *taken, self.trader)

    def flash(self, pool: Pool, amounts: tuple[int, int], paid: tuple[int, int]) -> Receipt:
        return self._hand("flash", pool.address, *amounts, *paid)

    def set_protocol_fee(self, pool: Pool, on: bool) -> Receipt:
        factory, owner = self.deployment.factory, self.world.deployer
        if self.venue.shape == "constant_product":
            return self.invoke(factory, "setFeeTo(address)", self.stranger if on else "0x" + "00" * 20, sender=owner)
        if self.venue.protocol_fee_denominator is None:
            return self.invoke(pool.address, "setFeeProtocol(uint8,uint8)", *((4, 10) if on else (0, 0)), sender=owner)
        shares = (3300, 1000) if on else (0, 0)
        return self.invoke(factory, "setFeeProtocol(address,uint32,uint32)", pool.address, *shares, sender=owner)

    def collect_protocol(self, pool: Pool) -> Receipt:
        owner = self.world.deployer
        if self.venue.protocol_fee_denominator is None:
            return self.invoke(pool.address, "collectProtocol(address,uint128,uint128)", owner, ALL, ALL, sender=owner)
        signature = "collectProtocol(address,address,uint128,uint128)"
        return self.invoke(self.deployment.factory, signature, pool.address, owner, ALL, ALL, sender=owner)

    # --- transactions -----------------------------------------------------------------------------------------------

    def invoke(self, address: str, signature: str, *arguments: Any, sender: str | None = None) -> Receipt:
        from eth_abi.abi import encode
        from eth_utils.crypto import keccak

        types = [one for one in signature[signature.index("(") + 1 : -1].split(",") if one]
        return self.send(Call(address, "0x" + (keccak(text=signature)[:4] + encode(types, arguments)).hex()), sender)

    def send(self, call: Call, sender: str | None = None, gas_limit: int = 5_000_000) -> Receipt:
        return self._mined([(sender or self.trader, call, gas_limit)])[0]

    def send_together(self, calls: Sequence[Call]) -> list[Receipt]:
        return self._mined([(self.trader, call, 2_000_000) for call in calls])

    def approve(self, token: Token, spender: str, amount: int) -> None:
        self._must(self.invoke(token.address, "approve(address,uint256)", spender, amount))

    def balance(self, token: Token, holder: str) -> int:
        return self.world.read("MintableERC20", "balanceOf", holder, at=token.address)

    def allowance(self, token: Token, spender: str) -> int:
        return self.world.read("MintableERC20", "allowance", self.trader, spender, at=token.address)

    @property
    def now(self) -> int:
        return self.world.timestamp

    @property
    def block_number(self) -> int:
        return self.world.node.block_number()

    # --- asking -----------------------------------------------------------------------------------------------------

    async def ask(self, pool: Pool, questions: Sequence[Question]) -> list[Told | None]:
        told: list[Told | None] = []
        for start in range(0, len(questions), 1000):
            part = questions[start : start + 1000]
            calls = [
                ("eth_call", ({"to": to, "data": "0x" + data.hex(), "gas": QUOTE_GAS}, "latest"))
                for to, data in (self._as_call(pool, one) for one in part)
            ]
            answers = await self.node.batch(calls)
            told += [self._as_told(pool, question, answer) for question, answer in zip(part, answers, strict=True)]
        return told

    async def state(self, pool: Pool) -> PoolValue:
        return await self.venue.get_pool_state(self.node, pool.address)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _as_call(self, pool: Pool, question: Question) -> tuple[str, bytes]:
        if pool.is_concentrated:
            amount = -question.amount if question.exact_out else question.amount
            probe = self.world.contracts["PoolProbe"]
            return self.world.addresses["PoolProbe"], probe.call_data("quote", pool.address, question.zero_for_one, amount, question.limit)
        path = [pool.token0.address, pool.token1.address][:: 1 if question.zero_for_one else -1]
        function = "getAmountsIn" if question.exact_out else "getAmountsOut"
        return self.deployment.router or "", self._pair_router.call_data(function, question.amount, path)

    def _as_told(self, pool: Pool, question: Question, answer: Any) -> Told | None:
        if isinstance(answer, NodeRefused):
            return None
        told = bytes.fromhex(answer[2:])
        if not pool.is_concentrated:
            return Told(unsigned_at(told, 2), unsigned_at(told, 3))
        amount0, amount1 = signed_at(told, 0), signed_at(told, 1)
        moved = (amount0, -amount1) if question.zero_for_one else (amount1, -amount0)
        return Told(*moved, unsigned_at(told, 2), signed_at(told, 3))

    def _token(self, symbol: str) -> Token:
        token = self.world.add_token(symbol, symbol, 18)
        mint = self.world.contracts["MintableERC20"]
        for holder in (self.owner, self.trader):
            self.world.run("MintableERC20", "mint", holder, PLENTY, at=token.address)
        spenders = [self.world.addresses["AtomicRouter"], self.world.addresses["StageHand"], self.split_router, self.deployment.router]
        allow = [(self.trader, token.address, mint.call_data("approve", spender, MAX_UINT256)) for spender in spenders if spender]
        self.world.send_all([*allow, (self.owner, token.address, mint.call_data("approve", self.vault, MAX_UINT256))], per_block=8)
        return token

    def _leg(self, pool: Pool, zero_for_one: bool) -> tuple[bool, str, str, str, int]:
        tokens = [pool.token0.address, pool.token1.address][:: 1 if zero_for_one else -1]
        return (pool.is_concentrated, pool.address, tokens[0], tokens[1], pool.fee_pips)

    def _router(self, function: str, *arguments: Any) -> Receipt:
        data = self.world.contracts["AtomicRouter"].call_data(function, *arguments)
        return self.send(Call(self.world.addresses["AtomicRouter"], "0x" + data.hex()))

    def _hand(self, function: str, *arguments: Any) -> Receipt:
        data = self.world.contracts["StageHand"].call_data(function, *arguments)
        return self.send(Call(self.world.addresses["StageHand"], "0x" + data.hex()))

    def _vault(self, function: str, *arguments: Any) -> Receipt:
        data = self.world.contracts["LiquidityVault"].call_data(function, *arguments)
        return self.send(Call(self.vault, "0x" + data.hex()), self.owner)

    def _mined(self, calls: Sequence[tuple[str, Call, int]]) -> list[Receipt]:
        node = self.world.node
        hashes = [node.send(sender, call.to, bytes.fromhex(call.data[2:]), gas_limit=gas, priority_fee=GWEI) for sender, call, gas in calls]
        self.world.timestamp += self.world.block_seconds
        node.mine(timestamp=self.world.timestamp, base_fee=SETUP_BASE_FEE)
        return [_receipt(node.receipt(one)) for one in hashes]

    @staticmethod
    def _must(receipt: Receipt) -> None:
        if not receipt.worked:
            raise Broken("A transaction that sets the stage reverted; the venue's contracts are not of the shape it claims.")


def _receipt(told: dict[str, Any]) -> Receipt:
    logs = tuple(log_of(one) for one in told["logs"])
    return Receipt(int(told["status"], 16) == 1, int(told["blockNumber"], 16), told["blockHash"], logs, int(told["gasUsed"], 16))
