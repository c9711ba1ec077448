"""Watching: a document checked while it is made is judged as if it had been read afterwards, and passes by unchanged."""

from __future__ import annotations

import io
from shutil import copytree

import pytest

from domain.problems import BadInput
from domain.regulation.report import Watch, judge, render_parts, validate
from domain.regulation.report.xml_validation import Stream
from domain.regulation.rulebook import FormatName
from tests.domain.regulation.report.sample import FILES, HEADING, Folder, trades
from tests.domain.regulation.report.test_validation import shown, spoilt


def watched(report, schemas, parts, name: FormatName = "xml", keys=None):
    watch = Watch(report, name, schemas)
    content = b"".join(watch.passing(parts))
    return content, watch.findings(io.BytesIO(content), keys or {})


@pytest.mark.parametrize("name", ["xml", "json", "csv"])
def test_a_document_that_is_right_passes_by_unchanged_and_has_no_findings(name, trade_report, book, schemas):
    judged = judge(trade_report, trades({"note": "Ahoy"}, {}), book, HEADING)
    parts = render_parts(trade_report, judged, name, HEADING, schemas)
    content, findings = watched(trade_report, schemas, parts, name)
    assert content == shown(trade_report, trades({"note": "Ahoy"}, {}), book, schemas, name).content
    assert findings.is_empty()


def test_a_spoilt_document_has_the_findings_of_one_that_is_read_whole(trade_report, book, schemas):
    document = spoilt(shown(trade_report, trades({}, {}), book, schemas), b"<Seller>", b"<Seller>x")
    content = document.content
    parts = [content[start : start + 50] for start in range(0, len(content), 50)]
    told, findings = watched(trade_report, schemas, parts, keys=document.keys)
    assert told == content
    assert findings.equals(validate(trade_report, document, schemas))
    assert findings["field_id"].to_list() == ["T2S"]


def test_a_document_that_stops_in_the_middle_is_found(trade_report, book, schemas):
    content = shown(trade_report, trades({}), book, schemas).content
    _, findings = watched(trade_report, schemas, [content[:-30]])
    assert findings["rule_id"].to_list() == ["xml.well_formed"]


def test_an_element_that_only_a_lax_wildcard_would_take_is_found_on_the_way(trade_report, book, schemas):
    content = shown(trade_report, trades({}), book, schemas).content
    stream = Stream(trade_report.formats["xml"], schemas)
    stream.feed(content.replace(b"ex:Chain>", b"ex:Chian>"))
    assert not stream.holds()


def test_a_schema_whose_wildcards_may_stand_in_another_file_is_read_whole(trade_report, book, tmp_path):
    copytree(FILES, tmp_path, dirs_exist_ok=True)
    main = tmp_path / (trade_report.formats["xml"].schema or "")
    start = main.read_text()
    place = start.index(">", start.index("schema")) + 1
    main.write_text(start[:place] + '<xs:import namespace="urn:elsewhere"/>' + start[place:])
    schemas = Folder(tmp_path)
    content, findings = watched(trade_report, schemas, [shown(trade_report, trades({}), book, schemas).content])
    assert findings.is_empty()
    stream = Stream(trade_report.formats["xml"], schemas)
    stream.feed(content)
    assert not stream.holds()


def test_a_missing_schema_stops_before_the_first_part(trade_report, tmp_path):
    with pytest.raises(BadInput, match="grekko schemas install"):
        next(Watch(trade_report, "xml", Folder(tmp_path)).passing([b"<Document/>"]))


def test_what_goes_wrong_in_making_a_part_is_told_and_ends_the_check(trade_report, schemas):
    def parts():
        yield b"<?xml version='1.0'?>"
        raise BadInput("the disk is full")

    with pytest.raises(BadInput, match="disk"):
        list(Watch(trade_report, "xml", schemas).passing(parts()))


def test_a_check_that_breaks_is_told_and_does_not_hold_up_the_writer(trade_report, schemas, monkeypatch):
    def broken(self, part):
        raise MemoryError("too little")

    monkeypatch.setattr(Stream, "feed", broken)
    watch = Watch(trade_report, "xml", schemas)
    assert len(list(watch.passing([b"<a/>"] * 20))) == 20
    with pytest.raises(MemoryError):
        watch.findings(io.BytesIO(), {})
