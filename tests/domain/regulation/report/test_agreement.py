"""Agreement: a record tells one value for its rows, a document one for all; where rows differ it is said, and never chosen in silence."""

from __future__ import annotations

import polars as pl

from domain.regulation.report import judge
from executor.compliance.rulebook_file import load_rulebook
from tests.domain.regulation.report.sample import HEADING, movements, read_sample, report
from tests.domain.regulation.sample_matrix import SAMPLES, rows_of

NAME = "- {id: C1, name: client, path: Name, json: name, source: client_id}"
WORD = "- {id: C1, name: client, path: Name, json: name, source: direction, card: 0..1}"


def clients(new: str):
    book = read_sample(lambda text: text.replace(NAME, new))
    return report(book, "clients"), book


def test_a_group_whose_rows_differ_in_what_must_be_there_is_blocked_whole():
    asked, book = clients(NAME.replace("client_id", "direction"))
    judged = judge(asked, movements(("anna", "A", "in", 1), ("anna", "A", "out", 2), ("bob", "A", "in", 5)), book, HEADING)
    assert judged.outcomes["outcome"].to_list() == ["blocked", "blocked", "reported"]
    assert judged.outcomes["rule_id"].to_list() == ["C1:differs", "C1:differs", None]
    assert "tells one value" in judged.outcomes["reason"][0]
    assert judged.findings.select("row_key", "value", "severity").rows() == [("m1", "in", "error"), ("m2", "out", "error")]


def test_a_group_whose_rows_differ_in_what_may_be_missing_is_told_with_a_warning():
    asked, book = clients(WORD)
    judged = judge(asked, movements(("anna", "A", "in", 1), ("anna", "A", "out", 2), ("bob", "A", "in", 5)), book, HEADING)
    assert judged.count("reported") == 3
    assert judged.findings.select("rule_id", "row_key", "severity").rows() == [("C1:differs", "m1", "warn"), ("C1:differs", "m2", "warn")]


def test_a_value_that_only_some_rows_of_a_group_have_is_a_difference():
    asked, book = clients(WORD)
    rows = movements(("anna", "A", "in", 1), ("anna", "A", "in", 2)).with_columns(
        pl.when(pl.col("movement_id") == "m1").then("direction").alias("direction")
    )
    assert judge(asked, rows, book, HEADING).findings["rule_id"].to_list() == ["C1:differs"] * 2


def test_a_message_that_mixes_what_is_new_with_corrections_is_refused_with_the_reason():
    book = load_rulebook()
    asked, sample = book.reports["OECD.CARF.annual"], SAMPLES["OECD.CARF.annual"]
    fresh, corrected = rows_of(asked.id), rows_of(asked.id, "corrected")
    mixed = judge(asked, pl.concat([fresh.head(2), corrected.slice(2)], how="diagonal_relaxed"), book, sample.heading)
    found = mixed.findings.filter(pl.col("rule_id") == "M5:mixed").row(0, named=True)
    assert (found["severity"], found["field_id"], found["row_key"]) == ("error", "M5, M5C", None)
    assert found["value"] == "NEW and CORRECT"
    assert "report them apart" in found["message"]
    for alone in (fresh, corrected):
        assert judge(asked, alone, book, sample.heading).findings.is_empty()
