"""What a venue is: where its pools come from, what shape they have, how to read and quote them, and the call that trades there.

A venue is one file in `executor/venues/` that defines `VENUE`, or a package with an entry point in the group `grekko.venues`.
Dropping the file in is the whole registration: decoding, the tables, the mirror and the tests find it. `Exchange` is what all
of them can do; a fork of a known shape gets it by naming its differences, see `concentrated` and `constant_product` below.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.quote import Quote
from domain.events import Event, Initialize
from domain.problems import BadInput, Broken
from executor.chain.abi import BlockRef
from executor.shapes import concentrated as of_ranges
from executor.shapes import constant_product as of_pairs
from executor.shapes.concentrated import Hop

if TYPE_CHECKING:
    from executor.chain.blocks import Log
    from executor.chain.node import Node
    from executor.routing.pool_book import BookedPool

Shape = Literal["concentrated", "constant_product"]
PoolValue = ConcentratedPool | ConstantProductPool
ETHEREUM = 1

# keccak-256 of the event signatures, as the contracts emit them.
CONCENTRATED_TOPICS: Mapping[str, str] = {
    "0x98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95": "initialize",
    "0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde": "mint",
    "0x0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c": "burn",
    "0x70935338e69775456a85ddef226c395fb668b63fa0115f5f20610b388e6ca9c0": "collect",
    "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67": "swap",
    "0xbdbdb71d7860376ba52b25a5028beea23581364a40522f6bcfb86bb1f2dca633": "flash",
    "0xac49e518f90a358f652e4400164f05a5d8f7e35e7747279bc3a93dbf584e125a": "increase_observation_cardinality",
    "0x973d8d92bb299f4af6ce49b52a8adb85ae46b9f214c4c4fc06ac77401237b133": "set_fee_protocol",
    "0x596b573906218d3411850b26a6b437d6c4522fdb43d2d2386263f86d50b8b151": "collect_protocol",
}
CONSTANT_PRODUCT_TOPICS: Mapping[str, str] = {
    "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822": "swap",
    "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1": "sync",
    "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f": "mint",
    "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496": "burn",
    "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef": "transfer",
    "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925": "approval",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call for a transaction: whom to call, with which data (0x text), and wei to send along."""

    to: str
    data: str
    value: int = 0


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a venue stands on one chain: its factory, its own router, and the CREATE2 rule that its pools' addresses follow.

    `pool_deployer` is None where the factory itself creates the pools, `init_code_hash` where the rule is not known.
    """

    factory: str
    router: str | None = None
    init_code_hash: str | None = None
    pool_deployer: str | None = None


@dataclass(frozen=True, slots=True)
class FoundPool:
    """A pool as its factory announced it; `tick_spacing` is None for a pair. Addresses are lowercase 0x text."""

    venue: str
    address: str
    token0: str
    token1: str
    fee_pips: int
    tick_spacing: int | None
    block_number: int


class Exchange(Protocol):
    """What the executor can do with every venue, whatever the shape of its pools."""

    @property
    def name(self) -> str: ...

    def quote(self, pool: BookedPool, sell: str, amount: int, exact_out: bool = False) -> Quote:
        """What the pool takes and gives, to the base unit. `sell` is a token's address; with `exact_out` the amount is what is bought."""
        ...

    def swap(self, path: Sequence[Hop], *, router: str, amount_in: int, min_amount_out: int, recipient: str, deadline: int) -> Call:
        """The call that sells exactly `amount_in` along a path of this venue's pools through the venue's own router."""
        ...

    async def get_pool_state(self, node: Node, pool: str, block: BlockRef = "latest") -> PoolValue:
        """The pool as it stood at the end of a block (number, hash or tag)."""
        ...

    def decode(self, log: Log, chain_id: int | None = None) -> Event | None:
        """The event that a pool's log announces; None when it says nothing about the pool's state."""
        ...


