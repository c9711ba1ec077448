"""The pools we may trade in, by id and by token: what a quote or a route is asked of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.quote import Quote
from domain.problems import BadInput, NotEnoughLiquidity, UnknownPool, UnknownToken

if TYPE_CHECKING:
    from executor.routing.graph import RoutingGraph


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its address identifies it, its symbol is only a name that others may use too."""

    address: str
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class BookedPool:
    """A pool with the two tokens it trades; `address` and `venue` are None where the files did not tell them."""

    pool_id: int
    pool: ConcentratedPool | ConstantProductPool
    token0: Token
    token1: Token
    protocol: str
    address: str | None = None
    venue: str | None = None

    def sells(self, token: str) -> bool:
        """Whether selling this token goes from token0 to token1. Raises UnknownToken when the pool does not trade it."""
        if token not in (self.token0.address, self.token1.address):
            raise UnknownToken(
                f"Pool {self.pool_id} trades {self.token0.symbol} and {self.token1.symbol}, not {token}.", pool_id=self.pool_id, token=token
            )
        return token == self.token0.address


class Way(NamedTuple):
    """One way out of a token: through which pool, in which direction, to which token."""

    pool_id: int
    pool: ConcentratedPool | ConstantProductPool
    zero_for_one: bool
    to: str


class PoolBook:
    """Pools by id, and from each token the ways out of it. The pools are values: a new state is a new book."""

    def __init__(self, pools: Iterable[BookedPool]) -> None:
        self._pools = {booked.pool_id: booked for booked in pools}
        self._tokens: dict[str, Token] = {}
        self._ways: dict[str, list[Way]] = defaultdict(list)
        self._graph: RoutingGraph | None = None
        for booked in self._pools.values():
            for token, other, zero_for_one in ((booked.token0, booked.token1, True), (booked.token1, booked.token0, False)):
                self._tokens.setdefault(token.address, token)
                self._ways[token.address].append(Way(booked.pool_id, booked.pool, zero_for_one, other.address))

    def __len__(self) -> int:
        return len(self._pools)

    def __contains__(self, pool_id: int) -> bool:
        return pool_id in self._pools

    def __iter__(self) -> Iterator[BookedPool]:
        return iter(self._pools.values())

    @property
    def tokens(self) -> list[Token]:
        """Every token that a pool of the book trades."""
        return list(self._tokens.values())

    def pool(self, pool_id: int) -> BookedPool:
        """The pool of that id. Raises UnknownPool."""
        if pool_id not in self._pools:
            raise UnknownPool(f"No pool has the id {pool_id}; the book has {_listed(self._pools)}.", field="pool_id", pool_id=pool_id)
        return self._pools[pool_id]

    def token(self, symbol_or_address: str) -> Token:
        """The token of that address or symbol. Raises UnknownToken, and BadInput when several tokens use the symbol."""
        by_address = self._tokens.get(symbol_or_address.lower())
        if by_address is not None:
            return by_address
        found = [token for token in self._tokens.values() if token.symbol.lower() == symbol_or_address.lower()]
        found = [token for token in found if token.symbol == symbol_or_address] or found
        return _only(found, symbol_or_address)

    def token_in(self, pool_id: int, symbol_or_address: str) -> Token:
        """The token of that address or symbol among the two of a pool."""
        booked = self.pool(pool_id)
        name = symbol_or_address.lower()
        sides = (booked.token0, booked.token1)
        found = [side for side in sides if name in (side.address, side.symbol.lower())]
        if not found:
            raise UnknownToken(
                f"Pool {pool_id} trades {sides[0].symbol} and {sides[1].symbol}, not {symbol_or_address}.",
                field="sell",
                pool_id=pool_id,
                token=symbol_or_address,
            )
        return _only(found, symbol_or_address)

    def ways_out_of(self, token: str) -> list[Way]:
        """Every pool that sells something for this token (its address)."""
        return self._ways.get(token, [])

    def quote(self, pool_id: int, sell: str, amount: int, *, exact_out: bool = False) -> Quote:
        """What one pool gives for an amount of `sell` (an address), or asks for an amount of the other token.

        Raises NotEnoughLiquidity when it can trade nothing at all.
        """
        booked = self.pool(pool_id)
        quote = booked.pool.quote(booked.sells(sell), amount, exact_out=exact_out)
        if quote.partial and not quote.amount_in and not quote.amount_out:
            raise NotEnoughLiquidity(f"Pool {pool_id} has no liquidity in that direction; trade in another one.", pool_id=pool_id)
        return quote

    @property
    def graph(self) -> RoutingGraph:
        """The pools as arrays, for searches: built when first asked for, and carried on to the books made from this one."""
        if self._graph is None:
            from executor.routing.graph import RoutingGraph  # numpy, which a single quote does not need

            self._graph = RoutingGraph(self)
        return self._graph

    def with_pool(self, pool_id: int, pool: ConcentratedPool | ConstantProductPool) -> Self:
        """The book with another state of one pool. Raises UnknownPool."""
        return self.with_pools({pool_id: pool})

    def with_pools(self, changes: Mapping[int, ConcentratedPool | ConstantProductPool]) -> Self:
        """The book with other states of some of its pools; the rest is shared, so that costs little. Raises UnknownPool."""
        after = type(self)(())
        after._pools, after._tokens, after._ways = dict(self._pools), self._tokens, self._ways.copy()
        touched: set[str] = set()
        for pool_id, pool in changes.items():
            booked = self.pool(pool_id)
            after._pools[pool_id] = replace(booked, pool=pool)
            touched |= {booked.token0.address, booked.token1.address}
        for token in touched:
            # A token such as wrapped ether has thousands of ways out of it, of which a block changes a few.
            after._ways[token] = [way._replace(pool=changes[way.pool_id]) if way.pool_id in changes else way for way in self._ways[token]]
        if self._graph is not None:
            after._graph = self._graph.with_pools(changes)
        return after


def _only(found: list[Token], name: str) -> Token:
    if not found:
        raise UnknownToken(f"No pool trades a token called {name}; give a symbol or address of the pools file.", token=name)
    if len(found) > 1:
        addresses = [token.address for token in found]
        raise BadInput(
            f"{len(found)} tokens are called {name}: {', '.join(addresses)}; give the address.",
            field="token",
            token=name,
            addresses=addresses,
        )
    return found[0]


def _listed(ids: Iterable[int]) -> str:
    known = sorted(ids)
    shown = ", ".join(str(one) for one in known[:20])
    return shown + (f" and {len(known) - 20} more" if len(known) > 20 else "")
