"""ABI words as Polars expressions: the 32-byte arguments of a log, read for a whole column at once.

A number that does not fit its column comes out as null, never as another number: whoever reads it sets the row aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from domain.amm.ticks import MAX_SQRT_PRICE_X96, MAX_TICK, MIN_SQRT_PRICE_X96, MIN_TICK
from domain.schemas import AMOUNT, COUNT, TICK

WORD_BYTES = 32
TOPIC_CHARACTERS = 66  # 0x and 64 hexadecimal digits


def halves(data: pl.Expr, words: int) -> pl.Expr:
    """The data as 16-byte halves of words, read once for all arguments; null where it is not that many words long."""
    return data.bin.reinterpret(dtype=pl.Array(pl.Int128, 2 * words), endianness="big")


@dataclass(frozen=True, slots=True)
class Words:
    """The arguments of a column of logs, by position: its bytes, and the halves read from them."""

    data: pl.Expr
    halves: pl.Expr

    def raw(self, index: int) -> pl.Expr:
        """The word itself, 32 bytes."""
        return self.data.bin.slice(index * WORD_BYTES, WORD_BYTES)

    def signed(self, index: int) -> pl.Expr:
        """An int256 as Decimal(38,0); null past 38 digits."""
        return pl.when(self._is_signed(index)).then(self._lower(index).cast(AMOUNT, strict=False))

    def unsigned(self, index: int) -> pl.Expr:
        """A uint256 as Decimal(38,0); null past 38 digits."""
        return pl.when(self._is_unsigned(index)).then(self._lower(index).cast(AMOUNT, strict=False))

    def small(self, index: int, bits: int) -> pl.Expr:
        """A uint8, uint16 or uint32 as a count; null when the word says more than its type allows."""
        low = self._lower(index)
        return pl.when(self._is_unsigned(index) & (low < 1 << bits)).then(low.cast(COUNT, strict=False))

    def tick(self, index: int) -> pl.Expr:
        """An int24 as Int32; null outside the ticks that have a price."""
        low = self._lower(index)
        return pl.when(self._is_signed(index) & low.is_between(MIN_TICK, MAX_TICK)).then(low.cast(TICK, strict=False))

    def price(self, index: int) -> pl.Expr:
        """A uint160 square-root price as its 32 bytes; null outside the bounds of the contract."""
        raw = self.raw(index)
        # Big-endian bytes sort as the numbers do.
        return pl.when((raw >= pl.lit(_LOWEST_PRICE)) & (raw < pl.lit(_PRICE_END))).then(raw)

    def price_as_float(self, index: int) -> pl.Expr:
        """The price of a Q64.96 square root, in base units of the second token per base unit of the first."""
        low = self._lower(index).cast(pl.Float64)
        root = (self._upper(index).cast(pl.Float64) + pl.when(low < 0).then(1.0).otherwise(0.0)) * 2.0**128 + low
        return (root / 2.0**96) ** 2

    def _upper(self, index: int) -> pl.Expr:
        return self.halves.arr.get(2 * index)

    def _lower(self, index: int) -> pl.Expr:
        return self.halves.arr.get(2 * index + 1)

    def _is_signed(self, index: int) -> pl.Expr:
        """Whether the lower half is the whole number: the upper half only repeats its sign."""
        sign = pl.when(self._lower(index) < 0).then(pl.lit(-1, pl.Int128)).otherwise(pl.lit(0, pl.Int128))
        return self._upper(index) == sign

    def _is_unsigned(self, index: int) -> pl.Expr:
        return (self._upper(index) == 0) & (self._lower(index) >= 0)


IN_COLUMNS = Words(pl.col("data"), pl.col("halves"))  # as `decode_event` lays them out


def topic_address(name: str) -> pl.Expr:
    """An indexed address as lowercase 0x text; null when the topic is not a padded address."""
    topic = pl.col(name)
    padded = (topic.str.len_bytes() == TOPIC_CHARACTERS) & topic.str.starts_with("0x" + "0" * 24)
    return pl.when(padded).then(pl.concat_str(pl.lit("0x"), topic.str.slice(26).str.to_lowercase()))


def topic_tick(name: str) -> pl.Expr:
    """An indexed int24 as Int32; null outside the ticks that have a price."""
    data = pl.col(name).str.slice(2).str.decode("hex", strict=False)
    return Words(data, halves(data, 1)).tick(0)


_LOWEST_PRICE = MIN_SQRT_PRICE_X96.to_bytes(WORD_BYTES, "big")
_PRICE_END = MAX_SQRT_PRICE_X96.to_bytes(WORD_BYTES, "big")
