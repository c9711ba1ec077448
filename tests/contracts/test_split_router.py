"""SplitRouter keeps its promises whatever a pool or a token does: it pays what it must, gets what was asked, or nothing happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from executor.calls import ALL_X64
from executor.chain.local.anvil import NodeRefused
from executor.chain.local.contracts import OWN_SOLC, Contract, compile_solidity, own
from tests.executor.local_market import LATE, Market, open_market, worked

SOURCE = Path(__file__).parent / "Malice.sol"
HONEST, ASK_TWICE, ASK_MORE, ASK_LESS, ASK_NOTHING, _, REENTER, LET_ANOTHER_ASK, FORGE_DATA, PAY_LATER = range(10)
NOBODY = "0x" + "00" * 20
AMOUNT = 10**18


@pytest.fixture(scope="module")
def malice(node_modules) -> dict[str, Contract]:
    built = compile_solidity(OWN_SOLC, {SOURCE.name: SOURCE.read_text()}, node_modules, {"evmVersion": "paris"})
    return {name: Contract(name, tuple(one["abi"]), bytes.fromhex(one["bytecode"][2:])) for name, one in built.items()}


@pytest.fixture(scope="module")
def opened(node_modules) -> Iterator[Market]:
    with open_market(node_modules) as market:
        yield market


@pytest.fixture
def market(opened: Market) -> Iterator[Market]:
    with opened.undone():
        yield opened


ROUTER = own("SplitRouter")
ERRORS = {item["name"]: item for item in ROUTER.abi if item["type"] == "error"}


class Hand:
    """The trader at the router, with words for what goes wrong."""

    def __init__(self, market: Market, malice: dict[str, Contract]) -> None:
        self.market, self.malice, self.world = market, malice, market.world
        self.router = market.world.addresses["SplitRouter"]
        self.sell, self.buy = market.token("WETH"), market.token("USDC")

    def create(self, name: str, *arguments: Any) -> str:
        return self.world.send(self.world.deployer, None, self.malice[name].creation(*arguments))["contractAddress"].lower()

    def call(self, name: str, address: str, function: str, *arguments: Any, sender: str | None = None) -> None:
        data = self.malice[name].call_data(function, *arguments)
        assert worked(self.market.send(sender or self.market.trader, address, data))

    def bad_pool(
        self, act: int, pays: int, claims: int | None = None, *, other: str = NOBODY, again: bytes = b"", buy: str = "USDC"
    ) -> str:
        """A pool of WETH and another token that holds plenty of both."""
        tokens = sorted((self.sell, self.market.token(buy)))
        pool = self.create("BadPool", *tokens)
        for token in tokens:
            self.world.run("MintableERC20", "mint", pool, 10**30, at=token)
        self.call("BadPool", pool, "prepare", act, pays, pays if claims is None else claims, other, again)
        return pool

    def leg(self, pool: str, *, concentrated: bool = True, sell: str | None = None, buy: str | None = None, share: int = ALL_X64) -> tuple:
        return (concentrated, pool, sell or self.sell, buy or self.buy, 0, share)

    def data(self, legs: list[tuple], least: int = 1, **other: Any) -> bytes:
        told = {"sell": self.sell, "amount": AMOUNT, "buy": self.buy, "to": self.market.trader, "deadline": LATE} | other
        return ROUTER.call_data("swap", legs, told["sell"], told["amount"], told["buy"], least, told["to"], told["deadline"])

    def swap(self, legs: list[tuple], least: int = 1, **other: Any) -> bool:
        return worked(self.market.send(self.market.trader, self.router, self.data(legs, least, **other)))

    def reason(self, legs: list[tuple], least: int = 1, **other: Any) -> str:
        """The name of the error that the router ends with."""
        from eth_utils.crypto import keccak

        try:
            self.world.node.call(self.router, self.data(legs, least, **other), sender=self.market.trader)
        except NodeRefused as refused:
            told = bytes.fromhex((refused.facts["data"] or "0x")[2:])[:4]
        else:
            return "worked"
        for name, item in ERRORS.items():
            if keccak(text=f"{name}({','.join(one['type'] for one in item['inputs'])})")[:4] == told:
                return name
        return told.hex()

    def refused(self, expected: str, legs: list[tuple], least: int = 1, **other: Any) -> None:
        """The swap ends with this error, and moves nothing."""
        assert self.reason(legs, least, **other) == expected
        before = self.market.balance("WETH"), self.market.balance("USDC")
        assert not self.swap(legs, least, **other)
        assert (self.market.balance("WETH"), self.market.balance("USDC")) == before


@pytest.fixture
def hand(market: Market, malice: dict[str, Contract]) -> Hand:
    return Hand(market, malice)


def test_an_honest_pool_is_paid_and_pays(hand):
    pool = hand.bad_pool(HONEST, 3000)
    before = hand.market.balance("WETH"), hand.market.balance("USDC")
    assert hand.swap([hand.leg(pool)], 3000)
    assert (before[0] - hand.market.balance("WETH"), hand.market.balance("USDC") - before[1]) == (AMOUNT, 3000)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (ASK_TWICE, "UnexpectedCallback"),
        (ASK_MORE, "PartialFill"),
        (ASK_LESS, "PartialFill"),
        (ASK_NOTHING, "PartialFill"),
    ],
    ids=["twice", "too much", "too little", "not at all"],
)
def test_a_pool_that_asks_for_anything_but_its_part_once_is_refused(hand, act, error):
    hand.refused(error, [hand.leg(hand.bad_pool(act, 3000))])


def test_nobody_but_the_pool_being_swapped_with_may_ask(hand):
    accomplice = hand.bad_pool(HONEST, 0)
    hand.refused("UnexpectedCallback", [hand.leg(hand.bad_pool(LET_ANOTHER_ASK, 3000, other=accomplice))])


def test_a_pool_cannot_make_somebody_else_pay(hand):
    victim = hand.world.node.accounts[1]
    hand.world.run("MintableERC20", "approve", hand.router, 2**256 - 1, sender=victim, at=hand.sell)
    before = hand.market.balance("WETH", victim)
    hand.refused("UnexpectedCallback", [hand.leg(hand.bad_pool(FORGE_DATA, 3000, other=victim))])
    assert hand.market.balance("WETH", victim) == before


@pytest.mark.parametrize("function", ["uniswapV3SwapCallback", "pancakeV3SwapCallback"])
def test_a_callback_out_of_the_blue_is_refused(hand, function):
    from eth_abi.abi import encode

    owed = encode(["address", "address", "uint256"], [hand.sell, hand.market.trader, 10**18])
    data = ROUTER.call_data(function, 10**18, 0, owed)
    assert not worked(hand.market.send(hand.world.node.accounts[4], hand.router, data))


@pytest.mark.parametrize("concentrated", [True, False])
def test_the_router_is_not_entered_twice(hand, concentrated):
    inner = hand.bad_pool(HONEST, 1)
    again = hand.data([hand.leg(inner)])
    hand.refused("Reentered", [hand.leg(hand.bad_pool(REENTER, 3000, again=again), concentrated=concentrated)])


def test_a_pool_that_claims_more_than_it_paid_is_refused(hand):
    hand.refused("ShortReceived", [hand.leg(hand.bad_pool(HONEST, 2999, 3000))])
    hand.refused("ShortReceived", [hand.leg(hand.bad_pool(HONEST, 0, 10**30))])


def test_a_pool_in_the_middle_that_claims_more_than_it_paid_is_refused(hand):
    """Also when the router happens to hold enough of that token: what lies there is nobody's to spend."""
    dai = hand.market.token("DAI")
    hand.world.run("MintableERC20", "mint", hand.router, 10**24, at=dai)
    first = hand.bad_pool(HONEST, 0, 10**18, buy="DAI")
    second = hand.market.pools[5]
    hand.refused("ShortReceived", [hand.leg(first, buy=dai), hand.leg(second.address, sell=dai)])


