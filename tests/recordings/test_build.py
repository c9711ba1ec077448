"""The builder makes the same recording from the same seed, on a real node with the production contracts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from domain.problems import Broken
from executor.chain.recording import Recording
from recordings import build as builder
from recordings import plan
from recordings.actions import SellExact
from recordings.build import build, main
from recordings.mirror import Mirror, Outcome
from tests.recordings.stages import market

HALF_HOUR = 150
REORG_AT = 25


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def half_hour(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("first") / "half_hour"
    build(7, out, slots=HALF_HOUR, reorg_slot=REORG_AT, node_modules=node_modules, market=market())
    return out


def test_half_an_hour_is_a_recording_that_verifies(half_hour):
    recording = Recording.open(half_hour)
    assert recording.verify().failures == []
    assert recording.manifest["simulated_traders"] is True
    assert "simulated" in recording.manifest["description"]
    assert recording.pools().height == len(plan.POOLS)


def test_building_again_gives_the_same_bytes_and_replaces_what_was_there(half_hour, node_modules, tmp_path):
    out = tmp_path / "half_hour"
    out.mkdir()
    (out / "leftover").write_text("from before")
    told: list[str] = []
    build(7, out, slots=HALF_HOUR, reorg_slot=REORG_AT, node_modules=node_modules, market=market(), tell=lambda step, *_: told.append(step))
    assert files(out) == files(half_hour)
    assert told[-1] == "recording"
    assert [file.name for file in tmp_path.iterdir()] == ["half_hour"]


def test_the_reorg_leaves_three_orphaned_headers_and_their_logs(half_hour):
    recording = Recording.open(half_hour)
    orphaned = recording.blocks().filter(~pl.col("is_canonical"))
    assert orphaned.height == plan.REORG_DEPTH
    assert recording.logs().filter(pl.col("block_hash").is_in(orphaned["hash"].to_list())).height > 0
    rivals = recording.blocks().filter(pl.col("is_canonical"), pl.col("number").is_in(orphaned["number"].to_list()))
    assert rivals.height == plan.REORG_DEPTH


def test_a_chain_that_disagrees_with_the_mirror_stops_the_build_and_leaves_nothing(node_modules, tmp_path, monkeypatch):
    honest = Mirror.apply

    def optimistic(self: Mirror, wallet: int, action: object) -> Outcome:
        return replace(honest(self, wallet, action), succeeded=not isinstance(action, SellExact))  # type: ignore[arg-type]

    monkeypatch.setattr(Mirror, "apply", optimistic)
    monkeypatch.setattr(builder, "COMPARE_EVERY_BLOCKS", 2)
    with pytest.raises(Broken, match="otherwise than the mirror foretold"):
        build(7, tmp_path / "out", slots=60, node_modules=node_modules, market=market())
    assert list(tmp_path.iterdir()) == []


def test_a_pool_one_wei_away_from_the_mirror_stops_the_build(node_modules, tmp_path, monkeypatch):
    honest = builder.compare
    monkeypatch.setattr(builder, "compare", lambda world, mirror: [*honest(world, mirror), "uni-weth-usdc-5: chain 1, mirror 2"])
    with pytest.raises(Broken, match="not those of the mirror"):
        build(7, tmp_path / "out", slots=5, node_modules=node_modules, market=market())


class TestTheCommandLine:
    def test_it_says_what_it_built(self, node_modules, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(builder, "simulate", lambda seed: market())
        assert main(["--days", "0.005", "--out", str(tmp_path / "minutes"), "--node-modules", str(node_modules)]) == 0
        said = capsys.readouterr()
        assert "swaps" in said.out
        assert "deploying the venues" in said.err

    def test_a_progress_bar_is_drawn_on_a_terminal(self, monkeypatch, capsys):
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        builder._bar(0.0)("trading", 50, 100)
        assert "50%" in capsys.readouterr().err

    @pytest.mark.parametrize("days", ["0", "15"])
    def test_days_the_market_does_not_have_are_refused(self, days, capsys):
        assert main(["--days", days]) == 1
        assert "--days" in capsys.readouterr().err

    def test_without_the_packages_it_says_what_to_install(self, tmp_path, capsys, node_modules):
        assert main(["--days", "0.001", "--out", str(tmp_path / "out"), "--node-modules", str(tmp_path)]) == 1
        assert "npm ci" in capsys.readouterr().err
