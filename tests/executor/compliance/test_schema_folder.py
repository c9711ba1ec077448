"""Schemas are found by name, and what is found is what was pinned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lxml import etree

from domain.problems import BadInput
from executor.compliance.schema_folder import DEFAULT_FOLDER, SchemaFolder, official_schemas

ORDER_BOOK = "iso20022/auth.113.001.01.xsd"
CARF = "oecd_carf/CARFXML_v1.5.xsd"


def test_every_pinned_schema_is_the_one_in_the_shared_folder(shared_schemas: Path):
    folder = SchemaFolder(shared_schemas)
    assert len(official_schemas()) == 23
    for name in official_schemas():
        assert folder.path(name) == shared_schemas / name


def test_every_schema_that_lies_there_is_pinned(shared_schemas: Path):
    lying = {str(file.relative_to(shared_schemas)) for file in shared_schemas.rglob("*.xsd")}
    assert lying == {name for name in official_schemas() if name.endswith(".xsd")}


def test_a_schema_with_imports_compiles_from_where_it_is_found(shared_schemas: Path):
    found = SchemaFolder(shared_schemas).path(CARF)
    assert etree.XMLSchema(etree.parse(str(found))) is not None


def test_a_missing_schema_is_an_error_that_names_the_file_and_the_command(tmp_path: Path):
    with pytest.raises(BadInput, match=r"auth\.113\.001\.01\.xsd is missing .*grekko schemas install"):
        SchemaFolder(tmp_path).path(ORDER_BOOK)


def test_a_schema_of_one_changed_byte_is_refused(shared_schemas: Path, tmp_path: Path):
    content = bytearray((shared_schemas / ORDER_BOOK).read_bytes())
    content[100] ^= 1
    (tmp_path / "iso20022").mkdir()
    (tmp_path / ORDER_BOOK).write_bytes(content)
    with pytest.raises(BadInput, match="not the file that is pinned"):
        SchemaFolder(tmp_path).path(ORDER_BOOK)


def test_a_schema_whose_import_is_missing_is_not_handed_out(shared_schemas: Path, tmp_path: Path):
    (tmp_path / "oecd_carf").mkdir()
    shutil.copyfile(shared_schemas / CARF, tmp_path / CARF)
    with pytest.raises(BadInput, match=r"isocarftypes_v1\.1\.xsd is missing"):
        SchemaFolder(tmp_path).path(CARF)


def test_a_name_that_nobody_knows_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="No schema goes by"):
        SchemaFolder(tmp_path).path("../etc/passwd")


def test_our_own_schemas_come_from_the_package_and_from_nowhere_else(tmp_path: Path):
    folder = SchemaFolder(tmp_path)
    folder.own = tmp_path / "schemas"
    (folder.own / "own").mkdir(parents=True)
    (folder.own / "own" / "mine.xsd").write_text("<x/>")
    (folder.own / "outside.xsd").write_text("<x/>")
    assert folder.path("own/mine.xsd").read_text() == "<x/>"
    for name in ("own/../outside.xsd", "own/other.xsd"):
        with pytest.raises(BadInput, match="ships no schema"):
            folder.path(name)


def test_the_setting_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GREKKO_SCHEMAS", str(tmp_path))
    assert SchemaFolder().official == tmp_path
    monkeypatch.delenv("GREKKO_SCHEMAS")
    assert SchemaFolder().official == DEFAULT_FOLDER
