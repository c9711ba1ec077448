import json

import pytest

from pipelines.cli import main
from tests.executor.routing.books import POOL_ROWS, changed, write_files


@pytest.fixture
def ask(tmp_path, capsys):
    paths = write_files(tmp_path)

    def run(*arguments):
        code = main(["route", "--pools", str(paths[0]), "--ticks", str(paths[1]), *map(str, arguments)])
        return code, capsys.readouterr()

    return run


def test_a_route_is_told_leg_by_leg(ask):
    code, told = ask("--sell", "USDC", "--buy", "DAI", "--amount", 10_000, "--no-split", "--json")
    found = json.loads(told.out)
    assert code == 0
    assert set(found) == {"amount_out", "legs"}
    assert [leg["pool_id"] for leg in found["legs"]] == [0, 1]
    assert found["legs"][0]["amount_in"] == 10_000
    assert found["legs"][0]["amount_out"] == found["legs"][1]["amount_in"]
    assert found["legs"][1]["amount_out"] == found["amount_out"]


def test_people_get_a_table_with_the_symbols(ask):
    code, told = ask("--sell", "USDC", "--buy", "DAI", "--amount", 10_000)
    assert code == 0
    assert "10,000 USDC" in told.out and "DAI" in told.out and "UniswapV2State" in told.out


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
def test_without_a_path_there_is_a_typed_error_and_exit_code_2(ask, error, arguments):
    code, told = ask(*arguments, "--json")
    assert code == 2
    assert json.loads(told.out)["error"] == error


def test_a_symbol_that_two_tokens_share_is_refused(tmp_path, capsys):
    pools, ticks = write_files(tmp_path, changed(POOL_ROWS, 1, token1_symbol="USDC"))
    code = main(["route", "--pools", str(pools), "--ticks", str(ticks), "--sell", "WETH", "--buy", "USDC", "--amount", "5", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (code, found["error"], len(found["addresses"])) == (2, "BadInput", 2)
