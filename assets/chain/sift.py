"""Which logs can be used: each raw log gets the event it announces, or the reason why it is set aside.

Nothing is dropped here: every row comes out once, usable or with `reason` and `detail`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from assets.chain.event_layouts import known_topics
from assets.chain.words import TOPIC_CHARACTERS, WORD_BYTES

CONTENT = ("tx_hash", "transaction_index", "address", "topic0", "topic1", "topic2", "topic3", "data")
LOG_IDENTITY = ("chain_id", "block_number", "block_hash", "log_index")


@dataclass(frozen=True, slots=True)
class SiftedLogs:
    """Usable logs with the venue, protocol, decimals, event and layout they belong to; broken ones with `reason` and `detail`."""

    usable: pl.DataFrame
    broken: pl.DataFrame


def sift(raw_logs: pl.DataFrame, pools: pl.DataFrame, blocks: pl.DataFrame, chain_id: int) -> SiftedLogs:
    """Judges each raw log by itself; `pools` and `blocks` are the tables of those names."""
    told = pools.lazy().select("venue", "protocol", "decimals0", "decimals1", address="pool")
    events = told.join(known_topics().lazy(), on="venue")
    # One canonical header per number: a source without hashes is matched by number alone.
    canonical = (blocks.lazy().filter(pl.col("is_canonical")).unique("block_number", keep="first", maintain_order=True)).select(
        "block_number", canonical_hash="block_hash", canonical_time="block_time"
    )
    judged = (
        raw_logs.lazy()
        .join(events, on=["address", "topic0"], how="left", maintain_order="left")
        .join(canonical, on="block_number", how="left", maintain_order="left")
        .with_columns(is_usable=_is_usable(chain_id).fill_null(False))
        .collect()
    )
    usable = judged.filter("is_usable").drop("is_usable", "canonical_hash", "canonical_time")
    broken = judged.filter(~pl.col("is_usable")).drop("venue", "protocol", "decimals0", "decimals1")
    return SiftedLogs(usable, _with_reasons(broken, told.collect(), blocks, chain_id))


def twins(usable: pl.DataFrame) -> pl.DataFrame:
    """The logs that come after another of the same key, with reason and detail.

    The first in the source is kept: were it the false one, the proof of the pool's events would say so.
    """
    doubtful = usable.clear() if _rises(usable) else usable.filter(usable.select("block_number", "log_index").is_duplicated())
    identity = list(LOG_IDENTITY)
    in_order = doubtful.sort("source_row")
    first = in_order.unique(identity, keep="first", maintain_order=True).select(
        *identity, pl.col("source_row").alias("first_row"), *(pl.col(name).alias(f"first_{name}") for name in CONTENT)
    )
    later = in_order.join(first, on=identity).filter(pl.col("source_row") != pl.col("first_row"))
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"first_{name}")) for name in CONTENT)
    repeats = pl.format("Repeats row {} of the source to the letter; that one is kept.", "first_row")
    conflicts = pl.format("Has the key of row {} of the source and says something else; ask another node which is true.", "first_row")
    return later.with_columns(
        reason=pl.when(is_same).then(pl.lit("duplicate_log")).otherwise(pl.lit("conflicting_log")),
        detail=pl.when(is_same).then(repeats).otherwise(conflicts),
    ).select(*usable.columns, "reason", "detail")


def _rises(logs: pl.DataFrame) -> bool:
    """Whether every log stands behind the one before it: then no two share a key, and nothing need be compared."""
    number, log = pl.col("block_number"), pl.col("log_index")
    steps = (number > number.shift(1)) | ((number == number.shift(1)) & (log > log.shift(1)))
    return bool(logs.select(steps.fill_null(True).all()).item())


def _is_usable(chain_id: int) -> pl.Expr:
    by_number = (pl.col("block_hash") == "") | (pl.col("canonical_hash") == "")
    return (
        (pl.col("chain_id") == chain_id)
        & (by_number | (pl.col("block_hash") == pl.col("canonical_hash")))
        & (pl.col("block_time") == pl.col("canonical_time"))
        & pl.col("event").is_not_null()
        & (pl.col("words").is_null() | _fits_layout())
    )


def _fits_layout() -> pl.Expr:
    return (pl.col("data").bin.size() == pl.col("words") * WORD_BYTES) & (_topics_given() == pl.col("indexed"))


def _topics_given() -> pl.Expr:
    """How many indexed arguments the log carries; null when a topic is malformed or one is missing before another."""
    topics = [pl.col(f"topic{index}") for index in (1, 2, 3)]
    given = pl.sum_horizontal(topic.is_not_null() for topic in topics)
    in_order = pl.all_horizontal(topics[n].is_not_null() | topics[n + 1].is_null() for n in (0, 1))
    well_formed = pl.all_horizontal((topic.str.len_bytes() == TOPIC_CHARACTERS).fill_null(True) for topic in topics)
    return pl.when(in_order & well_formed).then(given)


def _with_reasons(broken: pl.DataFrame, pools: pl.DataFrame, blocks: pl.DataFrame, chain_id: int) -> pl.DataFrame:
    """The first rule each broken log breaks, and what to do about it."""
    orphans = blocks.filter(~pl.col("is_canonical")).select("block_number", "block_hash", is_orphan=pl.lit(True))
    told = (
        broken.join(pools.select("address", "venue", "protocol"), on="address", how="left")
        .join(orphans.unique(["block_number", "block_hash"]), on=["block_number", "block_hash"], how="left")
        .with_columns(data_bytes=pl.col("data").bin.size(), expected=pl.col("words") * WORD_BYTES)
    )
    by_number = (pl.col("block_hash") == "") | (pl.col("canonical_hash") == "")
    unknown = ~(by_number | (pl.col("block_hash") == pl.col("canonical_hash"))).fill_null(False)
    wrong_length = pl.format("The data of a {} has {} bytes, it must have {}; fetch the log again.", "event", "data_bytes", "expected")
    known_topic = pl.col("topic0").fill_null("none")
    rules = {
        "wrong_chain": (
            pl.col("chain_id") != chain_id,
            pl.format("The log says chain {}, " + f"the recording is of chain {chain_id}.", "chain_id"),
        ),
        "orphaned_block": (pl.col("is_orphan"), pl.format("Block {} {} was replaced by a reorg.", "block_number", "block_hash")),
        "unknown_block": (
            unknown,
            pl.format("No header of block {} {} is known; record the header, or fix the log's block.", "block_number", "block_hash"),
        ),
        "wrong_block_time": (
            pl.col("block_time") != pl.col("canonical_time"),
            pl.format("The log says {}, the block's header {}.", "block_time", "canonical_time"),
        ),
        "unknown_pool": (
            pl.col("venue").is_null(),
            pl.format("No pool at {} is described in the recording; add it to the recording's pools.", "address"),
        ),
        "unknown_topic": (
            pl.col("event").is_null(),
            pl.format("Topic {} is no event of {}; add it to the venue's file if it is one.", known_topic, "venue"),
        ),
        "truncated_data": (pl.col("data_bytes") < pl.col("expected"), wrong_length),
        "overlong_data": (pl.col("data_bytes") > pl.col("expected"), wrong_length),
        "wrong_topics": (pl.lit(True), pl.format("A {} has {} indexed arguments of 32 bytes; this log has others.", "event", "indexed")),
    }
    reason = pl.coalesce(pl.when(broken_rule.fill_null(False)).then(pl.lit(name)) for name, (broken_rule, _) in rules.items())
    named = told.with_columns(reason=reason)
    return named.with_columns(detail=pl.coalesce(pl.when(pl.col("reason") == name).then(text) for name, (_, text) in rules.items()))
