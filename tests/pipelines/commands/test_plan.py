"""`grekko plan` answers with days, or with exit code 2 and what to change."""

import json

import pytest

from pipelines.cli import main

WISH = {"--lift": 0.1, "--base-cost-bps": 20, "--orders-per-day": 1200, "--saving-sd-bps": 25}


@pytest.fixture
def ask(capsys):
    def run(*more: str, **changed: float):
        given = WISH | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
        code = main(["plan", *(str(word) for pair in given.items() for word in pair), *more])
        return code, capsys.readouterr()

    return run


def test_a_test_that_can_be_done_is_told_in_days(ask):
    code, told = ask("--json")
    found = json.loads(told.out)
    assert code == 0 and 7 <= found["days"] <= 10
    assert (found["max_days"], found["block_hours"], found["canary_days"], found["method"]) == (60, 24, 7, "simulated")


def test_the_same_question_gets_the_same_answer(ask):
    assert ask("--json")[1].out == ask("--json")[1].out


def test_people_get_a_table(ask):
    code, told = ask()
    assert code == 0 and "days until the evidence suffices" in told.out


def test_a_hopeless_test_is_refused_with_the_cheapest_change(ask):
    code, told = ask("--design", "split", "--share", "0.1", "--json", lift=0.05)
    refused = json.loads(told.out)
    assert (code, refused["error"], refused["change"]) == (2, "HopelessTrial", "design")
    assert refused["needed_days"] > refused["max_days"]


def test_profit_is_no_kpi(ask):
    code, told = ask("--kpi", "sharpe", lift=0.05)
    assert code == 2 and told.err.startswith("HopelessTrial: The KPI sharpe needs 32,5") and "(89 years)" in told.err


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--kpi", "luck"], "kpi"),
        (["--design", "switchback"], "design"),
        (["--policy", "nowhere.yaml"], "policy"),
        (["--likeness", "2"], "likeness"),
    ],
)
def test_words_that_mean_nothing_are_refused(ask, words, field):
    code, told = ask(*words, "--json")
    assert (code, json.loads(told.out)["field"]) == (2, field)
