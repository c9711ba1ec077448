"""`grekko import-logs` as a person types it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from domain.problems import BadInput
from executor.chain.recording import Recording
from pipelines.commands.import_logs import import_logs
from tests.executor.chain.log_files import ERC20, PAIR, POOL, SYNC, WETH, log, save, save_candles, save_key, save_ticks

app = typer.Typer()
app.command()(import_logs)


def run(*given: str | Path) -> Result:
    return CliRunner().invoke(app, [str(one) for one in given])


def test_logs_keys_prices_and_tokens_become_one_recording(tmp_path):
    first, second = save(tmp_path, "one", [log(1, 1), log(1, 2, PAIR, SYNC)]), save(tmp_path, "two", [log(2, 1)])
    result = run(
        "--logs", f"{first},{second}", "--key", save_key(tmp_path), "--ticks", save_ticks(tmp_path),
        "--prices", f"WETH={save_candles(tmp_path)}",
        "--token", f"{ERC20}=PEPE:18", "--venue", f"{PAIR}=sushiswap", "--name", "both",
        "--description", "by hand", "--out", tmp_path / "r",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "2 blocks, 3 logs, 0 transactions, 2 pools, 2 ticks, 8 prices" in result.stdout
    assert "assumed: 1 USDC is taken as 1 USD" in result.stdout
    recording = Recording.open(tmp_path / "r")
    assert (recording.name, recording.manifest["description"]) == ("both", "by hand")
    assert recording.tokens()["symbol"].to_list() == ["PEPE", "USDC", "WETH"]
    assert recording.pools()["venue"].to_list() == ["uniswap_v3", "sushiswap"]


def test_what_was_left_out_is_said(tmp_path):
    sent = pl.DataFrame({"hash": ["0x"], "block_number": [1], "transaction_index": [0], "from": [POOL], "value": ["1"]})
    result = run(
        "--logs",
        save(tmp_path, "logs", [log(1, 1), log(1, 2, address=None)]),
        "--transactions",
        save(tmp_path, "sent", sent),
        "--out",
        tmp_path / "r",
    )
    assert result.exit_code == 0, result.output
    assert "1 of 2 rows of logs are in rejected.parquet" in result.stdout
    assert "1 of 1 rows of transactions are in rejected.parquet" in result.stdout
    assert "1 pools have logs and no state" in result.stdout


def test_cryos_logs_need_its_blocks(tmp_path):
    logs = save(tmp_path, "logs", pl.DataFrame([log(1, 1)]).drop("block_timestamp", "chain"))
    blocks = save(tmp_path, "blocks", [{"block_number": 1, "timestamp": 1_704_456_000}])
    assert run("--logs", logs, "--blocks", blocks, "--chain-id", "1", "--out", tmp_path / "r").exit_code == 0
    assert Recording.open(tmp_path / "r").manifest["first_day"] == "2024-01-05"


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--key", "k.json"], "1 --key and 0 --ticks"),
        (["--prices", WETH], "is not of the shape TOKEN=FILE"),
        (["--token", "PEPE"], "ADDRESS=SYMBOL:DECIMALS"),
    ],
)
def test_an_option_of_the_wrong_shape_is_refused(tmp_path, more, complaint):
    result = run("--logs", save(tmp_path, "logs", [log(1, 1)]), "--out", tmp_path / "r", *more)
    assert isinstance(result.exception, BadInput)
    assert complaint in result.exception.message
