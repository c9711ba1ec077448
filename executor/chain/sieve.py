"""Makes a source's rows into a recording's rows, column by column; a row that no column can hold is set aside with the reason.

Works on whole columns at once. A row is only set aside when it cannot be written down at all (no block number, a hash that is not 32
bytes, a number past 64 bits); rows that can be written but look wrong stay as they came, for the checks on the tables to judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from polars.expr.whenthen import Then

from domain.problems import BadInput
from executor.chain.layout import AMOUNT, REJECTED, UTC_TIME, table_named

FIRST_SECOND, LAST_SECOND = 1_420_070_400, 4_102_444_800  # 2015, before any chain we read; 2100
INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


@dataclass(frozen=True, slots=True)
class Column:
    """How to read one column: its value, and the reason it cannot be read where there is one (null where all is well)."""

    value: pl.Expr
    trouble: pl.Expr


@dataclass(frozen=True, slots=True)
class Sifted:
    """The rows that a recording can hold, and those it cannot."""

    rows: pl.DataFrame
    rejected: pl.DataFrame


def sift(table: str, source: pl.DataFrame, columns: Mapping[str, Column], name: str, also: Sequence[pl.Expr] = ()) -> Sifted:
    """Read `columns` out of `source`; columns of `table` that are not named stay empty. `also` are further reasons to set a row aside."""
    reason = pl.coalesce(*(column.trouble for column in columns.values()), *also, pl.lit(None, pl.String))
    judged = source.with_columns(reason.alias("__reason"))
    bad = judged.filter(pl.col("__reason").is_not_null())
    rejected = bad.select(
        table=pl.lit(table),
        reason=pl.col("__reason"),
        source=pl.lit(name),
        row=_as_json(bad.drop("__reason")) if bad.height else pl.lit(""),
    )
    good = judged.filter(pl.col("__reason").is_null())
    schema = table_named(table).schema
    rows = good.select(
        (columns[field].value if field in columns else pl.lit(None)).cast(dtype).alias(field) for field, dtype in schema.items()
    )
    return Sifted(rows, rejected.match_to_schema(REJECTED.schema))


def find_column(frame: pl.DataFrame, names: Sequence[str], file: str) -> str:
    """The first of `names` that the file has; raises BadInput naming them all."""
    if found := optional_column(frame, names):
        return found
    raise BadInput(
        f"{file} lacks the column {names[0]}"
        + (f" (also read as {', '.join(names[1:])})" if names[1:] else "")
        + f"; it has {', '.join(frame.columns)}. Export it again with that column.",
        field=names[0],
        file=file,
    )


def optional_column(frame: pl.DataFrame, names: Sequence[str]) -> str | None:
    """The first of `names` that the file has, if any."""
    return next((name for name in names if name in frame.columns), None)


def integer(frame: pl.DataFrame, column: str, file: str, required: bool = True) -> Column:
    """A whole number from 0 to 2^63 − 1."""
    dtype, source = frame.schema[column], pl.col(column)
    if dtype == pl.Boolean or dtype in INTEGERS or dtype == pl.Null:
        value = source.cast(pl.Int64, strict=False)
    elif dtype == pl.String:
        value = source.str.strip_chars().cast(pl.Int64, strict=False)
    else:
        raise BadInput(f"{file}: the column {column} is {dtype}; it must hold whole numbers.", field=column, file=file)
    trouble = (
        _missing(column, required)
        .when(value.is_null() & source.is_not_null())
        .then(pl.format("{} = {} does not fit 64 bits", pl.lit(column), source.cast(pl.String)))
    )
    return Column(value, trouble.when(value < 0).then(pl.format("{} = {} is negative", pl.lit(column), source.cast(pl.String))))


def amount(frame: pl.DataFrame, column: str, file: str, required: bool = True) -> Column:
    """A whole number of base units from 0 to 10^38 − 1, as a number or decimal text."""
    dtype, source = frame.schema[column], pl.col(column)
    if not (dtype == pl.String or dtype in INTEGERS or isinstance(dtype, pl.Decimal) or dtype == pl.Null):
        raise BadInput(f"{file}: the column {column} is {dtype}; it must hold whole numbers or decimal text.", field=column, file=file)
    text = source.cast(pl.String).str.strip_chars().str.replace(r"\.0+$", "") if isinstance(dtype, pl.Decimal) else source.cast(pl.String)
    whole = text.str.contains(r"^\d{1,78}$")
    value = pl.when(whole).then(text).cast(AMOUNT, strict=False)
    trouble = _missing(column, required).when(value.is_null() & source.is_not_null())
    return Column(value, trouble.then(pl.format("{} = {} is not a whole number below 10^38", pl.lit(column), source.cast(pl.String))))


def hexadecimal(frame: pl.DataFrame, column: str, file: str, size_bytes: int, required: bool = True) -> Column:
    """A hash or address: `0x…` text in any case, or its bytes."""
    return _hexadecimal(pl.col(column), frame.schema[column], column, file, size_bytes, required)


def topic(frame: pl.DataFrame, place: int, file: str) -> Column:
    """One of a log's four topics, from a column of its own or from a list."""
    if "topics" not in frame.columns:
        column = f"topic{place}"
        return (
            hexadecimal(frame, column, file, 32, required=False)
            if column in frame.columns
            else Column(pl.lit(None), pl.lit(None, pl.String))
        )
    dtype = frame.schema["topics"]
    if not isinstance(dtype, pl.List):
        raise BadInput(f"{file}: the column topics is {dtype}; it must be a list of topics.", field="topics", file=file)
    one = _hexadecimal(pl.col("topics").list.get(place, null_on_oob=True), dtype.inner, f"topic{place}", file, 32, required=False)
    too_many = pl.when(pl.col("topics").list.len() > 4).then(pl.lit("topics has more than 4 entries"))
    return Column(one.value, pl.coalesce(too_many, one.trouble))


