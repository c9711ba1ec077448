"""What a check needs: a running chain with one venue on it, and hands to open pools, move liquidity and trade there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

from domain.problems import Broken
from executor.chain.blocks import Log
from executor.chain.local.world import Pool, Token
from executor.chain.node import Node
from executor.routing.pool_book import BookedPool
from executor.venue import Call, Deployment, PoolValue, Venue

T = TypeVar("T")


class Disagreement(Broken):
    """The venue and the chain do not say the same."""


def expect(holds: bool, message: str, **facts: Any) -> None:
    """Raises Disagreement with the sentence and the facts unless it holds."""
    if not holds:
        raise Disagreement(message, **facts)


def expect_same(what: str, ours: Any, chains: Any) -> None:
    """Raises Disagreement unless ours and the chain's are equal."""
    expect(ours == chains, f"{what}: we say {ours}, the chain says {chains}", ours=str(ours), chain=str(chains))


def first(found: Iterable[T], what: str) -> T:
    """The first of them. Raises Disagreement when there is none."""
    for one in found:
        return one
    raise Disagreement(f"There is no {what}.")


class Question(NamedTuple):
    """A quote to ask for: `amount` is what is sold, or with `exact_out` what is bought; `limit` is a price limit, 0 for none."""

    zero_for_one: bool
    amount: int
    exact_out: bool = False
    limit: int = 0


class Told(NamedTuple):
    """What the chain's own bytecode answers; a pair has no price and no tick."""

    amount_in: int
    amount_out: int
    sqrt_price_x96: int | None = None
    tick: int | None = None


class Receipt(NamedTuple):
    """What became of a transaction: whether it worked, its block, its logs in order."""

    worked: bool
    block_number: int
    block_hash: str
    logs: tuple[Log, ...]
    gas_used: int


class Stage(Protocol):
    """A running chain with one venue. Amounts are base units; every action is a transaction mined in a block of its own."""

    venue: Venue
    deployment: Deployment
    node: Node
    fees: tuple[int, ...]
    trader: str
    stranger: str
    pool: Pool
    next_pool: Pool
    sibling: Pool | None
    split_router: str

    def undone(self) -> AbstractContextManager[None]:
        """Whatever happens inside is taken back at the end."""
        ...

    def create_pool(self, token_a: Token, token_b: Token, fee_pips: int) -> Pool:
        """Have the factory create a pool; it has no price and no liquidity yet."""
        ...

    def initialize(self, pool: Pool, sqrt_price_x96: int) -> Receipt: ...

    def mint(self, pool: Pool, tick_lower: int, tick_upper: int, liquidity: int) -> Receipt: ...

    def burn(self, pool: Pool, tick_lower: int, tick_upper: int, liquidity: int) -> Receipt: ...

    def positions(self, pool: Pool) -> Sequence[tuple[int, int, int]]:
        """Lower tick, upper tick and liquidity of each position that was minted and not burned."""
        ...

    def price(self, pool: Pool) -> int:
        """A concentrated pool's square-root price now, Q64.96."""
        ...

    def add(self, pool: Pool, amount0: int, amount1: int) -> Receipt: ...

    def remove(self, pool: Pool, share_bps: int) -> Receipt:
        """Take this part of a pair's liquidity out again."""
        ...

    def sell(self, pool: Pool, zero_for_one: bool, amount: int, limit: int = 0) -> Receipt:
        """Swap on the pool itself; with a price limit it stops there."""
        ...

    def buy(self, pool: Pool, zero_for_one: bool, amount_out: int) -> Receipt: ...

    def swap_pair(self, pool: Pool, paid: tuple[int, int], taken: tuple[int, int]) -> Receipt:
        """Pay a pair and take exactly so much, be it less than it would give."""
        ...

    def flash(self, pool: Pool, amounts: tuple[int, int], paid: tuple[int, int]) -> Receipt: ...

    def set_protocol_fee(self, pool: Pool, on: bool) -> Receipt:
        """Have the protocol take a part of the fee, or no part."""
        ...

    def collect_protocol(self, pool: Pool) -> Receipt: ...

    def invoke(self, address: str, signature: str, *arguments: Any, sender: str | None = None) -> Receipt:
        """Call any function, such as skim(address), as the trader or as `sender`."""
        ...

    def send(self, call: Call, sender: str | None = None, gas_limit: int = 5_000_000) -> Receipt: ...

    def send_together(self, calls: Sequence[Call]) -> list[Receipt]:
        """Several of the trader's transactions in one block, in this order."""
        ...

    def approve(self, token: Token, spender: str, amount: int) -> None:
        """Let the spender take so much of the trader's tokens."""
        ...

    def balance(self, token: Token, holder: str) -> int: ...

    def allowance(self, token: Token, spender: str) -> int:
        """What the spender may still take from the trader."""
        ...

    @property
    def now(self) -> int:
        """Unix seconds of the newest block."""
        ...

    @property
    def block_number(self) -> int: ...

    async def ask(self, pool: Pool, questions: Sequence[Question]) -> list[Told | None]:
        """What the chain's bytecode would pay, without doing it; None where it refuses."""
        ...

    async def state(self, pool: Pool) -> PoolValue:
        """The pool as the venue reads it at the newest block."""
        ...


def booked(stage: Stage, pool: Pool, value: PoolValue, pool_id: int = 1) -> BookedPool:
    """The pool as the router's book holds it."""
    from executor.routing.pool_book import Token as BookToken

    token0, token1 = (BookToken(one.address, one.symbol, one.decimals) for one in (pool.token0, pool.token1))
    return BookedPool(pool_id, value, token0, token1, stage.venue.shape, pool.address, stage.venue.name)


class Hop(NamedTuple):
    """One pool of a path, as the venue's router and ours take it."""

    pool_id: int
    pool: str
    venue: str
    concentrated: bool
    fee_pips: int
    sell: str
    buy: str
    share_x64: int = 1 << 64


def hop(stage: Stage, pool: Pool, sell: Token, *, pool_id: int = 1, share_x64: int = 1 << 64) -> Hop:
    """Selling one token of the pool for the other."""
    buy = pool.other(sell).address
    return Hop(pool_id, pool.address, stage.venue.name, pool.is_concentrated, pool.fee_pips, sell.address, buy, share_x64)


def sides(pool: Pool) -> Iterator[tuple[bool, Token, Token]]:
    """Both directions of a pool: whether it is zero for one, what is sold, what is bought."""
    yield True, pool.token0, pool.token1
    yield False, pool.token1, pool.token0
