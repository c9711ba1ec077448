"""The recorder on a real local chain with production pools."""

from __future__ import annotations

import polars as pl
import pytest

from domain.problems import BadInput
from executor.chain.recorder import record
from tests.executor.chain.conftest import ACCOUNT, ONE_TO_ONE, TOKEN0, TRADER, LocalChain


def test_a_local_chain_with_three_kinds_of_pools_is_recorded_with_its_reorg(chain: LocalChain, tmp_path):
    pool, pair = chain.concentrated_pool(500), chain.constant_product_pair()
    first = chain.rpc.head() + 1
    chain.swap(pool)
    chain.trade(pair, "swap(uint256,uint256,address,bytes)", 10**10, 0, TRADER, b"", gas=3_000_000)
    born_later = chain.concentrated_pool(3000)
    chain.swap(born_later)
    chain.mine(10)
    lost = chain.swap(pool, zero_for_one=False)
    middle = chain.rpc.head()
    pools, venues = [pool, pair, born_later], {pool: "uniswap_v3", pair: "sushiswap", born_later: "uniswap_v3"}
    assert record(chain.rpc, pools, first, middle, tmp_path / "r", venues=venues, finish=False, blocks_at_once=6) is None

    chain.rpc.call("anvil_reorg", 4, [])
    chain.mine(3)
    recording = record(chain.rpc, pools, first, chain.rpc.head(), tmp_path / "r", venues=venues, blocks_at_once=6)

    assert recording is not None
    assert [finding for finding in recording.verify().findings if finding.holds is not True] == []
    state = {row["pool"]: row for row in recording.pools().iter_rows(named=True)}
    assert (state[pool]["sqrt_price_x96"], state[pool]["liquidity"], state[pool]["tick"]) == (str(ONE_TO_ONE), str(10**20), 0)
    assert state[pair]["venue"] == "sushiswap" and int(state[pair]["reserve0"]) > 0
    assert not state[born_later]["has_state"] and state[born_later]["tick_spacing"] == 60
    assert recording.ticks().rows() == [(pool, -6000, str(10**20), str(10**20), False), (pool, 6000, str(10**20), str(-(10**20)), False)]
    assert recording.tokens().select("symbol", "decimals").unique().rows() == [("TOK", 18)]
    orphaned = recording.logs().join(recording.blocks().filter(~pl.col("is_canonical")), left_on="block_hash", right_on="hash", how="semi")
    assert orphaned["transaction_hash"].to_list() == [lost["transactionHash"]]
    assert recording.blocks().filter(~pl.col("is_canonical")).height == 4
    assert set(recording.transactions()["from_address"]) == {ACCOUNT}


def test_the_recorded_state_is_what_the_pool_answers(chain: LocalChain, tmp_path):
    pool = chain.concentrated_pool(3000)
    chain.swap(pool, 10**17)
    chain.trade(pool, "burn(int24,int24,uint128)", -6000, 6000, 10**19)
    first = chain.rpc.head() + 1
    chain.swap(pool, 10**17)
    recording = record(chain.rpc, [pool], first, first, tmp_path / "r", venues={pool: "uniswap_v3"})
    assert recording is not None
    row = recording.pools().row(0, named=True)
    assert row["liquidity"] == str(9 * 10**19)
    assert int(row["fee_growth_global0_x128"]) > 0 and row["fee_growth_global1_x128"] == "0"
    assert recording.logs().height == 1


def test_a_token_is_not_a_pool(chain: LocalChain, tmp_path):
    with pytest.raises(BadInput, match=r"--venue|not a pool"):
        record(chain.rpc, [TOKEN0], 1, 2, tmp_path / "r")
