"""A real local chain for the recorder: anvil on the loopback, with production pools deployed from the npm packages.

The tokens and the trader are a few bytes of hand-written code, so nothing has to be compiled here. A token's balance grows with
the gas that a transaction has used, which satisfies every pool that it was paid.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from domain.problems import Unavailable
from executor.chain.rpc import Rpc

ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
TRADER = "0x00000000000000000000000000000000000000f1"
TOKEN0 = "0x00000000000000000000000000000000000000a0"
TOKEN1 = "0x00000000000000000000000000000000000000a1"
ONE_TO_ONE = 2**96

# decimals() answers 18, symbol() the bytes32 "TOK", anything else (2**26 - gas left) << 60.
TOKEN_CODE = "0x" + (
    "5f3560e01c"  # the selector
    "8063313ce5671461002b57"
    "806395d89b411461003457"
    "5a630400000003603c1b5f5260205ff3"  # gas, subtracted, shifted, returned
    "5b60125f5260205ff3"
    "5b62544f4b60e81b5f5260205ff3"
)
# Called by the account: hands the rest of the call data to the address in its first word. Called by a pool: says nothing.
TRADER_CODE = f"0x3373{ACCOUNT[2:]}14601b57005b6020360360205f375f5f602036035f5f5f355af1603657" + "5f5ffd5b00"


@dataclass
class LocalChain:
    """An anvil of our own and the pools on it."""

    url: str
    rpc: Rpc
    node_modules: Path
    v3_factory: str = ""
    v2_factory: str = ""

    def send(self, to: str | None, data: str, gas: int = 20_000_000) -> dict[str, Any]:
        """Mine one transaction of the account; the receipt says whether it worked."""
        transaction = {"from": ACCOUNT, "data": data, "gas": hex(gas)} | ({"to": to} if to else {})
        hash = self.rpc.call("eth_sendTransaction", transaction)
        for _ in range(200):
            if receipt := self.rpc.call("eth_getTransactionReceipt", hash):
                assert receipt["status"] == "0x1", receipt
                return receipt
            time.sleep(0.02)
        raise AssertionError(f"{hash} was not mined")

    def call(self, to: str, signature: str, *arguments: Any, gas: int = 20_000_000) -> dict[str, Any]:
        """A transaction straight to a contract."""
        return self.send(to, call_data(signature, *arguments), gas)

    def trade(self, pool: str, signature: str, *arguments: Any, gas: int = 20_000_000) -> dict[str, Any]:
        """A transaction through the trader, who answers the pool's callback."""
        return self.send(TRADER, "0x" + pool[2:].rjust(64, "0") + call_data(signature, *arguments)[2:], gas)

    def mine(self, blocks: int) -> None:
        """Empty blocks."""
        self.rpc.call("anvil_mine", hex(blocks), "0x1")

    def swap(self, pool: str, amount: int = 10**15, zero_for_one: bool = True) -> dict[str, Any]:
        """A swap on a concentrated pool."""
        limit = 4295128740 if zero_for_one else 1461446703485210103287273052203988822378723970341
        return self.trade(pool, "swap(address,bool,int256,uint160,bytes)", TRADER, zero_for_one, amount, limit, b"")

    def concentrated_pool(self, fee_pips: int, initialised: bool = True) -> str:
        """A new Uniswap V3 pool with one wide position."""
        created = self.call(self.v3_factory, "createPool(address,address,uint24)", TOKEN0, TOKEN1, fee_pips)
        pool = "0x" + created["logs"][0]["data"][-40:]
        if initialised:
            self.call(pool, "initialize(uint160)", ONE_TO_ONE)
            self.trade(pool, "mint(address,int24,int24,uint128,bytes)", TRADER, -6000, 6000, 10**20, b"")
        return pool

    def constant_product_pair(self) -> str:
        """A new Uniswap V2 pair with reserves."""
        created = self.call(self.v2_factory, "createPair(address,address)", TOKEN0, TOKEN1)
        pair = "0x" + created["logs"][0]["data"][26:66]
        self.call(pair, "mint(address)", TRADER)
        return pair


def call_data(signature: str, *arguments: Any) -> str:
    """A call as the contracts read it."""
    types = signature[signature.index("(") + 1 : -1].split(",")
    return "0x" + keccak(text=signature)[:4].hex() + encode([one for one in types if one], arguments).hex()


@pytest.fixture(scope="session")
def anvil(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalChain]:
    """One local chain for all tests; take `chain` instead to have it as it was before your test."""
    binary = next(node_modules.glob("@foundry-rs/anvil-*/bin/anvil"), None)
    if binary is None:
        pytest.skip("no anvil for this machine: run `make node`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("anvil") / "log").open("w")
    options = ["--host", "127.0.0.1", "--port", str(port), "--timestamp", "1767571200", "--gas-limit", "30000000"]
    process = subprocess.Popen([binary, *options], stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        waiting = Rpc(url, attempts=1)
        for _ in range(200):
            try:
                waiting.chain_id()
                break
            except Unavailable:
                time.sleep(0.05)
        chain = LocalChain(url, Rpc(url), node_modules)
        for address, code in ((TOKEN0, TOKEN_CODE), (TOKEN1, TOKEN_CODE), (TRADER, TRADER_CODE)):
            chain.rpc.call("anvil_setCode", address, code)
        v3 = json.loads((node_modules / "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json").read_text())
        v2 = json.loads((node_modules / "@uniswap/v2-core/build/UniswapV2Factory.json").read_text())
        chain.v3_factory = chain.send(None, v3["bytecode"])["contractAddress"]
        chain.v2_factory = chain.send(None, "0x" + v2["bytecode"].removeprefix("0x") + ACCOUNT[2:].rjust(64, "0"))["contractAddress"]
        yield chain
        chain.rpc.close()
        waiting.close()
    finally:
        process.terminate()
        process.wait(10)
        log.close()


@pytest.fixture
def chain(anvil: LocalChain) -> Iterator[LocalChain]:
    """The local chain, put back afterwards as it was."""
    snapshot = anvil.rpc.call("evm_snapshot")
    yield anvil
    anvil.rpc.call("evm_revert", snapshot)