@dataclass(frozen=True, slots=True)
class Venue:
    """An exchange of one of the known shapes: what its logs look like, and with that all that `Exchange` promises.

    `shape` is the mathematics its pools follow, `topics` maps a log's topic0 to the event it announces,
    `fee_pips` is the fee of every pool in hundredths of a basis point, or None where each pool has its own,
    `trailing_words` tells how many 32-byte words an event's data has beyond those of its family,
    `protocol_fee_denominator` is set where the protocol's part of the fee is a share of that, and None where it is a divisor,
    `first_protocol_fee` tells, from a pool's fee in pips, the protocol's parts that a pool starts with and no event announces,
    `deployments` are the places where it is known to stand, by chain id.
    """

    name: str
    title: str
    shape: Shape
    topics: Mapping[str, str]
    fee_pips: int | None = None
    trailing_words: Mapping[str, int] = field(default_factory=dict)
    protocol_fee_denominator: int | None = None
    first_protocol_fee: Callable[[int], tuple[int, int]] | None = None
    deployments: Mapping[int, Deployment] = field(default_factory=dict)

    def topic_of(self, event: str) -> str:
        """The topic0 that announces `event` here; raises KeyError when the venue never emits it."""
        return {name: topic for topic, name in self.topics.items()}[event]

    def quote(self, pool: BookedPool, sell: str, amount: int, exact_out: bool = False) -> Quote:
        """What the pool takes and gives, to the base unit; the quote says `partial` when the pool cannot fill all of it.

        Raises UnknownToken when the pool does not trade `sell`, NotEnoughLiquidity when a pair cannot fill it.
        """
        return pool.pool.quote(pool.sells(sell), amount, exact_out=exact_out)

    def swap(self, path: Sequence[Hop], *, router: str, amount_in: int, min_amount_out: int, recipient: str, deadline: int) -> Call:
        """The call that sells exactly `amount_in` along the path, for at least `min_amount_out`, through the venue's own router.

        The router takes the tokens by allowance. Amounts are base units, `deadline` unix seconds. Raises BadInput for a path that
        does not hang together and for a minimum of zero: a pool may fill a part only, and nothing else would notice.
        """
        _check_path(path)
        if min_amount_out < 1 or amount_in < 1:
            raise BadInput(
                f"amount_in is {amount_in} and min_amount_out {min_amount_out}; both must be at least 1.", field="min_amount_out"
            )
        encode = of_ranges.swap_data if self.shape == "concentrated" else of_pairs.swap_data
        return Call(router, "0x" + encode(path, amount_in, min_amount_out, recipient, deadline).hex())

    async def get_pool_state(self, node: Node, pool: str, block: BlockRef = "latest") -> PoolValue:
        """The pool as it stood at the end of a block, all of it from that one block.

        Raises UnknownPool when no pool of this shape is there, NotEnoughLiquidity when it has no price yet, Unavailable when the
        node cannot tell.
        """
        if self.shape == "concentrated":
            return await of_ranges.read_state(node, pool, block, self.protocol_fee_denominator)
        if self.fee_pips is None:
            raise BadInput(f"{self.name} does not say its pairs' fee; give it fee_pips.", field="fee_pips")
        return await of_pairs.read_state(node, pool, block, self.fee_pips)

    def decode(self, log: Log, chain_id: int | None = None) -> Event | None:
        """The event that a pool's log announces; None when the topic is not one of this venue's or says nothing about the state.

        Raises BadInput naming the field when the log is not whole.
        """
        event = self.topics.get(log.topics[0]) if log.topics else None
        if event is None:
            return None
        where = {"chain_id": chain_id, "block_number": log.block_number, "block_hash": log.block_hash, "tx_hash": log.tx_hash}
        position: dict[str, Any] = {**where, "transaction_index": log.transaction_index, "log_index": log.log_index}
        if self.shape == "concentrated":
            return of_ranges.decode(log, event, self.trailing_words.get(event, 0), position)
        return of_pairs.decode(log, event, position)

    def opened(self, event: Initialize, fee_pips: int, tick_spacing: int) -> ConcentratedPool:
        """A concentrated pool at its first price: no liquidity yet, and the protocol's part of the fee that such a pool starts with."""
        protocol = self.first_protocol_fee(fee_pips) if self.first_protocol_fee else (0, 0)
        return ConcentratedPool(
            fee_pips,
            tick_spacing,
            event.sqrt_price_x96,
            event.tick,
            0,
            fee_protocol0=protocol[0],
            fee_protocol1=protocol[1],
            protocol_fee_denominator=self.protocol_fee_denominator,
        )

    def pool_address(self, deployment: Deployment, token_a: str, token_b: str, fee_pips: int) -> str | None:
        """Where CREATE2 puts the pool of two tokens; None where the deployment does not tell the rule."""
        if deployment.init_code_hash is None:
            return None
        from eth_utils.crypto import keccak

        token0, token1 = sorted((token_a.lower(), token_b.lower()))
        concentrated = self.shape == "concentrated"
        salt = keccak(of_ranges.salt_of(token0, token1, fee_pips) if concentrated else of_pairs.salt_of(token0, token1))
        deployer = bytes.fromhex((deployment.pool_deployer or deployment.factory)[2:])
        return "0x" + keccak(b"\xff" + deployer + salt + bytes.fromhex(deployment.init_code_hash[2:]))[12:].hex()

    async def pools_of(self, node: Node, factory: str, from_block: int = 0, to_block: int | None = None) -> list[FoundPool]:
        """Every pool that a factory has created, in the order of creation. Raises Unavailable when the node cannot tell."""
        from executor.chain.log_ranges import logs_between

        is_ranges = self.shape == "concentrated"
        topic = of_ranges.POOL_CREATED if is_ranges else of_pairs.PAIR_CREATED
        found = []
        for log in await logs_between(node, {"address": factory, "topics": [topic]}, from_block, to_block):
            topics = [one.lower() for one in log.topics]
            if is_ranges:
                address, token0, token1, fee_pips, spacing = of_ranges.created(topics, log.data)
            else:
                address, token0, token1 = of_pairs.created(topics, log.data)
                fee_pips, spacing = self.fee_pips or 0, None
            found.append(FoundPool(self.name, address, token0, token1, fee_pips, spacing, log.block_number))
        return found


