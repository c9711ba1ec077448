"""Judging: each row ends in one outcome with its reason, and a wrong value never reaches a document."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from domain.problems import BadInput
from domain.regulation.report import judge, render, validate
from tests.domain.regulation.report.sample import HEADING, LEI, movements, read_sample, report, trades


def outcome(judged):
    return judged.outcomes.select("row_key", "outcome", "reason", "rule_id", "field_id").rows()


def test_the_first_condition_that_fails_gives_the_reason(trade_report, book):
    judged = judge(trade_report, trades({"ours": False, "settled": False}, {"settled": None}, {}), book)
    assert outcome(judged) == [
        ("t1", "not_reportable", "nobody of ours was in between", "E1", ""),
        ("t2", "not_reportable", "it is not settled yet", "E2", ""),
        ("t3", "reported", None, None, None),
    ]
    assert judged.outcomes["doc_ref"].to_list() == ["act Art 2", "act Art 1", None]
    assert judged.reported["trade_id"].to_list() == ["t3"]


@pytest.mark.parametrize(
    ("wrong", "rule", "words"),
    [
        ({"client_lei": None}, "T2B:missing", "missing"),
        ({"client_lei": LEI[:-1] + "4"}, "T2B:lei", "check"),
        ({"capacity": "NOPE"}, "T4:codelist", "list @capacity"),
        ({"capacity": ""}, "T4:missing", "missing"),
        ({"trade_id": "t" * 13}, "T1:length", "longer than 12"),
        ({"trade_id": "a\x00"}, "T1:characters", "character"),
        ({"note": "a\uffff"}, "T8:characters", "character"),
        ({"currency": "U\x0bD"}, "T5:characters", "attribute"),
        ({"side": None}, "R3", "BUY or SELL"),
        ({"amount": 10**36, "decimals": 0}, "T3:format", "does not fit"),
        ({"decimals": None}, "T3:format", "does not fit"),
        ({"price": "1e18"}, "T5:format", "does not fit"),
        ({"price": "a lot"}, "T5:format", "does not fit"),
        ({"price": None}, "T5:missing", "missing"),
        ({"amount": 0}, "R1", "more than nothing"),
        ({"action": "REVIVE"}, "source.action", "action"),
        ({"trade_id": None}, "source.key", "no key"),
    ],
)
def test_a_row_with_something_wrong_is_blocked_and_says_why(wrong, rule, words, trade_report, book):
    judged = judge(trade_report, trades(wrong, {}), book)
    first = judged.outcomes.row(0, named=True)
    assert (first["outcome"], first["rule_id"]) == ("blocked", rule)
    assert words in first["reason"]
    assert first["doc_ref"].startswith("act")
    assert judged.outcomes["outcome"].to_list()[1] == "reported"
    assert rule in judged.findings["rule_id"].to_list()


def test_two_rows_with_one_key_are_both_blocked(trade_report, book):
    judged = judge(trade_report, trades({"trade_id": "a"}, {"trade_id": "a"}, {"trade_id": "a", "action": "CANCEL"}), book)
    assert judged.outcomes["outcome"].to_list() == ["blocked", "blocked", "reported"]


def test_a_warning_is_kept_and_the_row_is_told(trade_report, book):
    judged = judge(trade_report, trades({"note": "Hello"}, {"note": "Ahoy"}, {}), book)
    assert judged.count("reported") == 3
    assert judged.findings.select("rule_id", "severity", "row_key", "value", "doc_ref", "verified").rows() == [
        ("R2", "warn", "t1", "Hello", "act Art 1", True)
    ]
    results = judged.rule_results()
    assert results.filter(pl.col("rule_id") == "R2")["result"].to_list() == ["failed", "passed", "not_applicable"]
    assert results.filter(pl.col("rule_id") == "R1")["result"].to_list() == ["passed"] * 3
    assert set(results["doc_ref"]) == {"act Art 5", "act Art 1"}


def test_a_sum_that_has_no_room_blocks_its_group_and_changes_no_other(client_report, book):
    rows = movements(("anna", "A", "in", 9 * 10**37), ("anna", "A", "in", 9 * 10**37), ("bob", "A", "in", 5))
    small = report(read_sample(lambda text: text.replace("units(38,18,decimals)", "units(38,18,decimals)")), "clients")
    assert judge(small, rows, book).count("reported") == 3
    tight = report(read_sample(lambda text: text.replace("units(38,18,decimals)", "units(20,18,decimals)")), "clients")
    judged = judge(tight, rows, book)
    assert judged.outcomes["outcome"].to_list() == ["blocked", "blocked", "reported"]
    assert set(judged.findings["value"]) == {"180000000000000000000"}


def test_floats_missing_columns_and_unknown_lists_are_refused(trade_report, book):
    with pytest.raises(BadInput, match="floats"):
        judge(trade_report, trades({}).with_columns(hash=pl.lit(1.5)), book)
    with pytest.raises(BadInput, match="hash"):
        judge(trade_report, trades({}).drop("hash"), book)
    with pytest.raises(BadInput, match="trade_id"):
        judge(trade_report, trades({}).drop("trade_id"), book)


def test_without_rows_there_are_no_outcomes(trade_report, client_report, book):
    for judged in (judge(trade_report, trades(), book), judge(client_report, movements(), book)):
        assert judged.outcomes.is_empty()
        assert judged.rule_results().is_empty()
        assert judged.reasons() == []


QUICKLY = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WHO, WHAT, WAY = (st.sampled_from(one) for one in ("abc", "XY", ("in", "out")))
MOVES = st.tuples(WHO, WHAT, WAY, st.integers(0, 10**36))
TEXT = st.text(st.characters(codec="utf-8"), max_size=14)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "trade_id": TEXT,
        "note": TEXT,
        "hash": TEXT,
        "currency": TEXT,
        "amount": st.one_of(st.none(), st.integers(-(10**38) + 1, 10**38 - 1), st.sampled_from([0, 1])),
        "decimals": st.one_of(st.none(), st.integers(-2, 80)),
        "price": st.one_of(st.none(), TEXT, st.decimals(allow_nan=True, allow_infinity=True).map(str)),
        "paid": st.one_of(st.none(), st.decimals(-(10**6), 10**6, places=9).map(str)),
        "capacity": st.sampled_from(["DEAL", "AOTC", "", None, "deal"]),
        "client_lei": st.sampled_from([LEI, None, "", LEI.lower()]),
        "side": st.sampled_from(["BUY", "SELL", None]),
        "ours": st.one_of(st.none(), st.booleans()),
        "action": st.sampled_from(["NEW", "AMEND", "CORRECT", "CANCEL", None, "X"]),
    },
)


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(ROWS, max_size=8))
def test_for_any_rows_every_document_is_valid_and_every_row_has_one_outcome(trade_report, book, schemas, rows):
    told = [{**row, "amount": None if row.get("amount") is None else Decimal(row["amount"])} if "amount" in row else row for row in rows]
    frame = trades(*told)
    judged = judge(trade_report, frame, book, HEADING)
    assert judged.outcomes.height == frame.height
    assert judged.outcomes["outcome"].null_count() == 0
    assert judged.count("reported") == judged.reported.height
    document = render(trade_report, judged, "xml", HEADING, schemas)
    findings = validate(trade_report, document, schemas)
    # Texts that only the schema's pattern forbids (a hash that is none) are found by the validation, and nothing else is.
    assert set(findings["field_id"]) <= {"T9"}
    json.loads(render(trade_report, judged, "json", HEADING, schemas).content)
    paid = etree.fromstring(document.content).findtext("{urn:trades}Head/{urn:trades}Paid")
    exact = sum((Decimal(text) for text in judged.told["paid"].drop_nulls()), Decimal(0))
    assert paid is None or Decimal(paid) == exact.quantize(Decimal("0.01"))


@settings(
    max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("XY"), st.sampled_from(["in", "out"]), st.integers(0, 10**36)), min_size=1)
)
def test_for_any_movements_the_report_adds_up_to_the_rows_to_the_unit(client_report, book, schemas, moves):
    rows = movements(*((who, token, way, Decimal(amount)) for who, token, way, amount in moves))
    document = render(client_report, judge(client_report, rows, book), "xml", HEADING, schemas)
    assert validate(client_report, document, schemas).is_empty()
    root = etree.fromstring(document.content)
    for way in ("In", "Out"):
        told = sum(_units(one.text) for one in root.iter(f"{{urn:clients}}{way}"))
        assert told == sum(amount for _, _, direction, amount in moves if direction == way.lower())


def _units(text: str) -> int:
    whole, _, tail = text.partition(".")
    return int(whole) * 10**18 + int(tail.ljust(18, "0"))
