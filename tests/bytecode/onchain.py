"""Pools that are the production bytecode itself, running in this process, with a state that can be read and compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrevm

from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.protocol_fee import PANCAKESWAP_DENOMINATOR, unpack_pancakeswap, unpack_uniswap
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96, tick_at_sqrt_price
from executor.chain.local.contracts import OWN_SOLC, Contract, compile_solidity, own, packaged

OWNER = "0x" + "a1" * 20
PLENTY = 1 << 250
WIDEST_FEE, WIDEST_SPACING = 1234, 16383  # a tier of our own, with the widest spacing that Uniswap's factory allows


class Reverted(Exception):
    """The contract refused."""


def word(value: int) -> bytes:
    return (value % (1 << 256)).to_bytes(32, "big")


def address_word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


class Chain:
    """An EVM in this process."""

    def __init__(self, node_modules: Path) -> None:
        self.node_modules = node_modules
        self.evm = pyrevm.EVM(spec_id="CANCUN")
        self.evm.set_balance(OWNER, 10**30)
        self.evm.set_block_env(pyrevm.BlockEnv(number=1, timestamp=1_767_600_000, gas_limit=1 << 60))

    def deploy(self, contract: Contract, *arguments: Any) -> str:
        return str(self.evm.deploy(OWNER, contract.creation(*arguments)))

    def send(self, to: str, data: bytes) -> bytes:
        """Calls and keeps what changed. Raises Reverted when the contract refuses; then nothing changed."""
        try:
            return bytes(self.evm.message_call(OWNER, to, calldata=data))
        except RuntimeError as revert:
            raise Reverted(str(revert)[:300]) from revert

    def call(self, contract: Contract, to: str, function: str, *arguments: Any) -> tuple[Any, ...]:
        return contract.decode(function, self.send(to, contract.call_data(function, *arguments)))


def json_contract(path: Path) -> Contract:
    artifact = json.loads(path.read_text())
    code = artifact.get("bytecode") or artifact["evm"]["bytecode"]["object"]
    code = code if isinstance(code, str) else code["object"]
    return Contract(path.stem, tuple(artifact["abi"]), bytes.fromhex(code.removeprefix("0x")))


@dataclass(slots=True)
class OnChainPool:
    """One deployed pool and the value that should equal it."""

    world: ConcentratedWorld
    venue: str
    address: str
    fee_pips: int
    tick_spacing: int
    value: ConcentratedPool

    @property
    def contract(self) -> Contract:
        return self.world.pool_contracts[self.venue]

    def read(self, function: str, *arguments: Any) -> tuple[Any, ...]:
        return self.world.chain.call(self.contract, self.address, function, *arguments)

    def quote(self, zero_for_one: bool, amount: int, exact_out: bool, limit: int) -> tuple[int, int, int, int]:
        """Amount in, amount out, price and tick after, as the pool itself computes them; nothing changes. 0 is no limit."""
        signed = -amount if exact_out else amount
        data = self.world.quote_selector + address_word(self.address) + word(zero_for_one) + word(signed) + word(limit)
        answer = self.world.chain.send(self.world.probe, data)
        amount0, amount1 = (int.from_bytes(answer[at : at + 32], "big", signed=True) for at in (0, 32))
        price, tick = int.from_bytes(answer[64:96], "big"), int.from_bytes(answer[96:128], "big", signed=True)
        return (amount0, -amount1, price, tick) if zero_for_one else (amount1, -amount0, price, tick)

    def swap(self, zero_for_one: bool, amount: int, exact_out: bool, limit: int) -> tuple[int, int]:
        limit = limit or (MIN_SQRT_PRICE_X96 + 1 if zero_for_one else MAX_SQRT_PRICE_X96 - 1)
        amount0, amount1 = self._trade("swap", zero_for_one, -amount if exact_out else amount, limit)
        return (amount0, -amount1) if zero_for_one else (amount1, -amount0)

    def mint(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        return self._trade("mint", lower, upper, liquidity)

    def burn(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        return self._trade("burn", lower, upper, liquidity)

    def flash(self, amount0: int, amount1: int, paid0: int, paid1: int) -> None:
        self._trade("flash", amount0, amount1, paid0, paid1)

    def set_fee_protocol(self, setting0: int, setting1: int) -> None:
        if self.venue == "uniswap_v3":
            self.read("setFeeProtocol", setting0, setting1)
        else:  # only its factory may
            factory = self.world.factory_contracts[self.venue]
            self.world.chain.call(factory, self.world.factories[self.venue], "setFeeProtocol", self.address, setting0, setting1)

    def collect_protocol(self) -> tuple[int, int]:
        most = (1 << 128) - 1
        if self.venue == "uniswap_v3":
            return self.read("collectProtocol", OWNER, most, most)  # type: ignore[return-value]
        factory = self.world.factory_contracts[self.venue]
        found = self.world.chain.call(factory, self.world.factories[self.venue], "collectProtocol", self.address, OWNER, most, most)
        return found[0], found[1]

    def _trade(self, function: str, *arguments: Any) -> Any:
        return self.world.chain.call(self.world.trader_contract, self.world.trader, function, self.address, *arguments)

    def state(self, ticks: list[int]) -> ConcentratedPool:
        """The pool as its storage tells it, as a value; `ticks` are those to read."""
        slot0 = self.read("slot0")
        pancake = self.venue == "pancakeswap_v3"
        settings = (unpack_pancakeswap if pancake else unpack_uniswap)(slot0[5])
        found = {}
        for tick in ticks:
            gross, net, outside0, outside1, *_, initialised = self.read("ticks", tick)
            if initialised:
                found[tick] = Tick(gross, net, outside0, outside1)
        return ConcentratedPool(
            self.fee_pips,
            self.tick_spacing,
            slot0[0],
            slot0[1],
            self.read("liquidity")[0],
            found,
            self.read("feeGrowthGlobal0X128")[0],
            self.read("feeGrowthGlobal1X128")[0],
            *settings,
            *self.read("protocolFees"),
            PANCAKESWAP_DENOMINATOR if pancake else None,
        )


def two_tokens(chain: Chain, holder: str) -> list[str]:
    """Two new tokens in the order a pool keeps them, with plenty of both for the holder."""
    contract = own("MintableERC20")
    tokens = sorted((chain.deploy(contract, name, name, 18) for name in ("ONE", "TWO")), key=lambda one: int(one, 16))
    for token in tokens:
        chain.call(contract, token, "mint", holder, PLENTY)
    return tokens


class ConcentratedWorld:
    """Uniswap's and PancakeSwap's factories; each pool gets two tokens of its own, of which the trader has plenty."""

    def __init__(self, node_modules: Path) -> None:
        self.chain = chain = Chain(node_modules)
        probe = own("PoolProbe")
        self.probe = chain.deploy(probe)
        self.quote_selector = probe.call_data("quote", OWNER, True, 1, 0)[:4]
        source = (Path(__file__).parent / "Trader.sol").read_text()
        compiled = compile_solidity(OWN_SOLC, {"Trader.sol": source}, node_modules, {"evmVersion": "paris"})["Trader"]
        self.trader_contract = Contract("Trader", tuple(compiled["abi"]), bytes.fromhex(compiled["bytecode"][2:]))
        self.trader = chain.deploy(self.trader_contract)
        names = {"uniswap_v3": ("UniswapV3Pool", "UniswapV3Factory"), "pancakeswap_v3": ("PancakeV3Pool", "PancakeV3Factory")}
        self.pool_contracts = {venue: packaged(pair[0], node_modules) for venue, pair in names.items()}
        self.factory_contracts = {venue: packaged(pair[1], node_modules) for venue, pair in names.items()}
        self.factories = {"uniswap_v3": chain.deploy(self.factory_contracts["uniswap_v3"])}
        chain.call(self.factory_contracts["uniswap_v3"], self.factories["uniswap_v3"], "enableFeeAmount", 100, 1)
        chain.call(self.factory_contracts["uniswap_v3"], self.factories["uniswap_v3"], "enableFeeAmount", WIDEST_FEE, WIDEST_SPACING)
        self._deploy_pancake()

    def _deploy_pancake(self) -> None:
        code = b"\0" + self.pool_contracts["pancakeswap_v3"].creation_code
        loader = bytes.fromhex("62") + len(code).to_bytes(3, "big") + bytes.fromhex("80600d6000396000f3")
        holder = self.chain.deploy(Contract("PoolCode", (), loader + code))
        deployer_contract = own("MiniPancakePoolDeployer")
        deployer = self.chain.deploy(deployer_contract, holder)
        factory = self.chain.deploy(self.factory_contracts["pancakeswap_v3"], deployer)
        self.chain.call(deployer_contract, deployer, "setFactoryAddress", factory)
        self.factories["pancakeswap_v3"] = factory

    def create_pool(self, venue: str, fee_pips: int, sqrt_price_x96: int) -> OnChainPool:
        """A new pool at a price; its value is read from what the contract then holds."""
        factory, contract = self.factory_contracts[venue], self.pool_contracts[venue]
        tokens = two_tokens(self.chain, self.trader)
        address = self.chain.call(factory, self.factories[venue], "createPool", *tokens, fee_pips)[0]
        self.chain.call(contract, address, "initialize", sqrt_price_x96)
        spacing = self.chain.call(contract, address, "tickSpacing")[0]
        placeholder = ConcentratedPool(fee_pips, spacing, sqrt_price_x96, tick_at_sqrt_price(sqrt_price_x96), 0)
        pool = OnChainPool(self, venue, address, fee_pips, spacing, placeholder)
        pool.value = pool.state([])
        return pool