def concentrated(
    name: str,
    title: str,
    *,
    trailing_words: Mapping[str, int] | None = None,
    protocol_fee_denominator: int | None = None,
    first_protocol_fee: Callable[[int], tuple[int, int]] | None = None,
    deployments: Mapping[int, Deployment] | None = None,
    **own_topics: str,
) -> Venue:
    """A venue of the Uniswap V3 family; `own_topics` names the events whose signature differs from Uniswap's."""
    shared = {topic: event for topic, event in CONCENTRATED_TOPICS.items() if event not in own_topics}
    topics = {**shared, **{topic: event for event, topic in own_topics.items()}}
    words, places = dict(trailing_words or {}), dict(deployments or {})
    return Venue(name, title, "concentrated", topics, None, words, protocol_fee_denominator, first_protocol_fee, places)


def constant_product(name: str, title: str, fee_pips: int, *, deployments: Mapping[int, Deployment] | None = None) -> Venue:
    """A venue of the Uniswap V2 family, with one fee for all its pools."""
    return Venue(name, title, "constant_product", dict(CONSTANT_PRODUCT_TOPICS), fee_pips, deployments=dict(deployments or {}))


def _check_path(path: Sequence[Hop]) -> None:
    if not path:
        raise BadInput("The path is empty; give at least one pool.", field="path")
    for before, after in pairwise(path):
        if before.buy != after.sell:
            raise BadInput(
                f"The path buys {before.buy} and then sells {after.sell}; each hop sells what the one before bought.", field="path"
            )


@cache
def every_venue() -> Mapping[str, Venue]:
    """All venues by name: those of this repository and those that installed packages bring.

    Raises Broken when two venues claim one name.
    """
    folder = importlib.import_module("executor.venues")
    built_in = [importlib.import_module(f"executor.venues.{module.name}").VENUE for module in pkgutil.iter_modules(folder.__path__)]
    return by_name([*built_in, *(point.load() for point in entry_points(group="grekko.venues"))])


def by_name(venues: Iterable[Venue]) -> Mapping[str, Venue]:
    """Venues keyed by name; raises Broken when a name is taken twice."""
    found: dict[str, Venue] = {}
    for venue in venues:
        if venue.name in found:
            raise Broken(f"Two venues are called {venue.name}; rename one of them.", venue=venue.name)
        found[venue.name] = venue
    return found
