"""Contracts by name: ours from `contracts/artifacts.json`, the venues' production bytecode from their npm packages.

Nothing of the venues is part of the repository. Uniswap and PancakeSwap ship bytecode, whose init-code hash must be the one
production uses; SushiSwap ships sources only, which are compiled once into a cache folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from domain.problems import BadInput, Broken, Unavailable

ROOT = Path(__file__).resolve().parents[3]
OWN_SOURCES = ROOT / "contracts"
OWN_ARTIFACTS = OWN_SOURCES / "artifacts.json"
CACHE = ROOT / ".grekko" / "cache" / "contracts"

OWN_SOLC, SUSHI_SOLC = "solc-0.8.26", "solc-0.6.12"
# keccak-256 of the pools' creation code, as the production factories use it in CREATE2.
UNISWAP_POOL_INIT_CODE_HASH = "0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
PANCAKE_POOL_INIT_CODE_HASH = "0x6ce8eb472fa82df5469c6ab6d485f17c3ad13c8cd7af59b3d4a8026c5ce0f7e2"

PACKAGED: Mapping[str, str] = {
    "UniswapV3Factory": "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
    "UniswapV3Pool": "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json",
    "PancakeV3Factory": "@pancakeswap/v3-core/artifacts/contracts/PancakeV3Factory.sol/PancakeV3Factory.json",
    "PancakeV3Pool": "@pancakeswap/v3-core/artifacts/contracts/PancakeV3Pool.sol/PancakeV3Pool.json",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """A compiled contract: what can be called, and the bytes that create it."""

    name: str
    abi: tuple[Mapping[str, Any], ...]
    creation_code: bytes

    def call_data(self, function: str, *arguments: Any) -> bytes:
        """The bytes that call `function`; raises Broken when the contract has no such function."""
        from eth_abi.abi import encode

        selector, types = _signature(self, function)
        return selector + encode(types, arguments)

    def selector(self, function: str) -> bytes:
        """The four bytes that name `function` in a call."""
        return _signature(self, function)[0]

    def creation(self, *arguments: Any) -> bytes:
        """The bytes that create the contract with these constructor arguments."""
        from eth_abi.abi import encode

        constructor = next((item for item in self.abi if item["type"] == "constructor"), None)
        types = [_type(item) for item in constructor["inputs"]] if constructor else []
        return self.creation_code + encode(types, arguments)

    def decode(self, function: str, answer: bytes) -> tuple[Any, ...]:
        """What a call of `function` answered."""
        from eth_abi.abi import decode

        return decode([_type(item) for item in _function(self, function)["outputs"]], answer)


def own(name: str) -> Contract:
    """One of our contracts, from the committed artifacts."""
    artifacts = json.loads(OWN_ARTIFACTS.read_text())
    if name not in artifacts:
        raise BadInput(f"{name} is not in {OWN_ARTIFACTS.name}; run `python -m contracts.build`.", name=name)
    return Contract(name, tuple(artifacts[name]["abi"]), bytes.fromhex(artifacts[name]["bytecode"][2:]))


def packaged(name: str, node_modules: Path) -> Contract:
    """One of the venues' production contracts, from its npm package."""
    path = node_modules / PACKAGED[name]
    if not path.is_file():
        raise Unavailable(f"The npm package with {name} is not installed: run `npm ci`.", looked_at=str(path))
    artifact = json.loads(path.read_text())
    return Contract(name, tuple(artifact["abi"]), bytes.fromhex(artifact["bytecode"].removeprefix("0x")))


