"""The values of fields: one text column for each field over all rows, and what is wrong with those that cannot be told.

A value that cannot be told has no text and a problem; nothing is cut short or guessed. `clean` and `map` work on text before it is checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from domain.problems import BadInput
from domain.regulation.expressions import columns_of, compile_expression
from domain.regulation.identifiers import check
from domain.regulation.report.decimal_columns import Point, decimal_texts, pairs, unit_texts
from domain.regulation.report.documents import HEADING
from domain.regulation.report.exact_decimals import decimal_text, integers, plain_text, points
from domain.regulation.rulebook import Field

_FORMAT = re.compile(r"(decimal|units)\(\s*(\d+)\s*,\s*(\d+)\s*(?:,\s*(\w+)\s*)?\)")
# What XML 1.0 has no way to hold, not even as a reference.
_UNWRITABLE = "[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x{FFFE}\\x{FFFF}]"
_MOMENTS = {"datetime_us": "%Y-%m-%dT%H:%M:%S%.6fZ", "datetime_s": "%Y-%m-%dT%H:%M:%SZ", "date": "%Y-%m-%d"}
_CLEAN: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "alnum": lambda text: text.str.to_uppercase().str.replace_all("[^A-Z0-9]", ""),
    "strip_0x": lambda text: text.str.replace("^0[xX]", ""),
    "upper": lambda text: text.str.to_uppercase(),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field in some rows: `check` names the check, `rows` says where."""

    check: str
    message: str
    rows: pl.Series


@dataclass(frozen=True, slots=True)
class Told:
    """A field over the rows of a frame: its texts (null where it has none), the raw values, and its faults."""

    texts: pl.Series
    raw: pl.Series
    faults: list[Fault]


