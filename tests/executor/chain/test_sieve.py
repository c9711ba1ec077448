"""The sieve: what can be written down is, exactly; what cannot is set aside with the reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from executor.chain.sieve import Column, amount, data, find_column, hexadecimal, integer, moment, sift, topic


def read(column: Column, frame: pl.DataFrame) -> list[tuple[Any, str | None]]:
    """Each row's value and trouble."""
    return frame.select(value=column.value, trouble=column.trouble).rows()


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**64 - 1)), max_size=20))
def test_for_any_numbers_those_from_0_to_the_largest_of_64_bits_are_kept_and_no_other(numbers):
    frame = pl.DataFrame({"gas": [None if number is None else str(number) for number in numbers]}, schema={"gas": pl.String})
    for number, (value, trouble) in zip(numbers, read(integer(frame, "gas", "f"), frame), strict=True):
        if number is not None and 0 <= number < 2**63:
            assert (value, trouble) == (number, None)
        else:
            assert trouble is not None and trouble.startswith("gas ")


def test_impossible_gas_is_told_in_full():
    frame = pl.DataFrame({"gas": [2**64 - 1]}, schema={"gas": pl.UInt64})
    assert read(integer(frame, "gas", "f"), frame) == [(None, "gas = 18446744073709551615 does not fit 64 bits")]


def test_a_number_may_be_absent_only_where_it_may():
    frame = pl.DataFrame({"nonce": [None]}, schema={"nonce": pl.Int32})
    assert read(integer(frame, "nonce", "f"), frame) == [(None, "nonce is missing")]
    assert read(integer(frame, "nonce", "f", required=False), frame) == [(None, None)]


@given(st.lists(st.integers(0, 2**256 - 1), max_size=10))
def test_for_any_uint256_an_amount_is_exact_or_set_aside(amounts):
    frame = pl.DataFrame({"value": [str(one) for one in amounts]}, schema={"value": pl.String})
    for one, (value, trouble) in zip(amounts, read(amount(frame, "value", "f"), frame), strict=True):
        if one < 10**38:
            assert (int(value), trouble) == (one, None)
        else:
            assert trouble == f"value = {one} is not a whole number below 10^38"


@pytest.mark.parametrize("text", ["1.5", "-1", "1e18", "", "0x10", "12 eth"])
def test_an_amount_that_is_no_whole_number_is_set_aside(text):
    frame = pl.DataFrame({"value": [text]})
    assert read(amount(frame, "value", "f"), frame)[0][1] is not None


def test_amounts_come_as_integers_and_decimals_too():
    for series in (pl.Series("value", [7], pl.UInt64), pl.Series("value", ["7"]).cast(pl.Decimal(38, 3))):
        frame = pl.DataFrame([series])
        assert [(int(value), trouble) for value, trouble in read(amount(frame, "value", "f"), frame)] == [(7, None)]


@given(st.lists(st.binary(min_size=18, max_size=22), min_size=1, max_size=10))
def test_for_any_bytes_text_and_binary_columns_read_the_same(addresses):
    binary = pl.DataFrame({"a": addresses})
    text = pl.DataFrame({"a": ["0X" + one.hex().upper() for one in addresses]})
    as_binary, as_text = (read(hexadecimal(frame, "a", "f", 20), frame) for frame in (binary, text))
    for one, from_binary, from_text in zip(addresses, as_binary, as_text, strict=True):
        assert (from_binary[1] is None) == (from_text[1] is None) == (len(one) == 20)
        if len(one) == 20:
            assert from_binary[0] == from_text[0] == "0x" + one.hex()


def test_an_empty_text_is_no_address():
    frame = pl.DataFrame({"to": ["", "0x" + "11" * 20]})
    assert read(hexadecimal(frame, "to", "f", 20, required=False), frame) == [(None, None), ("0x" + "11" * 20, None)]
    assert read(hexadecimal(frame, "to", "f", 20), frame)[0][1] == "to is missing"
    nothing = pl.DataFrame({"to": [None]})
    assert read(hexadecimal(nothing, "to", "f", 20), nothing)[0][1] == "to is missing"


