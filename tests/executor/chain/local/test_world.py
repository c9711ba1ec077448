"""A world of three venues stands on the node where the rules of CREATE2 say, and quotes like our pools to the wei."""

from __future__ import annotations

from math import isqrt

import pytest

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.problems import BadInput, Broken
from executor.chain.local.contracts import compile_solidity
from executor.chain.local.world import Pool, World

LATE = 2**40
PRICE = 3000
LIQUIDITY = 10**18


@pytest.fixture(scope="module")
def pools(world: World) -> dict[str, Pool]:
    """WETH/USDC at 3,000 on every venue, with a million dollars or so each."""
    weth, usdc = world.add_token("WETH", "Wrapped Ether", 18), world.add_token("USDC", "USD Coin", 6)
    up = weth.address < usdc.address
    price = isqrt((PRICE * 10**6 << 192) // 10**18) if up else isqrt((10**18 << 192) // (PRICE * 10**6))
    owner = world.node.accounts[1]
    vault = world.open_vault(owner)
    world.fund([owner], [vault, world.addresses["AtomicRouter"]], {"WETH": 10**24, "USDC": 10**16})
    for venue, fee in (("uniswap_v3", 500), ("uniswap_v3", 100), ("pancakeswap_v3", 2500)):
        pool = world.create_pool(f"{venue}-{fee}", venue, weth, usdc, fee, price)
        middle = world.pool_states([pool])[0][1] // 50 * 50
        for reach in (500, 2500):
            world.run("LiquidityVault", "mint", pool.address, middle - reach, middle + reach, LIQUIDITY, sender=owner, at=vault)
    pair = world.create_pool("sushiswap-3000", "sushiswap", weth, usdc, 3000, None)
    amounts = (100 * 10**18, 100 * PRICE * 10**6)
    world.run("LiquidityVault", "addToPair", pair.address, *(amounts if up else reversed(amounts)), sender=owner, at=vault)
    return world.pools


def mirror(world: World, pool: Pool) -> ConcentratedPool:
    price, tick, _, _, _ = world.pool_states([pool])[0]
    empty = ConcentratedPool(pool.fee_pips, pool.tick_spacing or 1, price, tick, 0)
    middle = tick // 50 * 50
    for reach in (500, 2500):
        empty = empty.mint(middle - reach, middle + reach, LIQUIDITY)[0]
    return empty


@pytest.mark.parametrize("key", ["uniswap_v3-500", "uniswap_v3-100", "pancakeswap_v3-2500"])
@pytest.mark.parametrize("zero_for_one", [True, False])
@pytest.mark.parametrize("exact_out", [False, True])
def test_a_concentrated_pool_quotes_like_ours(world, pools, key, zero_for_one, exact_out):
    pool = pools[key]
    ours = mirror(world, pool)
    token = pool.token0 if zero_for_one != exact_out else pool.token1
    for dollars in (1, 500, 20_000):
        amount = dollars * token.unit if token.symbol == "USDC" else dollars * token.unit // PRICE
        amount0, amount1, price, tick = world.quote(pool, zero_for_one, -amount if exact_out else amount)
        quote = ours.quote(zero_for_one, amount, exact_out=exact_out)
        expected = (quote.amount_in, -quote.amount_out) if zero_for_one else (-quote.amount_out, quote.amount_in)
        assert (amount0, amount1) == expected
        assert (price, tick) == (quote.sqrt_price_x96_after, quote.tick_after)


def test_pools_stand_where_create2_says(world, pools):
    for pool in pools.values():
        assert pool.address == world.pool_address(pool.venue, pool.token0, pool.token1, pool.fee_pips)


def test_what_a_pool_is_can_be_read_off_it(pools):
    assert pools["uniswap_v3-500"].protocol == "concentrated"
    assert pools["sushiswap-3000"].protocol == "constant_product"
    weth = pools["sushiswap-3000"].token0
    assert pools["sushiswap-3000"].other(weth) == pools["sushiswap-3000"].token1
    assert pools["sushiswap-3000"].other(pools["sushiswap-3000"].token1) == weth
    with pytest.raises(BadInput, match="is not in the pool"):
        pools["sushiswap-3000"].other(pools["sushiswap-3000"].token0.__class__("0x" + "00" * 20, "XYZ", "", 18))


def test_a_reverting_set_up_is_not_passed_over(world, pools):
    with pytest.raises(Broken, match="reverted"):
        world.run("LiquidityVault", "burn", pools["uniswap_v3-500"].address, 0, 10, 1, at=next(iter(world.vaults.values())))


def test_a_pool_that_lands_elsewhere_is_not_passed_over(world, pools, monkeypatch):
    monkeypatch.setattr(world, "pool_address", lambda *_: "0x" + "99" * 20)
    with pytest.raises(Broken, match="where CREATE2 says"):
        world.create_pool("lost", "uniswap_v3", world.tokens["WETH"], world.tokens["USDC"], 10000, None)


class TestTheRouter:
    """The atomic router pays what it owes and nothing more."""

    @pytest.fixture(autouse=True)
    def _trader(self, world, pools):
        self.world, self.pools, self.trader = world, pools, world.node.accounts[1]

    def leg(self, key: str, token_in: str) -> tuple:
        pool = self.pools[key]
        token = self.world.tokens[token_in]
        return (pool.is_concentrated, pool.address, token.address, pool.other(token).address, pool.fee_pips)

    def balance(self, symbol: str) -> int:
        return self.world.read("MintableERC20", "balanceOf", self.trader, at=self.world.tokens[symbol].address)

    def swap(self, function: str, *arguments):
        return self.world.run("AtomicRouter", function, *arguments, sender=self.trader)

    def test_a_path_over_two_venues_gives_what_the_pools_quote(self):
        amount = 10**18
        first, second = self.leg("uniswap_v3-500", "WETH"), self.leg("sushiswap-3000", "USDC")
        dollars = mirror(self.world, self.pools["uniswap_v3-500"]).quote(self.zero_for_one("WETH"), amount).amount_out
        reserves = self.world.pool_states([self.pools["sushiswap-3000"]])[0][3:]
        expected = ConstantProductPool(3000, *reserves).quote(self.zero_for_one("USDC"), dollars).amount_out
        before = self.balance("WETH")
        self.swap("swapExactIn", [first, second], amount, 0, self.trader, LATE)
        assert self.balance("WETH") - before == expected - amount

    def zero_for_one(self, token_in: str) -> bool:
        return self.pools["sushiswap-3000"].token0.symbol == token_in

    def test_an_exact_output_is_exact_on_both_shapes(self):
        for key in ("pancakeswap_v3-2500", "sushiswap-3000"):
            before = self.balance("WETH")
            self.swap("swapExactOut", self.leg(key, "USDC"), 10**17, 10**12, self.trader, LATE)
            assert self.balance("WETH") - before == 10**17

    def test_selling_to_a_price_stops_there_and_leaves_the_rest(self):
        pool = self.pools["uniswap_v3-100"]
        price = self.world.pool_states([pool])[0][0]
        limit = price * 999 // 1000 if self.zero_for_one("WETH") else price * 1001 // 1000
        before = self.balance("WETH")
        self.swap("swapToPrice", self.leg("uniswap_v3-100", "WETH"), 10**24, limit, 0, self.trader, LATE)
        assert self.world.pool_states([pool])[0][0] == limit
        assert 0 < before - self.balance("WETH") < 10**22

    @pytest.mark.parametrize(
        ("function", "arguments"),
        [
            ("swapExactIn", lambda t: ([t.leg("uniswap_v3-500", "WETH")], 10**16, 10**12, t.trader, LATE)),
            ("swapExactIn", lambda t: ([t.leg("uniswap_v3-500", "WETH")], 10**16, 0, t.trader, 1)),
            ("swapExactIn", lambda t: ([t.leg("uniswap_v3-500", "WETH")], 10**23, 0, t.trader, LATE)),
            ("swapExactIn", lambda t: ([], 10**16, 0, t.trader, LATE)),
            ("swapExactOut", lambda t: (t.leg("uniswap_v3-500", "USDC"), 10**17, 1, t.trader, LATE)),
            ("swapExactOut", lambda t: (t.leg("sushiswap-3000", "USDC"), 10**17, 1, t.trader, LATE)),
            ("swapExactOut", lambda t: (t.leg("uniswap_v3-500", "USDC"), 10**23, 10**16, t.trader, LATE)),
            ("swapToPrice", lambda t: (t.leg("sushiswap-3000", "WETH"), 10**16, 1, 0, t.trader, LATE)),
            ("swapToPrice", lambda t: (t.leg("uniswap_v3-500", "WETH"), 10**16, t.far(), 10**13, t.trader, LATE)),
        ],
        ids=[
            "too little",
            "too late",
            "partial fill",
            "no path",
            "too dear",
            "pair too dear",
            "not so much there",
            "no price to stop at",
            "too little until there",
        ],
    )
    def test_what_breaks_the_agreement_reverts(self, function, arguments):
        with pytest.raises(Broken, match="reverted"):
            self.swap(function, *arguments(self))

    def far(self) -> int:
        return 4295128740 if self.zero_for_one("WETH") else 1461446703485210103287273052203988822378723970341

    def test_nobody_but_the_pool_being_swapped_with_can_ask_for_payment(self):
        for function in ("uniswapV3SwapCallback", "pancakeV3SwapCallback"):
            with pytest.raises(Broken, match="reverted"):
                self.swap(function, 10**18, 0, b"")
        for function in ("uniswapV3MintCallback", "pancakeV3MintCallback"):
            with pytest.raises(Broken, match="reverted"):
                self.world.run("LiquidityVault", function, 1, 0, b"", at=self.world.vaults[self.trader], sender=self.trader)

    def test_a_false_pool_cannot_take_more_than_was_offered(self, node_modules):
        source = """pragma solidity 0.8.26;
        contract Thief {
            function ask(int256 amount) private returns (bool ok) {
                (ok,) = msg.sender.call(abi.encodeWithSignature("uniswapV3SwapCallback(int256,int256,bytes)", amount, int256(0), ""));
            }
            function swap(address, bool, int256 amount, uint160, bytes calldata) external returns (int256, int256) {
                require(!ask(amount + 1) && ask(amount));
                return (ask(amount) ? amount * 2 : amount, -int256(1));
            }
        }"""
        built = compile_solidity("solc-0.8.26", {"Thief.sol": source}, node_modules)["Thief"]
        thief = self.world.send(self.world.deployer, None, bytes.fromhex(built["bytecode"][2:]))["contractAddress"].lower()
        low, high = sorted((self.world.tokens["WETH"], self.world.tokens["USDC"]), key=lambda token: token.address)
        before = self.balance(low.symbol)
        self.swap("swapExactIn", [(True, thief, low.address, high.address, 0)], 1000, 0, self.trader, LATE)
        assert before - self.balance(low.symbol) == 1000

    def test_only_the_owner_moves_what_is_in_a_vault(self):
        stranger, vault = self.world.node.accounts[2], self.world.vaults[self.trader]
        pool = self.pools["uniswap_v3-500"].address
        calls = {"mint": (pool, -10, 10, 1), "burn": (pool, -10, 10, 0), "addToPair": (pool, 1, 1), "removeFromPair": (pool, 1)}
        for function, arguments in calls.items():
            with pytest.raises(Broken, match="reverted"):
                self.world.run("LiquidityVault", function, *arguments, at=vault, sender=stranger)
