"""How the events of each family lie in a log: how many arguments are indexed, and how many words the data has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from domain.schemas import COUNT, TEXT
from executor.venue import Venue, every_venue


@dataclass(frozen=True, slots=True)
class Layout:
    """Indexed arguments (topics after the first) and 32-byte words of data."""

    indexed: int
    words: int


CONCENTRATED: Mapping[str, Layout] = {
    "initialize": Layout(0, 2),
    "mint": Layout(3, 4),
    "burn": Layout(3, 3),
    "collect": Layout(3, 3),
    "swap": Layout(2, 5),
    "flash": Layout(2, 4),
    "increase_observation_cardinality": Layout(0, 2),
    "set_fee_protocol": Layout(0, 4),
    "collect_protocol": Layout(2, 2),
    "set_lm_pool": Layout(0, 1),
}
CONSTANT_PRODUCT: Mapping[str, Layout] = {
    "swap": Layout(2, 4),
    "sync": Layout(0, 2),
    "mint": Layout(1, 2),
    "burn": Layout(2, 2),
    "transfer": Layout(2, 1),
    "approval": Layout(2, 1),
}
OF_SHAPE = {"concentrated": CONCENTRATED, "constant_product": CONSTANT_PRODUCT}

LIQUIDITY_KINDS = {
    "concentrated": ("initialize", "mint", "burn", "collect", "flash", "set_fee_protocol", "collect_protocol"),
    "constant_product": ("sync", "mint", "burn"),
}


def known_topics(venues: Mapping[str, Venue] | None = None) -> pl.DataFrame:
    """Every topic of every venue with its event and layout; a venue's own event has no layout and is known by name only."""
    rows = []
    for venue in (venues or every_venue()).values():
        for topic, event in venue.topics.items():
            layout = OF_SHAPE[venue.shape].get(event)
            words = layout.words + venue.trailing_words.get(event, 0) if layout else None
            rows.append((venue.name, topic, event, layout.indexed if layout else None, words, venue.trailing_words.get(event, 0)))
    schema = {"venue": TEXT, "topic0": TEXT, "event": TEXT, "indexed": COUNT, "words": COUNT, "trailing_words": COUNT}
    return pl.DataFrame(rows, schema=schema, orient="row")
