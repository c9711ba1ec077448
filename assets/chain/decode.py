"""From raw logs to typed events, a column at a time: swaps, liquidity events, and what is set aside with its reason.

No row passes through Python: the 32-byte words are reinterpreted where they lie, so a million logs take about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from assets.chain.event_layouts import LIQUIDITY_KINDS, OF_SHAPE
from assets.chain.setting_aside import rows_as_json
from assets.chain.sift import sift, twins
from assets.chain.words import IN_COLUMNS, Words, halves, topic_address, topic_tick
from domain.schemas import Table

POSITION = {"owner": topic_address("topic1"), "tick_lower": topic_tick("topic2"), "tick_upper": topic_tick("topic3")}
PARTIES = {"sender": topic_address("topic1"), "recipient": topic_address("topic2")}


def _pair_swap(words: Words) -> Mapping[str, pl.Expr]:
    received0, received1, given0, given1 = (words.unsigned(index) for index in range(4))
    return {**PARTIES, "amount0": received0 - given0, "amount1": received1 - given1, "amount0_out": given0, "amount1_out": given1}


# What each event says, as columns of its table. All must have a value; one that has none sets the row aside.
COLUMNS: Mapping[tuple[str, str], Callable[[Words], Mapping[str, pl.Expr]]] = {
    ("concentrated", "swap"): lambda words: {
        **PARTIES,
        "amount0": words.signed(0),
        "amount1": words.signed(1),
        "sqrt_price_x96": words.price(2),
        "liquidity": words.unsigned(3),
        "tick": words.tick(4),
    },
    ("concentrated", "initialize"): lambda words: {"sqrt_price_x96": words.price(0), "tick": words.tick(1)},
    ("concentrated", "mint"): lambda words: {
        **POSITION,
        "liquidity": words.unsigned(1),
        "amount0": words.unsigned(2),
        "amount1": words.unsigned(3),
    },
    ("concentrated", "burn"): lambda words: {
        **POSITION,
        "liquidity": words.unsigned(0),
        "amount0": words.unsigned(1),
        "amount1": words.unsigned(2),
    },
    ("concentrated", "collect"): lambda words: {**POSITION, "amount0": words.unsigned(1), "amount1": words.unsigned(2)},
    ("concentrated", "flash"): lambda words: {
        "owner": topic_address("topic2"),
        "amount0": words.unsigned(0),
        "amount1": words.unsigned(1),
        "paid0": words.unsigned(2),
        "paid1": words.unsigned(3),
    },
    ("concentrated", "set_fee_protocol"): lambda words: {"fee_protocol0": words.small(2, 32), "fee_protocol1": words.small(3, 32)},
    ("concentrated", "collect_protocol"): lambda words: {
        "owner": topic_address("topic2"),
        "amount0": words.unsigned(0),
        "amount1": words.unsigned(1),
    },
    ("constant_product", "swap"): _pair_swap,
    ("constant_product", "sync"): lambda words: {"amount0": words.unsigned(0), "amount1": words.unsigned(1)},
    ("constant_product", "mint"): lambda words: {
        "owner": topic_address("topic1"),
        "amount0": words.unsigned(0),
        "amount1": words.unsigned(1),
    },
    ("constant_product", "burn"): lambda words: {
        "owner": topic_address("topic2"),
        "amount0": words.unsigned(0),
        "amount1": words.unsigned(1),
    },
}
LOG_ROW_KEY = pl.format("{}:{}:{}:{}", "chain_id", "block_number", "log_index", "source_row")


@dataclass(frozen=True, slots=True)
class DecodedLogs:
    """Every log of the input is in exactly one of these: a swap, a liquidity event, another known event, or set aside.

    Swaps and liquidity events keep the columns of the log beside what was decoded; `rows_of` cuts them to a table.
    """

    swaps: pl.DataFrame
    liquidity_events: pl.DataFrame
    others: int
    set_aside: pl.DataFrame


def decode_logs(raw_logs: pl.DataFrame, pools: pl.DataFrame, blocks: pl.DataFrame, chain_id: int) -> DecodedLogs:
    """Decodes the raw logs of the given pools; `pools` and `blocks` are the tables of those names."""
    sifted = sift(raw_logs, pools, blocks, chain_id)
    read = {"swap": _read(sifted.usable, _SWAPS), "liquidity": _read(sifted.usable, _LIQUIDITY)}
    misfits = [_unreadable(frame) for frames in read.values() for frame in frames]
    fitting = _without(sifted.usable, pl.concat([frame.select("source_row") for frame in misfits]))
    later = twins(fitting)
    swaps, liquidity_events = (_readable(frames, later) for frames in read.values())
    return DecodedLogs(
        swaps,
        liquidity_events,
        others=fitting.height - later.height - swaps.height - liquidity_events.height,
        set_aside=pl.concat([rows_as_json(frame, raw_logs.columns, "raw_logs", LOG_ROW_KEY) for frame in (sifted.broken, later, *misfits)]),
    )


def rows_of(table: Table, events: pl.DataFrame) -> pl.DataFrame:
    """The events with exactly the table's columns; a column that no event of theirs has is empty."""
    return events.select(pl.col(name) if name in events.columns else pl.lit(None).alias(name) for name in table.names).cast(table.schema)