def data(frame: pl.DataFrame, column: str, file: str) -> Column:
    """A log's data, of any length: `0x…` text or bytes."""
    dtype, source = frame.schema[column], pl.col(column)
    if dtype == pl.Binary:
        return Column(source, _missing(column, True))
    if dtype != pl.String:
        raise BadInput(f"{file}: the column {column} is {dtype}; it must be 0x… text or bytes.", field=column, file=file)
    text = source.str.to_lowercase()
    good = text.str.contains(r"^0x([0-9a-f]{2})*$")
    value = pl.when(good).then(text.str.slice(2)).str.decode("hex", strict=False)
    return Column(value, _missing(column, True).when(~good).then(pl.lit(f"{column} is not hexadecimal bytes")))


def moment(frame: pl.DataFrame, column: str, file: str) -> Column:
    """A time: a timestamp (without a zone it is UTC) or seconds since 1970."""
    dtype, source = frame.schema[column], pl.col(column)
    if isinstance(dtype, pl.Datetime):
        zoned = source.dt.convert_time_zone("UTC") if dtype.time_zone else source.dt.replace_time_zone("UTC")
        value = zoned.cast(UTC_TIME)
        seconds = zoned.dt.epoch("s")
    elif dtype in INTEGERS:
        seconds = source.cast(pl.Int64, strict=False)
        value = (
            pl.when(seconds.is_between(FIRST_SECOND, LAST_SECOND))
            .then(seconds * 1_000_000)
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("UTC")
        )
    else:
        raise BadInput(f"{file}: the column {column} is {dtype}; it must be a timestamp or seconds since 1970.", field=column, file=file)
    unlikely = ~seconds.is_between(FIRST_SECOND, LAST_SECOND) | (seconds.is_null() & source.is_not_null())
    trouble = (
        _missing(column, True)
        .when(unlikely)
        .then(pl.format("{} = {} is not a time between 2015 and 2100", pl.lit(column), source.cast(pl.String)))
    )
    return Column(value, trouble)


def _hexadecimal(source: pl.Expr, dtype: object, column: str, file: str, size_bytes: int, required: bool) -> Column:
    if dtype == pl.Null:
        return Column(pl.lit(None), _missing(column, required, source))
    if dtype == pl.Binary:
        good = source.bin.size() == size_bytes
        value = pl.lit("0x") + source.bin.encode("hex")
    elif dtype == pl.String:
        text = source.str.to_lowercase()
        source = pl.when(text != "").then(text)  # exports without nulls write an empty text
        good = source.str.contains(f"^0x[0-9a-f]{{{2 * size_bytes}}}$")
        value = source
    else:
        raise BadInput(f"{file}: the column {column} is {dtype}; it must be 0x… text or bytes.", field=column, file=file)
    trouble = _missing(column, required, source).when(~good).then(pl.lit(f"{column} is not {size_bytes} bytes of hexadecimal"))
    return Column(value, trouble)


def _missing(column: str, required: bool, source: pl.Expr | None = None) -> Then:
    source = pl.col(column) if source is None else source
    return pl.when(source.is_null() if required else pl.lit(False)).then(pl.lit(f"{column} is missing"))


def _as_json(frame: pl.DataFrame) -> pl.Expr:
    """Each row as JSON, bytes as 0x… text."""
    readable = []
    for column, dtype in frame.schema.items():
        if dtype == pl.Binary:
            readable.append(pl.lit("0x") + pl.col(column).bin.encode("hex"))
        elif dtype == pl.List(pl.Binary):
            readable.append(pl.col(column).list.eval(pl.lit("0x") + pl.element().bin.encode("hex")))
        elif isinstance(dtype, pl.Datetime | pl.Decimal):
            readable.append(pl.col(column).cast(pl.String))
        else:
            readable.append(pl.col(column))
    return pl.struct(one.alias(column) for one, column in zip(readable, frame.columns, strict=True)).struct.json_encode()
