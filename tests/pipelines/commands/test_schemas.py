"""`grekko schemas` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.commands.schemas import schemas

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


def told(*arguments: str):
    return CliRunner().invoke(schemas, list(arguments))


@pytest.fixture
def folder() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the shared files are not here: {SHARED} does not exist")
    return SHARED / "schemas"


def test_installing_from_a_folder_says_each_file_and_listing_says_the_claim(folder: Path, tmp_path: Path):
    first = told("install", "--from", str(folder), "--into", str(tmp_path))
    assert first.exit_code == 0
    assert "iso20022/auth.016.001.03.xsd: installed" in first.output and "23 installed, 0 already there, 0 missing" in first.output
    listed = json.loads(told("list", "--into", str(tmp_path), "--json").output)["schemas"]
    assert {one["state"] for one in listed} == {"installed"}
    claims = {one["name"]: one["claim"] for one in listed}
    assert claims["iso20022/auth.016.001.03.xsd"].endswith("used as carrier")


def test_missing_schemas_are_listed_and_the_exit_code_says_so(tmp_path: Path):
    result = told("install", "--into", str(tmp_path))
    assert result.exit_code == 1 and "give --from" in result.output
    as_json = told("install", "ivms101_IVMS101_2023Schema.schema.json", "--into", str(tmp_path), "--json")
    assert as_json.exit_code == 1
    assert list(json.loads(as_json.output)["missing"]) == ["ivms101_IVMS101_2023Schema.schema.json"]


def test_the_list_for_people_has_a_row_for_each_schema(tmp_path: Path):
    output = told("list", "--into", str(tmp_path)).output
    assert "missing" in output and "CARFXML" in output
