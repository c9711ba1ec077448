"""What a venue is: where its pools come from, what shape they have, and which log topics speak of them.

A venue is one file in `executor/venues/` that defines `VENUE`, or a package with an entry point in the group `grekko.venues`.
Dropping the file in is the whole registration: decoding, the tables and the tests find it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Literal

from domain.problems import Broken

Shape = Literal["concentrated", "constant_product"]

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
class Venue:
    """An exchange as its logs show it.

    `shape` is the mathematics its pools follow, `topics` maps a log's topic0 to the event it announces,
    `fee_pips` is the fee of every pool in hundredths of a basis point, or None where each pool has its own,
    `trailing_words` tells how many 32-byte words an event's data has beyond those of its family,
    `protocol_fee_denominator` is set where the protocol's part of the fee is a share of that, and None where it is a divisor.
    """

    name: str
    title: str
    shape: Shape
    topics: Mapping[str, str]
    fee_pips: int | None = None
    trailing_words: Mapping[str, int] = field(default_factory=dict)
    protocol_fee_denominator: int | None = None

    def topic_of(self, event: str) -> str:
        """The topic0 that announces `event` here; raises KeyError when the venue never emits it."""
        return {name: topic for topic, name in self.topics.items()}[event]


def concentrated(
    name: str,
    title: str,
    *,
    trailing_words: Mapping[str, int] | None = None,
    protocol_fee_denominator: int | None = None,
    **own_topics: str,
) -> Venue:
    """A venue of the Uniswap V3 family; `own_topics` names the events whose signature differs from Uniswap's."""
    shared = {topic: event for topic, event in CONCENTRATED_TOPICS.items() if event not in own_topics}
    topics = {**shared, **{topic: event for event, topic in own_topics.items()}}
    return Venue(name, title, "concentrated", topics, None, dict(trailing_words or {}), protocol_fee_denominator)


def constant_product(name: str, title: str, fee_pips: int) -> Venue:
    """A venue of the Uniswap V2 family, with one fee for all its pools."""
    return Venue(name, title, "constant_product", dict(CONSTANT_PRODUCT_TOPICS), fee_pips)


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
