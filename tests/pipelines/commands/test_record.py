"""`grekko record` as a person types it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from domain.problems import BadInput
from executor.chain.recording import Recording
from pipelines.commands.record import record
from tests.executor.chain.memory_node import PAIR, POOL, TOKEN0, WALLET, MemoryNode, status, word

app = typer.Typer()
app.command()(record)


@pytest.fixture
def served() -> Iterator[tuple[MemoryNode, str]]:
    node = MemoryNode(31)
    with node.serve() as url:
        yield node, url


def run(url: str, out: Path, *more: str) -> Result:
    given = ["--rpc", url, "--pools", f"{POOL}, {PAIR}", "--from-block", "1", "--to-block", "30", "--out", str(out), *more]
    return CliRunner().invoke(app, given)


def test_a_recording_is_made_and_summed_up(served, tmp_path):
    result = run(served[1], tmp_path / "r", "--name", "mine", "--chain-id", "1", "--sender", WALLET, "--blocks-at-once", "10")
    assert result.exit_code == 0, result.output
    assert "30 blocks, 10 logs" in result.stdout
    recording = Recording.open(tmp_path / "r")
    assert (recording.name, recording.manifest["senders"]) == ("mine", [WALLET])


def test_waiting_for_the_node_is_shown(served, tmp_path):
    served[0].faults.append(status(429, retry_after="0"))
    result = run(served[1], tmp_path / "r")
    assert "waiting 0.0 s: HTTP 429" in result.stderr


def test_the_venue_of_a_pool_can_be_named(served, tmp_path):
    served[0].say(PAIR, "factory()", word(1))
    assert isinstance(run(served[1], tmp_path / "r").exception, BadInput)
    assert run(served[1], tmp_path / "r", "--venue", f"{PAIR}=sushiswap").exit_code == 0
    assert "sushiswap" in Recording.open(tmp_path / "r").pools()["venue"].to_list()


def test_prices_travel_with_the_recording(served, tmp_path):
    prices = tmp_path / "prices.parquet"
    row = {"token": TOKEN0, "timestamp": datetime(2026, 1, 5, tzinfo=UTC), "price_usd": 1.0, "source": "somewhere"}
    pl.DataFrame([row]).write_parquet(prices)
    assert run(served[1], tmp_path / "r", "--prices", str(prices)).exit_code == 0
    assert Recording.open(tmp_path / "r").prices()["source"].to_list() == ["somewhere"]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--venue", PAIR], "is not of the shape POOL=VENUE"),
        (["--chain-id", "5"], "is of chain 1, not 5"),
        (["--rpc", "ws://x"], "http:// or https://"),
    ],
)
def test_a_request_that_cannot_be_served_names_the_fix(served, tmp_path, more, complaint):
    result = run(served[1], tmp_path / "r", *more)
    assert isinstance(result.exception, BadInput)
    assert complaint in result.exception.message
