"""The rulebook as files: the base, the overlays beside it, and where they are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.problems import BadInput
from executor.compliance.rulebook_file import SHIPPED, load_rulebook, rulebook_path
from tests.domain.regulation.rulebooks import BASE

OVERLAY = "jurisdiction: YY\nname: Yland\nauthority: YA\ncountries: [YY]\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "regulations").mkdir()
    (tmp_path / "regulations" / "YY.yaml").write_text(OVERLAY)
    (tmp_path / "regulations.yaml").write_text(BASE)
    return tmp_path / "regulations.yaml"


def test_the_files_beside_the_base_are_read_with_it(base: Path) -> None:
    assert list(load_rulebook(base).jurisdictions) == ["ZZ", "YY"]


def test_the_setting_names_the_base(base: Path) -> None:
    assert list(load_rulebook(environment={"GREKKO_REGULATIONS": str(base)}).jurisdictions) == ["ZZ", "YY"]
    assert rulebook_path(environment={}) == SHIPPED
    assert rulebook_path(base, {"GREKKO_REGULATIONS": "elsewhere.yaml"}) == base


def test_a_file_that_cannot_be_read_is_named(base: Path) -> None:
    with pytest.raises(BadInput, match="GREKKO_REGULATIONS"):
        load_rulebook(base.with_name("none.yaml"))
    (base.parent / "regulations" / "YY.yaml").write_bytes(b"\xff")
    with pytest.raises(BadInput, match=r"YY.yaml is not UTF-8"):
        load_rulebook(base)


def test_a_fault_names_the_overlay(base: Path) -> None:
    (base.parent / "regulations" / "YY.yaml").write_text(OVERLAY + "hollidays: SG\n")
    with pytest.raises(BadInput, match=r"^regulations/YY.yaml, line 5: jurisdictions.YY.hollidays: .* did you mean holidays\?$"):
        load_rulebook(base)
