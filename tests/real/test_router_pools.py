"""Nineteen real pools of one moment: they load whole, quote alike both ways, and the best path is the best of all paths."""

from __future__ import annotations

import json
import random

import pytest

from domain.amm.concentrated import ConcentratedPool
from executor.routing import all_paths, best_path, load_pool_book, split_route
from pipelines.cli import main


@pytest.fixture(scope="module")
def files(real_data):
    return real_data / "router_pools_19.parquet", real_data / "router_pools_19_ticks.parquet"


@pytest.fixture(scope="module")
def book(files):
    return load_pool_book(*files)


def test_all_pools_load_and_their_ticks_add_up(book):
    concentrated = [booked.pool for booked in book if isinstance(booked.pool, ConcentratedPool)]
    assert (len(book), len(concentrated)) == (19, 17)
    assert sum(len(pool.ticks) for pool in concentrated) == 4163
    for pool in concentrated:
        pool.check_ticks()


def test_prefix_tables_equal_the_steps_on_every_pool(book):
    chance = random.Random(19)
    for booked in book:
        if isinstance(booked.pool, ConcentratedPool):
            for _ in range(60):
                down, out, amount = chance.random() < 0.5, chance.random() < 0.5, int(10 ** chance.uniform(0, 24))
                if booked.pool.tick_spacing == 1:
                    amount = min(amount, booked.pool.liquidity // 1000)  # thousands of empty words take the step loop long
                assert booked.pool.quote(down, amount, exact_out=out) == booked.pool.quote_by_steps(down, amount, exact_out=out)


def test_the_best_path_is_the_best_of_all_paths(book):
    chance = random.Random(20)
    tokens = [token.address for token in book.tokens]
    joined = 0
    for _ in range(120):
        sell, buy = chance.sample(tokens, 2)
        decimals = book.token(sell).decimals
        amount = int(10 ** (decimals + chance.uniform(-3, 5)))
        tried = all_paths(book, sell, buy, amount)
        if tried:
            assert best_path(book, sell, buy, amount).amount_out == tried[0].amount_out
            joined += 1
    assert joined > 20


def test_a_stablecoin_reaches_a_memecoin_over_ether(files, capsys):
    pools, ticks = map(str, files)
    asked = ["--pools", pools, "--ticks", ticks, "--sell", "USDC", "--buy", "PEPE", "--amount", str(1000 * 10**6), "--no-split", "--json"]
    assert main(["route", *asked]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [leg["pool_id"] for leg in found["legs"]] == [3, 12]
    for leg, sell in zip(found["legs"], ("USDC", "WETH"), strict=True):
        one = ["--pools", pools, "--ticks", ticks, "--pool-id", str(leg["pool_id"]), "--sell", sell, "--amount", str(leg["amount_in"])]
        assert main(["quote", *one, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["amount_out"] == leg["amount_out"]


@pytest.mark.parametrize("gas_usd", [0, 6])
def test_a_split_replays_exactly_beats_one_path_and_is_certified(book, gas_usd):
    chance = random.Random(21)
    tokens = [book.token(symbol) for symbol in ("USDC", "WETH", "USDT", "WBTC", "LINK", "PEPE", "cbBTC")]
    dollars = book.token("USDC")

    def a_dollar_of(token):
        return 10**6 if token == dollars else best_path(book, dollars.address, token.address, 100 * 10**6).amount_out // 100

    gaps = {}
    for _ in range(30):
        sell, buy = chance.sample(tokens, 2)
        size = chance.choice((10**4, 10**5, 10**6, 10**7))
        amount, gas = a_dollar_of(sell) * size, gas_usd * a_dollar_of(buy)
        found = split_route(book, sell.address, buy.address, amount, gas_per_leg=gas, effort=30)
        held = {sell.address: amount}
        for leg in found.legs:
            assert leg.amount_in == held[leg.sell] * leg.share_x64 >> 64
            assert book.quote(leg.pool_id, leg.sell, leg.amount_in).amount_out == leg.amount_out
            held[leg.sell] -= leg.amount_in
            held[leg.buy] = held.get(leg.buy, 0) + leg.amount_out
        assert {token: left for token, left in held.items() if left} == {buy.address: found.amount_out}
        one = best_path(book, sell.address, buy.address, amount)
        assert found.upper_bound >= found.amount_out_after_gas >= one.amount_out - gas * len(one.legs)
        gaps.setdefault(size, []).append(found.certificate_bps)
    assert max(gaps[10**5]) <= 1 and max(gaps[10**4]) <= 2


def test_the_command_splits_a_large_order_and_refuses_more_than_there_is(files, capsys):
    pools, ticks = map(str, files)
    asked = ["route", "--pools", pools, "--ticks", ticks, "--sell", "USDC", "--buy", "WETH", "--json"]
    assert main([*asked, "--amount", str(10**12), "--gas-per-leg", str(2 * 10**15)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["legs"]) > 1 and found["certificate_bps"] < 1
    assert sum(leg["amount_in"] for leg in found["legs"] if leg["sell"] == found["legs"][0]["sell"]) == 10**12
    assert main([*asked, "--amount", str(10**70)]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "NoRoute"