def test_a_pair_that_does_not_pay_is_refused(hand):
    hand.refused("ShortReceived", [hand.leg(hand.bad_pool(ASK_NOTHING, 0), concentrated=False)])


def test_the_minimum_holds_whatever_the_pool_claims(hand):
    pool = hand.bad_pool(HONEST, 3000, 0)  # pays, and says it did not
    hand.refused("TooLittleReceived", [hand.leg(pool)], 3001)
    assert hand.swap([hand.leg(pool)], 3000)


def test_what_lies_in_the_router_stays_there(hand):
    """Tokens that somebody sent to the router are neither sold nor taken by anybody's swap."""
    for symbol in ("WETH", "USDC", "DAI"):
        hand.world.run("MintableERC20", "mint", hand.router, 10**24, at=hand.market.token(symbol))
    pools, dai = hand.market.pools, hand.market.token("DAI")
    legs = [hand.leg(pools[1].address), (True, pools[5].address, hand.buy, dai, 0, ALL_X64)]
    assert hand.swap(legs, buy=dai)
    held = {symbol: hand.market.balance(symbol, hand.router) for symbol in ("WETH", "USDC", "DAI")}
    assert held == {"WETH": 10**24, "USDC": 10**24, "DAI": 10**24}


def test_the_router_approves_nobody(hand):
    assert hand.swap([hand.leg(hand.market.pools[1].address)])
    for symbol in ("WETH", "USDC"):
        for pool in hand.market.pools.values():
            assert hand.world.read("MintableERC20", "allowance", hand.router, pool.address, at=hand.market.token(symbol)) == 0


