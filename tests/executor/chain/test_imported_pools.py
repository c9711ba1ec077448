"""The pools, tokens and prices of imported logs: what key files and options give, what is refused."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from domain.problems import BadInput, UnknownToken
from executor.chain.imported_pools import parse_token
from executor.chain.importer import import_logs
from tests.executor.chain.log_files import (
    ERC20,
    MINT,
    NOON,
    PAIR,
    PANCAKE,
    PANCAKE_SWAP,
    POOL,
    SWAP,
    SYNC,
    TRANSFER,
    USDC,
    WETH,
    log,
    save,
    save_candles,
    save_key,
    save_ticks,
)


def test_the_venue_is_told_from_the_topics_and_tokens_are_no_pools(tmp_path):
    rows = [log(1, 0), log(1, 1, PAIR, SYNC), log(1, 2, PANCAKE, PANCAKE_SWAP), log(1, 3, PANCAKE, MINT), log(1, 4, ERC20, TRANSFER)]
    recording = import_logs([save(tmp_path, "logs", rows)], tmp_path / "r")
    assert recording.manifest["pools"] == [POOL, PAIR, PANCAKE]
    assert recording.manifest["pools_without_snapshot"] == [POOL, PANCAKE]
    assert recording.pools().select("pool", "venue", "fee_pips", "token0", "has_state", "log_index").rows() == [
        (PAIR, "uniswap_v2", 3000, None, False, -1)
    ]


def test_a_venue_can_be_named_where_the_topics_fit_several(tmp_path):
    logs = save(tmp_path, "logs", [log(1, 1, PAIR, SYNC)])
    recording = import_logs([logs], tmp_path / "r", venues={PAIR: "sushiswap"})
    assert recording.pools()["venue"].to_list() == ["sushiswap"]
    with pytest.raises(BadInput, match="no venue 'moonswap'"):
        import_logs([logs], tmp_path / "s", venues={PAIR: "moonswap"})


def test_a_pool_that_speaks_like_no_venue_is_left_to_the_tables(tmp_path):
    rows = [log(1, 0), log(1, 1, PANCAKE, SWAP), log(1, 2, PANCAKE, PANCAKE_SWAP)]
    assert import_logs([save(tmp_path, "logs", rows)], tmp_path / "r").manifest["pools"] == [POOL]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pool": "0x12"}, "pool is '0x12'"),
        ({"pool": None}, "lacks pool"),
        ({"fee_pips": "many"}, "fee_pips is 'many'; it must be a whole number"),
        ({"tick_spacing": True}, "tick_spacing is True"),
        ({"start_state": None}, "lacks start_state.block"),
        ({"start_state__log_index": 9}, "the logs do not hold that log"),
        ({"pool": PAIR, "start_state__log_index": 2}, "not those of a concentrated pool"),
    ],
)
def test_a_key_file_with_a_wrong_field_is_refused_by_its_name(tmp_path, change, complaint):
    logs = save(tmp_path, "logs", [log(1, 1), log(1, 2, PAIR, SYNC)])
    with pytest.raises(BadInput, match=complaint):
        import_logs([logs], tmp_path / "r", keys=[(save_key(tmp_path, **change), save_ticks(tmp_path))])


def test_a_key_file_that_is_no_json_and_a_second_key_for_a_pool_are_refused(tmp_path):
    logs = save(tmp_path, "logs", [log(1, 1)])
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(BadInput, match="cannot be read as JSON"):
        import_logs([logs], tmp_path / "r", keys=[(tmp_path / "bad.json", save_ticks(tmp_path))])
    pair = (save_key(tmp_path), save_ticks(tmp_path))
    with pytest.raises(BadInput, match="a second state"):
        import_logs([logs], tmp_path / "r", keys=[pair, pair])


def test_ticks_without_whole_liquidity_are_refused(tmp_path):
    ticks = save(tmp_path, "bad", [{"tick": 10, "liquidity_net": "7.5"}])
    with pytest.raises(BadInput, match="1 ticks have no whole number as liquidity_net"):
        import_logs([save(tmp_path, "logs", [log(1, 1)])], tmp_path / "r", keys=[(save_key(tmp_path), ticks)])


def test_a_token_nobody_knows_has_to_be_named(tmp_path):
    logs, key, ticks = save(tmp_path, "logs", [log(1, 1)]), save_key(tmp_path, token0="PEPE 18dp"), save_ticks(tmp_path)
    with pytest.raises(UnknownToken, match="--token ADDRESS=PEPE:DECIMALS"):
        import_logs([logs], tmp_path / "r", keys=[(key, ticks)])
    recording = import_logs([logs], tmp_path / "r", keys=[(key, ticks)], tokens=[parse_token(f"{ERC20}=PEPE:18")])
    assert recording.pools()["token0"].to_list() == [ERC20]
    with pytest.raises(UnknownToken, match="several tokens are called PEPE"):
        import_logs([logs], tmp_path / "s", keys=[(key, ticks)], tokens=[parse_token(f"{ERC20}=PEPE:18"), parse_token(f"{PAIR}=PEPE:18")])


@pytest.mark.parametrize("text", ["PEPE:18", "0x12=PEPE:18", f"{ERC20}=PEPE", f"{ERC20}=PEPE:300", f"{ERC20}=:18"])
def test_a_token_option_of_another_shape_shows_the_right_one(text):
    with pytest.raises(BadInput, match="ADDRESS=SYMBOL:DECIMALS"):
        parse_token(text)


def test_a_candles_close_is_known_when_the_candle_ends_and_a_stablecoin_is_assumed(tmp_path):
    recording = import_logs(
        [save(tmp_path, "logs", [log(1, 1)])],
        tmp_path / "r",
        keys=[(save_key(tmp_path), save_ticks(tmp_path))],
        prices={"WETH": save_candles(tmp_path)},
    )
    prices = recording.prices()
    assert prices.filter(pl.col("token") == WETH).select("timestamp", "price_usd", "source").row(0) == (
        NOON + timedelta(minutes=5),
        2000.0,
        "eth_5m",
    )
    assert prices.filter(pl.col("token") == USDC).select("price_usd", "source").unique().rows() == [(1.0, "assumed")]
    assert prices.height == 8
    assert recording.manifest["assumptions"] == ["1 USDC is taken as 1 USD"]


def test_a_priced_token_without_a_pool_is_still_a_token_of_the_recording(tmp_path):
    recording = import_logs([save(tmp_path, "logs", [log(1, 1)])], tmp_path / "r", prices={WETH: save_candles(tmp_path)})
    assert recording.tokens()["symbol"].to_list() == ["WETH"]
    assert recording.manifest["assumptions"] == []
