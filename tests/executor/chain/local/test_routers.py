"""The venues' routers stand beside their factories; what the npm packages lack is compiled once."""

from __future__ import annotations

import shutil

import pytest

from domain.problems import BadInput, Broken, Unavailable
from executor.chain.local import routers
from executor.chain.local.routers import pair_family, pancake_router, periphery


def test_they_are_deployed_once_and_after_everything_else(world):
    before = dict(world.addresses)
    first = world.deploy_venue_routers()
    assert world.deploy_venue_routers() is first
    assert {name: world.addresses[name] for name in before} == before
    assert set(first) == {"uniswap_v3", "sushiswap", "pancakeswap_v3", "uniswap_v2"}
    for deployment in first.values():
        assert len(world.node.rpc("eth_getCode", deployment.router, "latest")) > 2
    assert world.read("SwapRouter", "factory") == world.addresses["UniswapV3Factory"]
    assert world.read("SushiRouter", "factory") == world.addresses["SushiFactory"]


def test_compiled_routers_are_read_from_the_cache(node_modules, tmp_path, monkeypatch):
    first = pair_family(node_modules, 2500, tmp_path), pancake_router(node_modules, cache_folder=tmp_path)
    monkeypatch.setattr(routers, "compile_solidity", lambda *_: pytest.fail("compiled a second time"))
    assert (pair_family(node_modules, 2500, tmp_path), pancake_router(node_modules, cache_folder=tmp_path)) == first


def test_a_fork_with_another_fee_is_another_pair(node_modules):
    assert pair_family(node_modules, 2500)["UniswapV2Pair"] != pair_family(node_modules)["UniswapV2Pair"]


def test_missing_packages_say_how_to_get_them(tmp_path):
    for missing in (lambda: periphery("WETH9", tmp_path), lambda: pair_family(tmp_path), lambda: pancake_router(tmp_path)):
        with pytest.raises(Unavailable, match="npm ci"):
            missing()
    with pytest.raises(Unavailable, match="checkout"):
        pancake_router(tmp_path, tmp_path / "nothing.sol")


@pytest.mark.parametrize(
    ("file", "old"), [("UniswapV2Pair.sol", "1000**2"), ("libraries/UniswapV2Library.sol", "997")], ids=["pair", "library"]
)
def test_sources_that_are_not_those_we_know_are_refused(node_modules, tmp_path, file, old):
    kept = tmp_path / "@sushiswap" / "core" / "contracts" / "uniswapv2"
    shutil.copytree(node_modules / "@sushiswap" / "core" / "contracts" / "uniswapv2", kept)
    changed = kept / file
    changed.write_text(changed.read_text().replace(old, "998"))
    with pytest.raises(BadInput, match="locked npm packages"):
        pair_family(tmp_path, 2500, tmp_path / "cache")


def test_a_pair_that_changes_with_the_library_is_not_passed_over(node_modules, tmp_path, monkeypatch):
    answers = iter(({"UniswapV2Pair": {"bytecode": "0x01"}}, {"UniswapV2Pair": {"bytecode": "0x02"}}))
    monkeypatch.setattr(routers, "compile_solidity", lambda *_: next(answers))
    with pytest.raises(Broken, match="wrong place"):
        pair_family(node_modules, cache_folder=tmp_path)
