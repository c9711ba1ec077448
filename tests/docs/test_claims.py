"""No sentence of ours calls a schema official that is not."""

from pathlib import Path

import pytest
import yaml

from tests.docs.claims import OFFICIAL, false_claims, told_files, words_of
from tests.docs.pages import ROOT

BAD = [
    "Files validate against the official MiCA XSD.",
    "The report is valid against the official schema of MAS.",
    "We ship the official ISO 20022 auth.016 schema for transactions.",
    "# Valid against the official\n# ESMA JSON Schema.",
    "The schema that the CFTC gives is official.",
    "Each file is checked against the official schema.",
    "Checked with the MiCA XSD.",
    "Validated by ESMA's JSON Schema before it is filed.",
]
GOOD = [
    "There is no official MiCA XSD.",
    "Never say official MiCA XSD.",
    "It is valid against the official OECD XSD.",
    "The official schema of CARF is installed by a command.",
    "Official schemas are installed with pinned hashes.",
    "Our own MiCA schema says what the table asks.",
    "This schema is not official.",
    "schema_status: official",
    "Carriers are ISO 20022 messages, which an official of nobody calls the form of a MiCA record.",
]


@pytest.mark.parametrize("sentence", BAD)
def test_a_sentence_that_claims_too_much_is_found(sentence: str):
    assert false_claims(f"A good sentence stands before.\n\n{sentence} And one after.")


@pytest.mark.parametrize("sentence", GOOD)
def test_a_sentence_that_claims_what_is_so_is_left_alone(sentence: str):
    assert false_claims(sentence) == []


def test_code_is_read_by_its_comments_and_texts(tmp_path: Path):
    code = tmp_path / "code.py"
    code.write_text('official = "the official MiCA XSD"  # an official ESMA schema\nschema = official\n')
    assert len(false_claims(words_of(code))) == 2


def test_no_file_calls_a_schema_official_that_is_not():
    files = told_files(ROOT)
    assert len(files) > 100
    assert {str(path.relative_to(ROOT)): told for path in files if (told := false_claims(words_of(path)))} == {}


def _formats(node: object):
    if isinstance(node, dict):
        if "schema_status" in node:
            yield node
        for value in node.values():
            yield from _formats(value)
    elif isinstance(node, list):
        for value in node:
            yield from _formats(value)


CLAIMS = {
    "official": ("Valid against the OECD XSD", "IVMS101.2023 valid"),
    "carrier": ("Valid against ISO 20022", "XSD-valid against ISO 20022", "Checks the structure against ISO 20022"),
    "own_from_public_table": ("Own JSON Schema from", "Valid against our own JSON Schema", "Own CSV layout from"),
    "none": ("A listing for reading",),
}


def test_every_form_claims_what_its_status_allows():
    files = sorted((ROOT / "regulations").glob("*.yaml"))
    forms = [form for path in files for form in _formats(yaml.safe_load(path.read_text()))]
    assert len(forms) >= 15
    for form in forms:
        schema, status = form.get("schema") or "", form["schema_status"]
        if status == "official":
            assert OFFICIAL.search(schema)
            assert schema.startswith(("oecd_carf/", "ivms101"))
        if status == "carrier":
            assert schema.startswith("iso20022/")
        if status == "own_from_public_table":
            assert schema.startswith("own/")
        if status == "none":
            assert schema == ""
        if "claim" in form:
            assert form["claim"].startswith(CLAIMS[status]), form["claim"]
