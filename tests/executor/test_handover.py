"""Loading a hand-over: whole or not at all, and every way it can be broken says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.problems import BadInput, BundleRejected, Unavailable
from executor.handover import generation_at, load_handover
from tests.executor.trading_floor import NOON


def test_a_handover_is_pools_market_and_model_of_one_moment(folder: Path) -> None:
    loaded = load_handover(folder)
    assert (loaded.generation, loaded.version, loaded.chain_id, loaded.as_of) == (1, "v1", 31337, NOON)
    assert len(loaded.book) == 5
    assert loaded.history.at(loaded.as_of).price_usd("0x" + "3" * 40) == 3000.0
    assert loaded.bundle.policy == "execute_now"


def test_nothing_handed_over_yet_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="grekko demo"):
        load_handover(tmp_path)


def test_a_file_of_another_handover_is_not_mixed_in(folder: Path) -> None:
    (folder / "market.json").write_bytes((folder / "market.json").read_bytes() + b" ")
    with pytest.raises(Unavailable, match="being written"):
        load_handover(folder)


def test_a_file_that_is_gone_is_named(folder: Path) -> None:
    (folder / "tokens.parquet").unlink()
    with pytest.raises(Unavailable, match=r"tokens\.parquet cannot be read"):
        load_handover(folder)


def test_a_bundle_that_was_tampered_with_is_not_loaded(folder: Path) -> None:
    digest = json.loads((folder / "active.json").read_text())["bundle"]
    (folder / "bundle" / digest / "model.onnx").write_bytes(b"")
    with pytest.raises(BundleRejected):
        load_handover(folder)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"format": "grekko-handover/0"}, "format"),
        ({"generation": "first"}, "generation"),
        ({"files": {}}, "files"),
        ({"bundle": "../../somewhere"}, "files"),
    ],
)
def test_an_active_file_of_another_shape_is_refused_by_field(folder: Path, change: dict, field: str) -> None:
    told = json.loads((folder / "active.json").read_text())
    (folder / "active.json").write_text(json.dumps(told | change))
    with pytest.raises(BadInput) as refused:
        generation_at(folder)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize("content", ["{", "[]"])
def test_an_active_file_that_is_no_document_is_refused(folder: Path, content: str) -> None:
    (folder / "active.json").write_text(content)
    with pytest.raises(BadInput, match="materialise promoted_model again"):
        generation_at(folder)
