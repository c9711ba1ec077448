"""The limits as they stand in the desk file: dollars and whole tokens as people write them, tokens and markets by symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from executor.guards.limits import ANY, AmountLimits, Limits, market_of
from executor.routing.pool_book import Token
from executor.strict_yaml import Section, Value

BPS = 10_000
NONE = "none"
T = TypeVar("T")
# Beyond these a limit of this kind limits nothing.
LONGEST_WINDOW_MINUTES, MOST_BLOCKS, MOST_SECONDS, MOST_ORDERS = 1_440, 256, 3_600, 10_000


def read_limits(section: Section, tokens: Mapping[str, Token], otherwise: Limits) -> Limits:
    """The limits of a section; `tokens` are known by address, `otherwise` says what holds where the section says nothing.

    A limit that shall not hold is written as `none`. Raises BadInput naming the limit and what to write.
    """
    said: set[str] = set()

    def read(name: str, how: Callable[[Value], T], *, optional: bool = True) -> T | Any:
        found = section.told(name)
        if found is None:
            return getattr(otherwise, name)
        if found.told is None:
            found.bad(f"write a value{', or none where there shall be no limit' if optional else ''}.")
        said.add(name)
        return None if optional and found.told == NONE else how(found)

    def number(least: int, most: int) -> Callable[[Value], int]:
        return lambda value: value.whole(least, most)

    def addresses(how: Callable[[Value], str]) -> Callable[[Value], frozenset[str]]:
        return lambda value: frozenset(how(one) for one in value.items())

    limits = Limits(
        max_notional_per_order_usd=read("max_notional_per_order_usd", _dollars),
        max_notional_per_day_usd=read("max_notional_per_day_usd", _dollars),
        max_notional_per_symbol_usd=read("max_notional_per_symbol_usd", lambda value: _symbols(value, tokens)) or {},
        amounts=read("amounts", lambda value: _amounts(value, tokens)) or {},
        max_slippage_bps=read("max_slippage_bps", number(0, BPS - 1), optional=False),
        max_certificate_bps=read("max_certificate_bps", lambda value: Decimal(value.decimal("basis points"))),
        max_plan_age_blocks=read("max_plan_age_blocks", number(0, MOST_BLOCKS), optional=False),
        max_state_age_seconds=read("max_state_age_seconds", number(1, MOST_SECONDS), optional=False),
        max_open_orders=read("max_open_orders", number(0, MOST_ORDERS), optional=False),
        allowed_tokens=read("allowed_tokens", addresses(lambda value: token_named(value, tokens).address)),
        allowed_pools=read("allowed_pools", addresses(Value.address)),
        allowed_routers=read("allowed_routers", addresses(Value.address), optional=False),
        max_loss_per_day_usd=read("max_loss_per_day_usd", _dollars),
        max_rejects=read("max_rejects", number(1, MOST_ORDERS)),
        reject_window_minutes=read("reject_window_minutes", number(1, LONGEST_WINDOW_MINUTES), optional=False),
    )
    section.done()
    said |= {f"max_notional_per_symbol_usd.{market}" for market in limits.max_notional_per_symbol_usd}
    for token, amounts in limits.amounts.items():
        said |= {f"amounts.{token}.{name}" for name, limit in asdict(amounts).items() if limit is not None}
    return replace(limits, said=frozenset(said))


def token_named(value: Value, tokens: Mapping[str, Token]) -> Token:
    """The token that a symbol or an address names. Raises BadInput when the file describes none, or two, of that name."""
    told = value.text(longest=100)
    found = [token for token in tokens.values() if told in (token.symbol, token.address) or told.lower() == token.address]
    if len(found) != 1:
        value.bad(
            "two tokens have this symbol: write the address."
            if found
            else "write the symbol or the address of a token that is described under tokens.",
        )
    return found[0]


def market_named(name: str, value: Value, tokens: Mapping[str, Token]) -> tuple[Token, Token]:
    """The two tokens of a market written as WETH/USDC. Raises BadInput."""
    sides = name.split("/")
    if len(sides) != 2:
        value.bad("name the market by two tokens with a slash between them, such as WETH/USDC.", show=False)
    one, other = (token_named(replace(value, told=side), tokens) for side in sides)
    if one == other:
        value.bad("a market is of two different tokens.", show=False)
    return one, other


def base_units(value: Value, token: Token) -> int:
    """An amount in whole tokens, such as 2.5, as base units. Raises BadInput when it has more places than the token."""
    exact = Fraction(value.decimal(f"an amount of {token.symbol}")) * 10**token.decimals
    if exact.denominator != 1:
        value.bad(f"{token.symbol} has {token.decimals} decimals; write no more places than that.")
    return int(exact)


def _dollars(value: Value) -> Decimal:
    return Decimal(value.decimal("dollars"))


def _symbols(value: Value, tokens: Mapping[str, Token]) -> Mapping[str, Decimal]:
    """One number for every market, or a number by market with `*` for the others."""
    if not isinstance(value.told, dict):
        return {ANY: _dollars(value)}
    found: dict[str, Decimal] = {}
    section = value.section()
    for name, told in section.entries():
        key = ANY
        if name != ANY:
            one, other = market_named(name, told, tokens)
            key = market_of(one.address, other.address)
        if key in found:
            told.bad("this market is there twice, perhaps the other way round; keep one.", show=False)
        found[key] = _dollars(told)
    return found


def _amounts(value: Value, tokens: Mapping[str, Token]) -> Mapping[str, AmountLimits]:
    """Limits in whole tokens, by token."""
    found: dict[str, AmountLimits] = {}
    for name, told in value.section().entries():
        token = token_named(replace(told, told=name), tokens)
        if token.address in found:
            told.bad("this token is there twice; keep one.", show=False)
        section = told.section()

        def read(one: Value, token: Token = token) -> int | None:
            return base_units(one, token)

        names = ("max_per_order", "max_per_day", "max_loss_per_day")
        found[token.address] = AmountLimits(*(section.maybe(each, read, None) for each in names))
        section.done()
    return found