@dataclass(slots=True)
class FieldReader:
    """Reads fields out of frames. `lists` are the rulebook's lists and code lists by name."""

    lists: Mapping[str, tuple[str, ...]]
    _compiled: dict[str, pl.Expr] = field(default_factory=dict)
    _frame: pl.DataFrame | None = None
    _masks: dict[str, pl.Series] = field(default_factory=dict)
    _checked: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def holds(self, text: str, frame: pl.DataFrame) -> pl.Series:
        """Where an expression is true; where it is unknown it does not hold. Many fields share a condition, so it is asked once a frame."""
        if frame is not self._frame:
            self._frame, self._masks = frame, {}
        if text not in self._masks:
            self._masks[text] = self._column(text, frame).cast(pl.Boolean).fill_null(False)
        return self._masks[text]

    def _column(self, text: str, frame: pl.DataFrame) -> pl.Series:
        if text not in self._compiled:
            self._compiled[text] = compile_expression(text, dict(frame.schema), self.lists)
        return frame.with_columns(_=self._compiled[text])["_"]

    def needs(self, one: Field) -> set[str]:
        """The columns that a field reads."""
        told = {one.source} if one.source else set()
        for text in (one.expr, one.when):
            told |= set(columns_of(text)) if text else set()
        if one.agg and one.agg.startswith("sum:"):
            told.add(one.agg[4:])
        return told | {name for name in one.attributes.values() if not name.startswith("=")}

    def places(self, one: Field) -> set[str]:
        """The column that says how many decimals a field's base units have, where one does."""
        decimals = _form(one)[3]
        return set() if decimals is None or decimals.isdigit() else {decimals}

    def waits(self, one: Field, frame: pl.DataFrame) -> bool:
        """Whether a field asks for something of the heading that is not known yet."""
        needed = {name for name in self.needs(one) if name.startswith(HEADING)}
        return f"{HEADING}records" in needed or (bool(needed) and f"{HEADING}reference" not in frame.columns)

    def read(self, one: Field, frame: pl.DataFrame, checked: bool = True) -> Told:
        """The field in each row. With `checked` the faults are told too; without, only the texts."""
        raw = self._raw(one, frame)
        if one.when:
            there = self.holds(one.when, frame)
            raw = pl.select(pl.when(there).then(raw)).to_series()
        else:
            there = None
        texts = self._texts(one, raw, frame)
        if not checked:
            return Told(texts, raw, [])
        unwritable = [
            value.str.contains(_UNWRITABLE).fill_null(False) & texts.is_not_null()
            for value in self.attributes(one, frame).values()
            if isinstance(value, pl.Series)
        ]
        told = [Fault("characters", "an attribute of it holds a character that XML cannot", bad) for bad in unwritable if bad.any()]
        return Told(texts, raw, told + self._faults(one, raw, texts, there))

    def _raw(self, one: Field, frame: pl.DataFrame) -> pl.Series:
        if one.source is not None:
            return self.source(one.source, frame, one)
        if one.expr is not None:
            return self._column(one.expr, frame)
        return pl.repeat(one.const, frame.height, dtype=pl.String, eager=True)

    def source(self, name: str, frame: pl.DataFrame, one: Field) -> pl.Series:
        """A column of the rows. Raises BadInput naming the field when there is none of that name."""
        if name not in frame.columns:
            raise BadInput(
                f"Field {one.id} reads the column {name!r}, which the rows do not have.", field=one.id, column=name, line=one.line
            )
        return frame[name]

    def attributes(self, one: Field, frame: pl.DataFrame) -> dict[str, pl.Series | str]:
        """The XML attributes of a field: a text for a constant, else a column of texts."""
        told: dict[str, pl.Series | str] = {}
        for name, value in one.attributes.items():
            told[name] = value[1:] if value.startswith("=") else plain(self.source(value, frame, one), one)
        return told

    def sums(self, one: Field, frame: pl.DataFrame, groups: pl.Series, count: int) -> Told:
        """A field that counts or adds up the rows of each group; `groups` says which of `count` groups a row is in. Sums are exact."""
        there = self.holds(one.when, frame).to_list() if one.when else [True] * frame.height
        members = groups.to_list()
        seen = [0] * count
        for group, counted in zip(members, there, strict=True):
            seen[group] += counted
        if one.agg == "count":
            texts = pl.Series([None if one.when and not size else str(size) for size in seen], dtype=pl.String)
            return Told(texts, texts, [])
        column = self.source((one.agg or "")[4:], frame, one)
        texts, raw, wide = self._added(one, column, frame, members, there, seen)
        return Told(
            texts, raw, [Fault("format", f"the sum has no room in {one.format}, or a part of it is no number", wide)] if wide.any() else []
        )

    def _added(
        self, one: Field, column: pl.Series, frame: pl.DataFrame, members: list[int], there: list[bool], seen: list[int]
    ) -> tuple[pl.Series, pl.Series, pl.Series]:
        kind, total, fraction, decimals = _form(one)
        values = self._points(kind, column, decimals, frame, one)
        sums, scales, broken = [0] * len(seen), [0] * len(seen), [False] * len(seen)
        for group, value, counted in zip(members, values, there, strict=True):
            if not counted or value is None:
                broken[group] |= counted and value is None
                continue
            amount, scale = value
            if scale > scales[group]:
                sums[group], scales[group] = sums[group] * 10 ** (scale - scales[group]), scale
            sums[group] += amount * 10 ** (scales[group] - scale)
        raw = [plain_text(value, scale) for value, scale in zip(sums, scales, strict=True)]
        room = (total, fraction) if kind in ("decimal", "units") else (10_000, 0 if kind == "integer" else 10_000)
        told = [
            None if bad or not size else decimal_text(value, scale, *room)
            for value, scale, bad, size in zip(sums, scales, broken, seen, strict=True)
        ]
        wide = [text is None and size > 0 for text, size in zip(told, seen, strict=True)]
        return pl.Series(told, dtype=pl.String), pl.Series(raw, dtype=pl.String), pl.Series(wide, dtype=pl.Boolean)

    def _points(self, kind: str, column: pl.Series, decimals: str | None, frame: pl.DataFrame, one: Field) -> list[Point]:
        return points(column) if kind != "units" or decimals is None else pairs(column, self._places(decimals, frame, one))

    def _places(self, decimals: str, frame: pl.DataFrame, one: Field) -> pl.Series:
        return pl.repeat(int(decimals), frame.height, eager=True) if decimals.isdigit() else self.source(decimals, frame, one)

    def _texts(self, one: Field, raw: pl.Series, frame: pl.DataFrame) -> pl.Series:
        kind, total, fraction, decimals = _form(one)
        if kind == "decimal" or (decimals is None and kind == "units"):
            return decimal_texts(raw, total, fraction)
        if kind == "units":
            return unit_texts(raw, self._places(decimals or "", frame, one), total, fraction)
        if kind == "integer":
            return _integers(raw)
        if kind in _MOMENTS:
            return _moments(raw, kind, one)
        if kind == "text" and raw.dtype == pl.String and not (one.map or one.clean or (raw == "").any()):
            return raw
        texts = pl.col("_")
        if one.map:
            texts = texts.replace(dict(one.map))
        for step in one.clean:
            if step not in _CLEAN:
                raise BadInput(f"Field {one.id} cleans by {step!r}; known are {', '.join(_CLEAN)}.", field=one.id, line=one.line)
            texts = _CLEAN[step](texts)
        if kind == "boolean":
            texts = texts.str.to_lowercase().replace({"1": "true", "0": "false"})
            texts = pl.when(texts.is_in(["true", "false"])).then(texts)
        return (
            plain(raw, one)
            .alias("_")
            .to_frame()
            .with_columns(texts.alias("_"))
            .select(pl.when(pl.col("_") != "").then("_").alias("_"))["_"]
        )

    def _faults(self, one: Field, raw: pl.Series, texts: pl.Series, there: pl.Series | None) -> list[Fault]:
        told: list[Fault] = []
        gone = texts.is_null()
        if gone.any():
            empty = raw.is_null() if raw.dtype != pl.String else (raw.is_null() | (raw == ""))
            shown = gone & ~empty
            if one.format != "text":
                told.append(Fault("format", f"it does not fit {one.format}", shown))
                missing = gone & empty
            else:
                missing = gone
            if one.card == "1..1":
                told.append(Fault("missing", "it is missing", missing if there is None else missing & there))
        if one.format == "text":
            told.append(Fault("characters", "it holds a character that XML cannot", texts.str.contains(_UNWRITABLE).fill_null(False)))
        if one.length is not None:
            told.append(Fault("length", f"it is longer than {one.length}", (texts.str.len_chars() > one.length).fill_null(False)))
        return [fault for fault in told if fault.rows.any()] + (self._invalid(one, texts) if one.validate else [])

    def _invalid(self, one: Field, texts: pl.Series) -> list[Fault]:
        kind = one.validate or ""
        values = texts.drop_nulls().unique().to_list()
        if kind.startswith("@"):
            if kind[1:] not in self.lists:
                raise BadInput(f"Field {one.id} asks for the list {kind}, which the rulebook does not have.", field=one.id, line=one.line)
            allowed = set(self.lists[kind[1:]])
            reasons = {value: f"it is not in the list {kind}" for value in values if value not in allowed}
        else:
            reasons = {}
            for value in values:
                if (kind, value) not in self._checked:
                    self._checked[kind, value] = check(kind, value)
                if (reason := self._checked[kind, value]) is not None:
                    reasons[value] = reason
        by_reason: dict[str, list[str]] = {}
        for value, reason in reasons.items():
            by_reason.setdefault(reason, []).append(value)
        name = "codelist" if kind.startswith("@") else kind
        return [Fault(name, reason, texts.is_in(wrong).fill_null(False)) for reason, wrong in by_reason.items()]


