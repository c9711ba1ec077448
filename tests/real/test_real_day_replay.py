"""One day of Ethereum, 2024-01-05: three Uniswap V3 pools, derived again log by log."""

from __future__ import annotations

import json

import pytest

from pipelines.cli import main
from pipelines.commands.replay import replay_files

# What is known of the day: swaps, how many can be derived, and mints and burns that moved liquidity.
KNOWN = {"88e6": (6045, 6045, 109), "8ad5": (266, 266, 15), "82c4": (40, 39, 2)}


@pytest.fixture
def paths(real_data):
    def of(pool):
        return (
            real_data / "eth_univ3_raw_logs_2024-01-05.parquet",
            real_data / f"eth_{pool}_2024-01-05.key.json",
            real_data / f"eth_{pool}_2024-01-05.start_ticks.parquet",
        )

    return of


@pytest.mark.parametrize("pool", KNOWN)
def test_the_days_swaps_and_liquidity_are_derived_to_the_wei(paths, pool):
    found = replay_files(*paths(pool))
    swaps, exact, liquidity = KNOWN[pool]
    key = json.loads(paths(pool)[1].read_text())
    assert (found.swaps, found.exact) == (swaps, exact)
    assert (found.liquidity_events, found.liquidity_exact) == (liquidity, liquidity)
    assert found.events == key["events"] - 1  # the start state is the first event's
    assert found.to_json()["end_state"] == key["end_state"]
    named = [{"tx": one["tx"], "log_index": one["log_index"]} for one in found.inexact]
    assert named == [{name: one[name] for name in ("tx", "log_index")} for one in key["swaps_not_reproduced"]]


@pytest.mark.parametrize(("pool", "code"), [("8ad5", 0), ("82c4", 1)])
def test_the_command_tells_it_with_its_exit_code(paths, capsys, pool, code):
    logs, key, ticks = map(str, paths(pool))
    assert main(["replay", "--logs", logs, "--key", key, "--ticks", ticks, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert (found["swaps"], found["exact"]) == KNOWN[pool][:2]


def test_leaving_one_swap_out_is_noticed(paths, tmp_path):
    import polars as pl

    logs, key, ticks = paths("8ad5")
    pool = json.loads(key.read_text())["pool"]
    frame = pl.read_parquet(logs).filter(pl.col("address") == pool).sort("block_number", "log_index")
    swap = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
    swaps = frame.with_row_index().filter(pl.col("topics").list.first() == swap)["index"]
    left_out = int(swaps[100])
    frame.filter(pl.int_range(pl.len()) != left_out).write_parquet(tmp_path / "logs.parquet")
    found = replay_files(tmp_path / "logs.parquet", key, ticks)
    assert found.exact < found.swaps
    assert not found.all_exact