@pytest.mark.parametrize(
    ("text", "value"), [("0x", b""), ("0x00FF", b"\0\xff"), ("0xabc", None), ("00ff", None), ("0xzz", None), (None, None)]
)
def test_data_of_any_length_is_kept_when_it_is_bytes(text, value):
    frame = pl.DataFrame({"data": [text]}, schema={"data": pl.String})
    found, trouble = read(data(frame, "data", "f"), frame)[0]
    assert (trouble is None) == (value is not None)
    if value is not None:
        assert found == value


def test_topics_come_as_a_list_or_as_columns():
    word = "0x" + "ab" * 32
    listed = pl.DataFrame({"topics": [[word, word], [], [word] * 5, ["0x12"], None]}, schema={"topics": pl.List(pl.String)})
    first = [read(topic(listed, place, "f"), listed) for place in range(2)]
    assert [value for value, _ in first[0][:2]] == [word, None]
    assert first[1][0] == (word, None)
    assert first[0][2][1] == "topics has more than 4 entries"
    assert first[0][3][1] == "topic0 is not 32 bytes of hexadecimal"
    assert first[0][4] == (None, None)
    columns = pl.DataFrame({"topic0": [bytes.fromhex("ab" * 32)]})
    assert read(topic(columns, 0, "f"), columns) == [(word, None)]
    assert read(topic(columns, 1, "f"), columns) == [(None, None)]


def test_times_are_read_from_timestamps_of_any_zone_and_from_seconds():
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    for series in (
        pl.Series("time", [noon]).cast(pl.Datetime("ns", "UTC")),
        pl.Series("time", [noon]).dt.convert_time_zone("Asia/Tokyo"),
        pl.Series("time", [noon.replace(tzinfo=None)], pl.Datetime("ms")),
        pl.Series("time", [int(noon.timestamp())], pl.UInt32),
    ):
        frame = pl.DataFrame([series])
        assert read(moment(frame, "time", "f"), frame) == [(noon, None)]


@pytest.mark.parametrize("second", [0, 1_767_571_200_000, None, -5])
def test_a_time_no_chain_can_mean_is_set_aside(second):
    frame = pl.DataFrame({"time": [second]}, schema={"time": pl.Int64})
    assert read(moment(frame, "time", "f"), frame)[0][1] is not None


@pytest.mark.parametrize(
    ("reader", "series"),
    [
        (integer, pl.Series("c", [1.0])),
        (amount, pl.Series("c", [1.0])),
        (lambda *given: hexadecimal(*given, 20), pl.Series("c", [1])),
        (data, pl.Series("c", [1])),
        (moment, pl.Series("c", ["noon"])),
        (lambda frame, _, file: topic(frame.rename({"c": "topics"}), 0, file), pl.Series("c", ["0x"])),
    ],
    ids=["integer", "amount", "hexadecimal", "data", "moment", "topic"],
)
def test_a_column_of_the_wrong_kind_refuses_the_file_naming_it(reader, series):
    with pytest.raises(BadInput, match=r"f\.parquet: the column (c|topics) is"):
        reader(pl.DataFrame([series]), "c", "f.parquet")


def test_a_missing_column_names_itself_and_what_it_is_also_called():
    with pytest.raises(BadInput, match=r"f lacks the column address \(also read as contract_address\); it has data"):
        find_column(pl.DataFrame({"data": [1]}), ("address", "contract_address"), "f")
    with pytest.raises(BadInput, match="f lacks the column data; it has x"):
        find_column(pl.DataFrame({"x": [1]}), ("data",), "f")


def test_a_rejected_row_is_kept_whole_as_json_and_no_row_is_lost():
    frame = pl.DataFrame(
        {"n": [1, -1], "raw": [b"\0", b"\xff"], "topics": [[b"\1"], [b"\2"]], "at": [datetime(2026, 1, 5)] * 2,
         "big": pl.Series(["1", "2"]).cast(pl.Decimal(38, 0))}
    )  # fmt: skip
    sifted = sift("blocks", frame, {"number": integer(frame, "n", "f")}, "f")
    assert sifted.rows["number"].to_list() == [1]
    assert sifted.rejected.select("table", "reason", "source").rows() == [("blocks", "n = -1 is negative", "f")]
    assert json.loads(sifted.rejected["row"][0]) == {
        "n": -1,
        "raw": "0xff",
        "topics": ["0x02"],
        "at": "2026-01-05 00:00:00.000000",
        "big": "2",
    }