def _form(one: Field) -> tuple[str, int, int, str | None]:
    found = _FORMAT.fullmatch(one.format)
    if found:
        return found[1], int(found[2]), int(found[3]), found[4]
    if one.format not in ("text", "integer", "boolean", *_MOMENTS):
        raise BadInput(f"Field {one.id} has the format {one.format!r}, which is not one.", field=one.id, line=one.line)
    return one.format, 0, 0, None


def plain(raw: pl.Series, one: Field) -> pl.Series:
    """Values as text, exactly. Raises BadInput for a column of floats."""
    if raw.dtype == pl.String:
        return raw
    if raw.dtype.is_float():
        raise BadInput(f"Field {one.id} reads floats, which are not exact: give text, integers or decimals.", field=one.id, line=one.line)
    if raw.dtype == pl.Binary:
        return ("0x" + raw.bin.encode("hex")).rename(raw.name)
    if isinstance(raw.dtype, pl.Datetime):
        return _moments(raw, "datetime_us", one)
    return raw.cast(pl.String)


def _integers(raw: pl.Series) -> pl.Series:
    if raw.dtype.is_integer() or (isinstance(raw.dtype, pl.Decimal) and not raw.dtype.scale):
        return raw.cast(pl.String)
    if raw.dtype == pl.Null:
        return raw.cast(pl.String)
    return pl.Series([None if value is None else str(value) for value in integers(raw)], dtype=pl.String)


def _moments(raw: pl.Series, kind: str, one: Field) -> pl.Series:
    if raw.dtype == pl.String:
        shape = pl.Date() if kind == "date" else pl.Datetime("us", "UTC")
        text = pl.col("_")
        parsed = text.str.strptime(pl.Date, "%Y-%m-%d", strict=False) if kind == "date" else text.str.strptime(shape, "%+", strict=False)
        raw = raw.to_frame("_").select(parsed)["_"]
    if isinstance(raw.dtype, pl.Datetime):
        raw = raw.dt.convert_time_zone("UTC") if raw.dtype.time_zone else raw.dt.replace_time_zone("UTC")
        return raw.dt.strftime(_MOMENTS[kind])
    if raw.dtype == pl.Date:
        return raw.dt.strftime(_MOMENTS["date"]) if kind == "date" else _moments(raw.cast(pl.Datetime("us")), kind, one)
    if raw.dtype == pl.Null:
        return raw.cast(pl.String)
    raise BadInput(f"Field {one.id} has the format {kind}, but its column is {raw.dtype}.", field=one.id, line=one.line)