def test_a_token_that_keeps_a_fee_is_told_apart(hand):
    """Selling it and buying it are both refused, with the token and both amounts."""
    fee = hand.create("FeeToken")
    hand.call("FeeToken", fee, "mint", hand.market.trader, 10**30)
    hand.call("FeeToken", fee, "approve", hand.router, 2**256 - 1)
    for tokens, concentrated in ((("sell", fee), True), (("sell", fee), False), (("buy", fee), True)):
        side, token = tokens
        other = hand.buy if side == "sell" else hand.sell
        pool = hand.create("BadPool", *sorted((token, other)))
        hand.world.run("MintableERC20", "mint", pool, 10**30, at=other)
        hand.call("FeeToken", fee, "mint", pool, 10**30)
        hand.call("BadPool", pool, "prepare", HONEST, 3000, 3000, NOBODY, b"")
        ends = {"sell": token, "buy": other} if side == "sell" else {"sell": other, "buy": token}
        leg = (concentrated, pool, ends["sell"], ends["buy"], 0, ALL_X64)
        assert hand.reason([leg], **ends) == "ShortReceived"


@pytest.mark.parametrize("says_no", [False, True])
def test_a_token_that_answers_nothing_works_and_one_that_says_no_does_not(hand, says_no):
    old = hand.create("OldToken")
    hand.call("OldToken", old, "mint", hand.market.trader, 10**30)
    hand.call("OldToken", old, "approve", hand.router, 2**256 - 1)
    pool = hand.create("BadPool", *sorted((old, hand.buy)))
    hand.world.run("MintableERC20", "mint", pool, 10**30, at=hand.buy)
    hand.call("BadPool", pool, "prepare", HONEST, 3000, 3000, NOBODY, b"")
    hand.call("OldToken", old, "sayNo", says_no)
    expected = "TransferFailed" if says_no else "worked"
    assert hand.reason([(True, pool, old, hand.buy, 0, ALL_X64)], sell=old) == expected


def test_an_address_that_is_no_token_cannot_be_sold(hand):
    pool = hand.bad_pool(HONEST, 3000)
    assert not hand.swap([(True, pool, NOBODY[:-1] + "1", hand.buy, 0, ALL_X64)], sell=NOBODY[:-1] + "1")


def test_who_has_not_allowed_it_sells_nothing(hand):
    hand.world.run("MintableERC20", "approve", hand.router, AMOUNT - 1, sender=hand.market.trader, at=hand.sell)
    hand.refused("TransferFailed", [hand.leg(hand.bad_pool(HONEST, 3000))])


@pytest.mark.parametrize(
    ("error", "changes"),
    [
        ("Expired", {"deadline": 1}),
        ("SameToken", {"buy": "sell"}),
        ("BadRecipient", {"to": NOBODY}),
        ("BadRecipient", {"to": "router"}),
        ("AmountTooLarge", {"amount": 1 << 192}),
        ("NothingToSell", {"amount": 0}),
        ("TooLittleReceived", {"least": 3001}),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(hand, error, changes):
    named = {"sell": hand.sell, "router": hand.router}
    told = {name: named.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    least = told.pop("least", 1)
    hand.refused(error, [hand.leg(hand.bad_pool(HONEST, 3000))], least, **told)


def test_a_plan_that_makes_no_sense_is_refused(hand):
    pool, other, dai = hand.bad_pool(HONEST, 3000), hand.bad_pool(HONEST, 3000), hand.market.token("DAI")
    hand.refused("NoLegs", [])
    hand.refused("Leftover", [hand.leg(pool, share=ALL_X64 // 2)])
    hand.refused("NothingToSell", [hand.leg(pool), hand.leg(other)])
    hand.refused("NothingToSell", [hand.leg(pool, sell=dai)])
    hand.refused("BadLeg", [hand.leg(pool, share=ALL_X64 + 1)])
    hand.refused("BadLeg", [hand.leg(pool, sell=hand.buy, buy=hand.sell)])
    hand.refused("BadLeg", [hand.leg(pool, sell=dai, buy=dai)])
    middle = hand.bad_pool(HONEST, 10**18, buy="DAI")
    hand.refused("Leftover", [hand.leg(pool, share=ALL_X64 // 2), hand.leg(middle, buy=dai)])


def test_a_pool_that_runs_out_is_a_partial_fill(hand):
    """A real pool takes what it can and stops; the router takes that for a no."""
    too_much = hand.market.amount("WETH", 10**11)
    hand.refused("PartialFill", [hand.leg(hand.market.pools[1].address)], amount=too_much)
    hand.refused("PartialFill", [hand.leg(hand.market.pools[3].address)], amount=too_much)


def test_it_costs_about_as_much_gas_as_the_venues_own_router(hand):
    """One Uniswap pool and one SushiSwap pair, after a first swap has touched everything; less than 50,000 more than their routers."""
    from executor.calls import Routers, call_for

    market = hand.market
    used = {}
    for pool_id in (1, 4):
        for name, routers in (("theirs", market.routers), ("ours", Routers({}, hand.router))):
            for _ in range(2):
                call = call_for(
                    [market.leg(pool_id, "WETH")], routers, recipient=market.trader, amount_in=AMOUNT, min_amount_out=1, deadline=LATE
                )
                receipt = market.execute(call)
                assert worked(receipt)
            used[name, pool_id] = int(receipt["gasUsed"], 16)
    for pool_id in (1, 4):
        assert used["ours", pool_id] < used["theirs", pool_id] + 50_000, used
    print(used)
