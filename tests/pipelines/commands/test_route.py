import json

import polars as pl
import pytest

from executor.routing import load_pool_book
from executor.routing.legs import ALL_X64
from pipelines.cli import main
from tests.executor.routing.books import POOL_ROWS, TICK_ROWS, changed, write_files


@pytest.fixture
def ask(tmp_path, capsys):
    """Two pools in a row (0 then 1), and a second pool (2) beside the first."""
    twin = {**POOL_ROWS[0], "pool_id": 2, "fee_pips": 500}
    paths = write_files(tmp_path, [*POOL_ROWS, twin], [*TICK_ROWS, *({**row, "pool_id": 2} for row in TICK_ROWS)])

    def run(*arguments):
        code = main(["route", "--pools", str(paths[0]), "--ticks", str(paths[1]), *map(str, arguments)])
        return code, capsys.readouterr()

    run.paths = paths
    return run


def test_one_path_is_told_leg_by_leg(ask):
    code, told = ask("--sell", "USDC", "--buy", "DAI", "--amount", 10_000, "--no-split", "--json")
    found = json.loads(told.out)
    assert code == 0
    assert set(found) == {"amount_out", "legs"}
    assert [leg["pool_id"] for leg in found["legs"]] == [0, 1]
    assert found["legs"][0]["amount_in"] == 10_000
    assert found["legs"][0]["amount_out"] == found["legs"][1]["amount_in"]
    assert found["legs"][1]["amount_out"] == found["amount_out"]


def test_by_default_the_amount_is_split_and_every_leg_can_be_replayed(ask):
    code, told = ask("--sell", "USDC", "--buy", "WETH", "--amount", 20_000_000, "--json")
    found = json.loads(told.out)
    assert code == 0
    assert [leg["pool_id"] for leg in found["legs"]] == [0, 2]
    held, out, book = 20_000_000, 0, load_pool_book(*ask.paths)
    for leg in found["legs"]:
        assert leg["amount_in"] == held * leg["share_x64"] >> 64
        assert book.quote(leg["pool_id"], leg["sell"], leg["amount_in"]).amount_out == leg["amount_out"]
        held, out = held - leg["amount_in"], out + leg["amount_out"]
    assert (held, out) == (0, found["amount_out"])
    assert found["legs"][-1]["share_x64"] == ALL_X64
    assert found["amount_out_after_gas"] == found["amount_out"] <= found["upper_bound"]
    assert 0 <= found["certificate_bps"] < 0.01
    one = json.loads(ask("--sell", "USDC", "--buy", "WETH", "--amount", 20_000_000, "--no-split", "--json")[1].out)
    assert found["amount_out"] > one["amount_out"]


def test_gas_and_the_cap_on_legs_keep_a_route_short(ask):
    asked = ("--sell", "USDC", "--buy", "WETH", "--amount", 1_000_000, "--json")
    dear = json.loads(ask(*asked, "--gas-per-leg", 5_000)[1].out)
    assert len(dear["legs"]) == 1
    assert dear["amount_out_after_gas"] == dear["amount_out"] - 5_000
    assert len(json.loads(ask(*asked, "--max-legs", 1)[1].out)["legs"]) == 1


def test_people_get_a_table_with_the_symbols_and_the_certificate(ask):
    code, told = ask("--sell", "USDC", "--buy", "DAI", "--amount", 10_000, "--gas-per-leg", 1)
    assert code == 0
    assert "10,000 USDC" in told.out and "DAI" in told.out and "UniswapV2State" in told.out
    assert "bps below the best that any route could give" in told.out and "After gas: " in told.out
    code, told = ask("--sell", "USDC", "--buy", "DAI", "--amount", 10_000, "--no-split")
    assert code == 0
    assert "10,000 USDC" in told.out


@pytest.mark.parametrize("split", [(), ("--no-split",)])
@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        ("NoRoute", ("--sell", "USDC", "--buy", "DAI", "--amount", 10_000, "--max-hops", 1)),
        ("NoRoute", ("--sell", "USDC", "--buy", "WETH", "--amount", 10**30)),
        ("UnknownToken", ("--sell", "USDC", "--buy", "GOLD", "--amount", 5)),
        ("BadInput", ("--sell", "USDC", "--buy", "USDC", "--amount", 5)),
        ("BadInput", ("--sell", "USDC", "--buy", "WETH", "--amount", -5)),
    ],
)
def test_without_a_route_there_is_a_typed_error_and_exit_code_2(ask, error, arguments, split):
    code, told = ask(*arguments, *split, "--json")
    assert code == 2
    assert json.loads(told.out)["error"] == error


def test_a_symbol_that_two_tokens_share_is_refused(tmp_path, capsys):
    pools, ticks = write_files(tmp_path, changed(POOL_ROWS, 1, token1_symbol="USDC"))
    code = main(["route", "--pools", str(pools), "--ticks", str(ticks), "--sell", "WETH", "--buy", "USDC", "--amount", "5", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (code, found["error"], len(found["addresses"])) == (2, "BadInput", 2)


def test_the_files_of_the_question_are_left_as_they_were(ask):
    before = [pl.read_parquet(path) for path in ask.paths]
    ask("--sell", "USDC", "--buy", "WETH", "--amount", 1_000, "--json")
    assert all(pl.read_parquet(path).equals(frame) for path, frame in zip(ask.paths, before, strict=True))