def decode_event(logs: pl.DataFrame, protocol: str, event: str, trailing_words: int = 0) -> pl.DataFrame:
    """The logs, all of that event and of the right length, with the columns that it tells and `fits`: whether all have a value.

    Amounts past 38 digits, and ticks or prices outside the contract's bounds, come out as null.
    """
    length = OF_SHAPE[protocol][event].words + trailing_words
    told = COLUMNS[protocol, event](IN_COLUMNS)
    extra = {"kind": pl.lit(event)} if event != "swap" else _swap_extras(protocol, IN_COLUMNS, trailing_words)
    decoded = logs.lazy().with_columns(halves=halves(pl.col("data"), length)).with_columns(**told, **extra).drop("halves")
    return decoded.with_columns(fits=pl.all_horizontal(pl.col(name).is_not_null() for name in told)).collect()


def _swap_extras(protocol: str, words: Words, trailing_words: int) -> Mapping[str, pl.Expr]:
    """The price in whole tokens, and the protocol's part of the fee where the venue appends it."""
    unit = 10.0 ** (pl.col("decimals0") - pl.col("decimals1")).cast(pl.Float64)
    if protocol == "constant_product":
        amounts = _pair_swap(words)
        moved0, moved1 = (amounts[name].cast(pl.Float64) for name in ("amount0", "amount1"))
        return {"price": pl.when((moved0 != 0) & (moved1 != 0)).then((moved1 / moved0).abs() * unit)}
    fees = {"protocol_fees0": words.unsigned(5), "protocol_fees1": words.unsigned(6)} if trailing_words == 2 else {}
    return {"price": words.price_as_float(2) * unit, **fees}


_SWAPS = [(protocol, "swap") for protocol in OF_SHAPE]
_LIQUIDITY = [(protocol, kind) for protocol, kinds in LIQUIDITY_KINDS.items() for kind in kinds]


def _read(usable: pl.DataFrame, events: Sequence[tuple[str, str]]) -> list[pl.DataFrame]:
    """One frame per event and length of data; at least one per event, so that every column is there."""
    read = []
    for protocol, event in events:
        logs = usable.filter((pl.col("protocol") == protocol) & (pl.col("event") == event))
        lengths = sorted({0, *logs["trailing_words"].unique()})
        read += [decode_event(logs.filter(pl.col("trailing_words") == length), protocol, event, length) for length in lengths]
    return read


def _readable(read: Sequence[pl.DataFrame], later: pl.DataFrame) -> pl.DataFrame:
    """The events whose numbers all fit, without the later ones of those that share a key."""
    fitting = [frame.filter("fits") for frame in read]
    events = pl.concat(fitting, how="diagonal").with_columns(pool=pl.col("address"))
    return _without(events, later)


def _without(logs: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return logs.join(others.select("source_row"), on="source_row", how="anti", maintain_order="left") if others.height else logs


def _unreadable(read: pl.DataFrame) -> pl.DataFrame:
    """Events with a number that no column holds; amounts past 38 digits and impossible ticks or prices end here."""
    broken = read.filter(~pl.col("fits"))
    judged = [name for name in _NUMBERS if name in read.columns]
    names = pl.concat_str([pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in judged], separator=", ", ignore_nulls=True)
    detail = pl.format("A {} whose {} lies outside what the contract allows or 38 digits hold.", "event", names)
    return broken.with_columns(reason=pl.lit("number_out_of_range"), detail=detail)


_NUMBERS = (
    *("sender", "recipient", "owner", "tick_lower", "tick_upper", "liquidity", "amount0", "amount1", "paid0", "paid1"),
    *("sqrt_price_x96", "tick", "fee_protocol0", "fee_protocol1"),
)
