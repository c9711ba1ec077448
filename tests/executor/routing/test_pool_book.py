import pytest

from domain.amm.constant_product import ConstantProductPool
from domain.problems import BadInput, NotEnoughLiquidity, UnknownPool, UnknownToken
from executor.routing.pool_book import PoolBook, Token
from tests.executor.routing.books import DAI, PEPE, USDC, WETH, concentrated, pair

BOOK = PoolBook([concentrated(0, USDC, WETH, 10**9), pair(1, WETH, DAI, 10**6, 2 * 10**6)])


def test_a_token_is_found_by_address_and_by_symbol_whatever_the_case():
    assert BOOK.token("WETH") == BOOK.token("weth") == BOOK.token(WETH.address.upper().replace("X", "x")) == WETH
    assert {token.symbol for token in BOOK.tokens} == {"USDC", "WETH", "DAI"}


def test_an_unknown_token_or_pool_is_named():
    with pytest.raises(UnknownToken, match="called PEPE"):
        BOOK.token("PEPE")
    with pytest.raises(UnknownPool, match=r"id 9; the book has 0, 1\."):
        BOOK.pool(9)


def test_a_long_book_is_not_listed_whole():
    long = PoolBook(pair(number, WETH, DAI, 10, 10) for number in range(30))
    with pytest.raises(UnknownPool, match="and 10 more"):
        long.pool(99)


def test_a_symbol_that_two_tokens_share_is_refused_with_both_addresses():
    impostor = Token("0x" + "e" * 40, "WETH", 18)
    book = PoolBook([*BOOK, pair(2, DAI, impostor, 10, 10)])
    with pytest.raises(BadInput, match="give the address") as refusal:
        book.token("WETH")
    assert refusal.value.facts["addresses"] == [WETH.address, impostor.address]
    assert book.token(WETH.address) == WETH
    assert book.token_in(2, "WETH") == impostor  # within one pool there is no doubt


def test_symbols_that_differ_only_in_case_are_told_apart():
    other = Token("0x" + "e" * 40, "weth", 18)
    book = PoolBook([*BOOK, pair(2, DAI, other, 10, 10)])
    assert (book.token("WETH"), book.token("weth")) == (WETH, other)


def test_a_pool_of_two_tokens_with_one_symbol_needs_the_address():
    twin = Token("0x" + "e" * 40, "DAI", 18)
    book = PoolBook([pair(0, DAI, twin, 10, 10)])
    with pytest.raises(BadInput, match="2 tokens are called DAI"):
        book.token_in(0, "DAI")


def test_a_pool_does_not_sell_what_it_does_not_trade():
    with pytest.raises(UnknownToken, match="trades USDC and WETH, not DAI"):
        BOOK.token_in(0, "DAI")
    with pytest.raises(UnknownToken, match="Pool 0"):
        BOOK.quote(0, PEPE.address, 5)


def test_a_quote_goes_the_way_of_the_token_sold():
    assert BOOK.quote(1, WETH.address, 1000).amount_out == 1992
    assert BOOK.quote(1, DAI.address, 1000).amount_out == 498
    assert BOOK.quote(1, WETH.address, 1992, exact_out=True).amount_in == 1000


def test_a_pool_that_can_trade_nothing_refuses_and_one_that_can_trade_a_part_says_so():
    empty_below = PoolBook([concentrated(0, USDC, WETH, 10**9)])
    dry = empty_below.with_pool(0, empty_below.pool(0).pool.burn(-600, 600, 10**9)[0])
    with pytest.raises(NotEnoughLiquidity, match="no liquidity"):
        dry.quote(0, USDC.address, 5)
    assert empty_below.quote(0, USDC.address, 10**12).partial


def test_a_new_state_of_a_pool_is_a_new_book():
    after = BOOK.with_pool(1, ConstantProductPool(3000, 1, 1))
    assert after.pool(1).pool.reserve0 == 1
    assert BOOK.pool(1).pool.reserve0 == 10**6
    assert [way.pool.reserve0 for way in after.ways_out_of(DAI.address)] == [1]
    assert len(after) == 2
