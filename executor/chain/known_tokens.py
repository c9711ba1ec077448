"""Tokens that files speak of by symbol alone: their addresses and decimals, per chain.

Taken from the tokens' own contracts. `reference_symbol` is what an external market calls the asset; `is_dollar` marks a
stablecoin whose price is taken as 1 USD when no price file says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.problems import UnknownToken

ETHEREUM = 1

CHAIN_IDS: Mapping[str, int] = {
    "ethereum": ETHEREUM,
    "mainnet": ETHEREUM,
    "optimism": 10,
    "bsc": 56,
    "polygon": 137,
    "base": 8453,
    "arbitrum": 42161,
}


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says of itself, and what the outside market calls it."""

    address: str
    symbol: str
    name: str
    decimals: int
    reference_symbol: str | None = None
    is_dollar: bool = False


KNOWN_TOKENS: Mapping[int, Mapping[str, Token]] = {
    ETHEREUM: {
        token.address: token
        for token in (
            Token("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "WETH", "Wrapped Ether", 18, "ETH"),
            Token("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", "USD Coin", 6, "USDC", is_dollar=True),
            Token("0xdac17f958d2ee523a2206206994597c13d831ec7", "USDT", "Tether USD", 6, "USDT", is_dollar=True),
            Token("0x6b175474e89094c44da98b954eedeac495271d0f", "DAI", "Dai Stablecoin", 18, "DAI", is_dollar=True),
            Token("0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "WBTC", "Wrapped BTC", 8, "BTC"),
            Token("0xf1b99e3e573a1a9c5e6b2ce818b617f0e664e86b", "oSQTH", "Opyn Squeeth", 18),
        )
    }
}


def known_token(chain_id: int, address: str) -> Token | None:
    """The token at that address, if we know it."""
    return KNOWN_TOKENS.get(chain_id, {}).get(address)


def token_called(symbol: str, tokens: Mapping[str, Token]) -> Token:
    """The token that goes by that symbol or address; raises UnknownToken naming the option that adds one."""
    if symbol.lower() in tokens:
        return tokens[symbol.lower()]
    named = [token for token in tokens.values() if token.symbol.lower() == symbol.lower()]
    if len(named) == 1:
        return named[0]
    trouble = "several tokens are" if named else "no token is"
    raise UnknownToken(f"Here {trouble} called {symbol}; name it with --token ADDRESS={symbol}:DECIMALS, or use its address.", token=symbol)