def sushi(node_modules: Path, cache_folder: Path = CACHE) -> tuple[Contract, Contract]:
    """SushiSwap's factory and pair, compiled from the sources in its npm package; the second call reads the cache."""
    root = node_modules / "@sushiswap" / "core"
    files = sorted((root / "contracts" / "uniswapv2").rglob("*.sol"))
    if not files:
        raise Unavailable("The npm package with SushiSwap's sources is not installed: run `npm ci`.", looked_at=str(root))
    sources = {str(file.relative_to(root)): file.read_text() for file in files}
    digest = hashlib.sha256(json.dumps([SUSHI_SOLC, sources], sort_keys=True).encode()).hexdigest()[:16]
    cached = cache_folder / f"sushiswap-{digest}.json"
    names = ("UniswapV2Factory", "UniswapV2Pair")
    if not cached.is_file():
        compiled = compile_solidity(SUSHI_SOLC, sources, node_modules)
        write_whole(cached, json.dumps({name: compiled[name] for name in names}))
    artifacts = json.loads(cached.read_text())
    factory, pair = (Contract(name, tuple(artifacts[name]["abi"]), bytes.fromhex(artifacts[name]["bytecode"][2:])) for name in names)
    return factory, pair


def compile_solidity(
    compiler: str, sources: Mapping[str, str], node_modules: Path, settings: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """ABI, creation code and runtime code of every contract in the sources, by name. Raises BadInput with the compiler's words."""
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {
            "optimizer": {"enabled": True, "runs": 200},
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
            **(settings or {}),
        },
    }
    command = ["node", str(OWN_SOURCES / "compile.js"), str(node_modules), compiler]
    try:
        done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    except FileNotFoundError as missing:
        raise Unavailable("Compiling Solidity needs node: install nodejs.") from missing
    except subprocess.CalledProcessError as failed:
        raise Unavailable(f"{compiler} did not run: run `npm ci`.", stderr=failed.stderr[-500:]) from failed
    answer = json.loads(done.stdout)
    errors = [problem["formattedMessage"] for problem in answer.get("errors", []) if problem["severity"] == "error"]
    if errors:
        raise BadInput(f"{compiler} refused the sources:\n" + "\n".join(errors)[:4000], compiler=compiler)
    return {
        name: {
            "abi": contract["abi"],
            "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
            "runtime": "0x" + contract["evm"]["deployedBytecode"]["object"],
        }
        for file in answer["contracts"].values()
        for name, contract in file.items()
        if contract["evm"]["bytecode"]["object"]
    }


def source_sha256(name: str) -> str:
    """The hash of the source of one of our contracts, as `artifacts.json` records it."""
    return hashlib.sha256((OWN_SOURCES / f"{name}.sol").read_bytes()).hexdigest()


def create2_address(deployer: str, salt: bytes, init_code_hash: str) -> str:
    """Where CREATE2 puts a contract."""
    from eth_utils.crypto import keccak

    digest = keccak(b"\xff" + bytes.fromhex(deployer[2:]) + salt + bytes.fromhex(init_code_hash[2:]))
    return "0x" + digest[12:].hex()


def check_production(contract: Contract, init_code_hash: str) -> None:
    """Raise Broken unless the pool's creation code is the one that production pools are made of."""
    from eth_utils.crypto import keccak

    found = "0x" + keccak(contract.creation_code).hex()
    if found != init_code_hash:
        raise Broken(f"{contract.name} is not the production bytecode.", expected=init_code_hash, found=found)


def _type(item: Mapping[str, Any]) -> str:
    """The canonical type of an ABI item; a struct is a tuple of its members."""
    if not item["type"].startswith("tuple"):
        return item["type"]
    return "(" + ",".join(_type(member) for member in item["components"]) + ")" + item["type"].removeprefix("tuple")


def _function(contract: Contract, function: str) -> Mapping[str, Any]:
    for item in contract.abi:
        if item["type"] == "function" and item["name"] == function:
            return item
    raise Broken(f"{contract.name} has no function {function}.", contract=contract.name, function=function)


@cache
def _selector(signature: str) -> bytes:
    from eth_utils.crypto import keccak

    return keccak(text=signature)[:4]


def _signature(contract: Contract, function: str) -> tuple[bytes, list[str]]:
    types = [_type(item) for item in _function(contract, function)["inputs"]]
    return _selector(f"{function}({','.join(types)})"), types


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
