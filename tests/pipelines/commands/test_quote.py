import json

import pytest

from pipelines.cli import main
from tests.executor.routing.books import DAI, POOL_ROWS, TICK_ROWS, USDC, write_files


@pytest.fixture
def ask(tmp_path, capsys):
    paths = write_files(tmp_path)

    def run(*arguments):
        code = main(["quote", "--pools", str(paths[0]), "--ticks", str(paths[1]), *map(str, arguments)])
        return code, capsys.readouterr()

    return run


def as_json(ask, *arguments):
    code, told = ask(*arguments, "--json")
    return code, json.loads(told.out)


def test_a_concentrated_pool_tells_price_and_tick_as_numbers(ask):
    code, found = as_json(ask, "--pool-id", 0, "--sell", "USDC", "--amount", 1_000_000)
    assert code == 0
    assert set(found) == {"amount_in", "amount_out", "sqrt_price_x96_after", "tick_after", "partial"}
    assert (found["amount_in"], found["amount_out"], found["tick_after"], found["partial"]) == (1_000_000, 998_501, -20, False)
    assert isinstance(found["sqrt_price_x96_after"], int) and found["sqrt_price_x96_after"] < 1 << 96


def test_a_pair_has_neither(ask):
    _, found = as_json(ask, "--pool-id", 1, "--sell", DAI.address, "--amount", 1000)
    assert found == {"amount_in": 1000, "amount_out": 996, "sqrt_price_x96_after": None, "tick_after": None, "partial": False}


def test_with_exact_out_the_amount_is_of_the_token_bought(ask):
    _, found = as_json(ask, "--pool-id", 1, "--sell", "WETH", "--amount", 996, "--exact-out")
    assert (found["amount_in"], found["amount_out"]) == (1000, 996)


def test_a_part_is_told_as_a_part(ask):
    code, found = as_json(ask, "--pool-id", 0, "--sell", USDC.address, "--amount", 10**30)
    assert code == 0
    assert found["partial"] and found["amount_in"] < 10**30


def test_people_get_a_table(ask):
    code, told = ask("--pool-id", 1, "--sell", "WETH", "--amount", 1_000)
    assert code == 0
    assert "1,000" in told.out and "no" in told.out and "-" in told.out


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        ("UnknownPool", ("--pool-id", 9, "--sell", "WETH", "--amount", 1)),
        ("UnknownToken", ("--pool-id", 0, "--sell", "DAI", "--amount", 1)),
        ("BadInput", ("--pool-id", 0, "--sell", "USDC", "--amount", 0)),
        ("BadInput", ("--pool-id", 0, "--sell", "USDC", "--amount", 1 << 255)),
        ("NotEnoughLiquidity", ("--pool-id", 1, "--sell", "WETH", "--amount", 10**6, "--exact-out")),
    ],
)
def test_what_it_cannot_answer_is_a_typed_error_and_exit_code_2(ask, error, arguments):
    code, found = as_json(ask, *arguments)
    assert (code, found["error"]) == (2, error)
    assert found["message"].endswith(".")


def test_a_bad_file_is_refused_with_its_field(tmp_path, capsys):
    rows = [{name: value for name, value in row.items() if name != "fee_pips"} for row in POOL_ROWS]
    pools, ticks = write_files(tmp_path, rows, TICK_ROWS)
    code = main(["quote", "--pools", str(pools), "--ticks", str(ticks), "--pool-id", "0", "--sell", "WETH", "--amount", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (code, found["error"], found["field"]) == (2, "BadInput", "fee_pips")
