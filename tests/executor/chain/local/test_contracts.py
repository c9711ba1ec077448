"""Contracts are the ones they should be: ours match their sources, the venues' are those of production."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from domain.problems import BadInput, Broken, Unavailable
from executor.chain.local import contracts
from executor.chain.local.contracts import (
    OWN_ARTIFACTS,
    OWN_SOLC,
    PANCAKE_POOL_INIT_CODE_HASH,
    UNISWAP_POOL_INIT_CODE_HASH,
    check_production,
    compile_solidity,
    create2_address,
    own,
    packaged,
    source_sha256,
    sushi,
)


@pytest.mark.parametrize("name", sorted(json.loads(OWN_ARTIFACTS.read_text())))
def test_the_committed_artifacts_are_of_the_committed_sources(name):
    assert json.loads(OWN_ARTIFACTS.read_text())[name]["source_sha256"] == source_sha256(name)


def test_the_pools_in_the_packages_are_those_of_production(node_modules):
    check_production(packaged("UniswapV3Pool", node_modules), UNISWAP_POOL_INIT_CODE_HASH)
    check_production(packaged("PancakeV3Pool", node_modules), PANCAKE_POOL_INIT_CODE_HASH)


def test_a_pool_with_one_other_byte_is_not_production(node_modules):
    pool = packaged("UniswapV3Pool", node_modules)
    with pytest.raises(Broken, match="not the production bytecode"):
        check_production(replace(pool, creation_code=pool.creation_code + b"\0"), UNISWAP_POOL_INIT_CODE_HASH)


def test_sushiswap_is_compiled_once_and_then_read(node_modules, tmp_path, monkeypatch):
    first = sushi(node_modules, tmp_path)
    monkeypatch.setattr(contracts, "compile_solidity", lambda *_: pytest.fail("compiled a second time"))
    assert sushi(node_modules, tmp_path) == first
    assert [contract.name for contract in first] == ["UniswapV2Factory", "UniswapV2Pair"]


def test_missing_packages_say_how_to_get_them(tmp_path):
    with pytest.raises(Unavailable, match="npm ci"):
        packaged("UniswapV3Pool", tmp_path)
    with pytest.raises(Unavailable, match="npm ci"):
        sushi(tmp_path, tmp_path)


def test_a_contract_of_ours_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match=r"contracts\.build"):
        own("Nonsense")


def test_a_function_that_does_not_exist_is_refused():
    with pytest.raises(Broken, match="no function fly"):
        own("MintableERC20").call_data("fly")


def test_a_call_carries_the_selector_and_the_struct():
    leg = (True, "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "33" * 20, 500)
    data = own("AtomicRouter").call_data("swapToPrice", leg, 1, 2, 3, "0x" + "44" * 20, 4)
    assert len(data) == 4 + 32 * (5 + 5)


def test_solidity_that_does_not_compile_is_refused_with_the_compilers_words(node_modules):
    with pytest.raises(BadInput, match="ParserError"):
        compile_solidity(OWN_SOLC, {"Bad.sol": "contract {"}, node_modules)


def test_a_compiler_that_is_not_installed_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="needs node"):
        compile_solidity(OWN_SOLC, {}, tmp_path)


def test_a_missing_compiler_package_says_how_to_get_it(node_modules, tmp_path):
    with pytest.raises(Unavailable, match="npm ci"):
        compile_solidity(OWN_SOLC, {}, tmp_path)


def test_create2_puts_a_mainnet_pool_where_it_is():
    """The USDC/WETH 0.05 % pool of Ethereum, from its factory, tokens and fee."""
    from eth_abi import encode
    from eth_utils.crypto import keccak

    usdc, weth = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
    salt = keccak(encode(["address", "address", "uint24"], [usdc, weth, 500]))
    factory = "0x1f98431c8ad98523631ae4a59f267346ea31f984"
    assert create2_address(factory, salt, UNISWAP_POOL_INIT_CODE_HASH) == "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"


def test_compiling_our_sources_again_gives_the_committed_artifacts(node_modules, tmp_path, monkeypatch, capsys):
    from contracts import build

    again = build.build(node_modules)
    assert again == OWN_ARTIFACTS.read_text()
    monkeypatch.setattr(build, "build", lambda _: again)
    assert build.main(["--check"]) == 0
    monkeypatch.setattr(build, "OWN_ARTIFACTS", tmp_path / "artifacts.json")
    assert build.main([]) == 0
    assert (tmp_path / "artifacts.json").read_text() == again
    (tmp_path / "artifacts.json").write_text("{}")
    assert build.main(["--check"]) == 1
    assert "python -m contracts.build" in capsys.readouterr().err
