"""Prices as the pools say them: by the deepest pool, in dollars, through the native token where need be, and None where nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.amm.constant_product import ConstantProductPool
from domain.problems import Unavailable
from executor.planner import Floor
from executor.pool_prices import PoolPrices, rate
from executor.routing.pool_book import BookedPool, PoolBook, Token
from tests.executor.trading_floor import DAI, MICRO, NOON, USDC, WEI, WETH

OTHER = "0x" + "99" * 20


def prices(book: PoolBook, dollars: tuple[str, ...] = (USDC, DAI), through: str | None = WETH) -> PoolPrices:
    return PoolPrices(lambda: Floor(1, book, NOON), dollars, through)


def test_a_token_is_worth_what_its_deepest_pool_with_a_dollar_says(book: PoolBook) -> None:
    assert prices(book).usd(WETH) == pytest.approx(3000, rel=1e-3)
    assert prices(book).usd(USDC) == 1.0
    assert prices(book).native_usd() == prices(book).usd(WETH)


def test_a_shallow_pool_at_another_price_changes_nothing(book: PoolBook) -> None:
    shallow = replace(book.pool(2), pool_id=9, pool=ConstantProductPool(3000, MICRO, WEI))
    assert prices(PoolBook([*book, shallow])).usd(WETH) == prices(book).usd(WETH)


def test_a_token_without_a_pool_in_dollars_is_priced_through_the_native_one(book: PoolBook) -> None:
    other = Token(OTHER, "OTHER", 8)
    weth = book.token(WETH)
    token0, token1 = sorted((other, weth), key=lambda token: token.address)
    reserves = (20 * 10**8, WEI) if token0 is other else (WEI, 20 * 10**8)
    pool = BookedPool(9, ConstantProductPool(3000, *reserves), token0, token1, "constant_product")
    with_it = PoolBook([*book, pool])
    assert prices(with_it).usd(OTHER) == pytest.approx(150, rel=1e-3)
    assert prices(with_it, through=None).usd(OTHER) is None
    assert prices(with_it).from_native(WEI, OTHER) == pytest.approx(20 * 10**8, rel=1e-9)


def test_gas_is_told_in_the_token_that_is_bought(book: PoolBook) -> None:
    assert prices(book).from_native(WEI, WETH) == WEI
    assert prices(book).from_native(WEI, USDC) == pytest.approx(3000 * MICRO, rel=1e-3)
    assert prices(book).from_native(0, USDC) == 0
    assert prices(book).from_native(WEI, OTHER) == 0
    assert prices(book, through=None).from_native(WEI, USDC) == 0


def test_the_native_token_reaches_a_token_it_has_no_pool_with_by_dollars(book: PoolBook) -> None:
    without = PoolBook(booked for booked in book if booked.pool_id != 3)  # the pool of WETH and DAI
    assert rate(without, WETH, DAI) is None
    assert prices(without).from_native(WEI, DAI) == pytest.approx(3000 * WEI, rel=1e-3)


def test_an_empty_pool_prices_nothing(book: PoolBook) -> None:
    empty = replace(book.pool(2), pool=ConstantProductPool(3000, 0, 0))
    assert prices(PoolBook([empty])).usd(WETH) is None


def test_while_the_pools_are_not_known_nothing_has_a_price() -> None:
    def gone() -> Floor:
        raise Unavailable("The mirror is being read.")

    nobody = PoolPrices(gone, (USDC,), WETH)
    assert nobody.usd(WETH) is None
    assert nobody.from_native(WEI, USDC) == 0
    assert PoolPrices(gone, (USDC,)).native_usd() is None
