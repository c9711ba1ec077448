"""The venues' own routers on the local chain: Uniswap's from its npm packages, SushiSwap's compiled from its sources.

PancakeSwap's npm package has neither bytecode nor source of its router. A small one with the same ABI stands in for it, written on
the package's own libraries and compiled into the cache when it is first wanted.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.problems import BadInput, Broken, Unavailable
from executor.chain.local.contracts import (
    CACHE,
    PANCAKE_POOL_INIT_CODE_HASH,
    ROOT,
    SUSHI_SOLC,
    UNISWAP_POOL_INIT_CODE_HASH,
    Contract,
    compile_solidity,
    own,
    write_whole,
)
from executor.venue import Deployment

if TYPE_CHECKING:
    from executor.chain.local.world import World

PANCAKE_SOLC = "solc-0.7.6"
PANCAKE_ROUTER = ROOT / "tests" / "contracts" / "PancakeRouterLite.sol"
PERIPHERY: Mapping[str, str] = {
    "WETH9": "@uniswap/v2-periphery/build/WETH9.json",
    "UniswapV2Factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "UniswapV2Pair": "@uniswap/v2-core/build/UniswapV2Pair.json",
    "UniswapV2Router": "@uniswap/v2-periphery/build/UniswapV2Router02.json",
    "SwapRouter": "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json",
}
SUSHI_LIBRARY, SUSHI_PAIR = "contracts/uniswapv2/libraries/UniswapV2Library.sol", "contracts/uniswapv2/UniswapV2Pair.sol"
SUSHI_PRODUCTION_HASH = "e18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303"
THIRTY_BPS = 3000


def periphery(name: str, node_modules: Path) -> Contract:
    """One of the contracts that the venues ship as bytecode beside their pools."""
    path = node_modules / PERIPHERY[name]
    if not path.is_file():
        raise Unavailable(f"The npm package with {name} is not installed: run `npm ci`.", looked_at=str(path))
    artifact = json.loads(path.read_text())
    code = artifact.get("bytecode") or artifact["evm"]["bytecode"]["object"]
    return Contract(name, tuple(artifact["abi"]), bytes.fromhex(code.removeprefix("0x")))


def pair_family(node_modules: Path, fee_pips: int = THIRTY_BPS, cache_folder: Path = CACHE) -> dict[str, Contract]:
    """Factory, pair and router of SushiSwap, or of a fork of it with another fee: `UniswapV2Factory`, `UniswapV2Pair`, `UniswapV2Router02`.

    The router's library holds the hash of the production pair's creation code; compiled here the pair has another, so that goes in.
    """
    from eth_utils.crypto import keccak

    root = node_modules / "@sushiswap" / "core"
    sources = {str(file.relative_to(root)): file.read_text() for file in sorted((root / "contracts" / "uniswapv2").rglob("*.sol"))}
    if not sources:
        raise Unavailable("The npm package with SushiSwap's sources is not installed: run `npm ci`.", looked_at=str(root))
    if fee_pips != THIRTY_BPS:
        sources = _with_fee(sources, fee_pips)

    def compiled() -> dict[str, Any]:
        pair = compile_solidity(SUSHI_SOLC, sources, node_modules)["UniswapV2Pair"]["bytecode"]
        library = _replaced(sources[SUSHI_LIBRARY], SUSHI_PRODUCTION_HASH, keccak(hexstr=pair).hex())
        built = compile_solidity(SUSHI_SOLC, {**sources, SUSHI_LIBRARY: library}, node_modules)
        if built["UniswapV2Pair"]["bytecode"] != pair:
            raise Broken("SushiSwap's pair changed with its router's library; the router would look for pairs in the wrong place.")
        return built

    return _cached("pairs", [SUSHI_SOLC, sources], compiled, ("UniswapV2Factory", "UniswapV2Pair", "UniswapV2Router02"), cache_folder)


def pancake_router(node_modules: Path, source: Path = PANCAKE_ROUTER, cache_folder: Path = CACHE) -> Contract:
    """The stand-in for PancakeSwap's router, compiled with the package's own libraries."""
    if not source.is_file():
        raise Unavailable("The stand-in for PancakeSwap's router is only in the source tree: use a checkout.", looked_at=str(source))
    sources = {source.name: source.read_text()}
    waiting = [source.name]
    while waiting:
        file = waiting.pop()
        for told in re.findall(r"import\s+(?:\{[^}]*\}\s+from\s+)?['\"]([^'\"]+)['\"]", sources[file]):
            wanted = posixpath.normpath(posixpath.join(posixpath.dirname(file), told)) if told.startswith(".") else told
            if wanted in sources:
                continue
            if not (node_modules / wanted).is_file():
                raise Unavailable(f"{wanted} is not installed: run `npm ci`.", looked_at=str(node_modules / wanted))
            sources[wanted] = (node_modules / wanted).read_text()
            waiting.append(wanted)

    def compiled() -> dict[str, Any]:
        return compile_solidity(PANCAKE_SOLC, sources, node_modules)

    return _cached("pancake", [PANCAKE_SOLC, sources], compiled, ("PancakeRouterLite",), cache_folder)["PancakeRouterLite"]


def deploy_routers(world: World) -> dict[str, Deployment]:
    """Puts the routers, Uniswap V2 and our SplitRouter on the world's chain; where each venue then stands, by name."""
    from eth_utils.crypto import keccak

    modules, at = world.node_modules, world.addresses
    world.contracts |= {name: periphery(name, modules) for name in PERIPHERY}
    world.contracts["SushiRouter"] = pair_family(modules)["UniswapV2Router02"]
    world.contracts["PancakeRouter"] = pancake_router(modules)
    world.contracts |= {name: own(name) for name in ("SplitRouter", "StageHand")}
    weth = world.create("WETH9")
    world.create("SwapRouter", at["UniswapV3Factory"], weth)
    world.create("SushiRouter", at["SushiFactory"], weth)
    world.create("UniswapV2Factory", world.deployer)
    world.create("UniswapV2Router", at["UniswapV2Factory"], weth)
    world.create("PancakeRouter", at["MiniPancakePoolDeployer"], at["PancakeV3Factory"], weth)
    world.create("SplitRouter")
    world.create("StageHand")

    def hash_of(pair: str) -> str:
        return "0x" + keccak(world.contracts[pair].creation_code).hex()

    return {
        "uniswap_v3": Deployment(at["UniswapV3Factory"], at["SwapRouter"], UNISWAP_POOL_INIT_CODE_HASH),
        "sushiswap": Deployment(at["SushiFactory"], at["SushiRouter"], hash_of("SushiPair")),
        "pancakeswap_v3": Deployment(
            at["PancakeV3Factory"], at["PancakeRouter"], PANCAKE_POOL_INIT_CODE_HASH, at["MiniPancakePoolDeployer"]
        ),
        "uniswap_v2": Deployment(at["UniswapV2Factory"], at["UniswapV2Router"], hash_of("UniswapV2Pair")),
    }


def _with_fee(sources: Mapping[str, str], fee_pips: int) -> dict[str, str]:
    """The sources of a fork whose pairs take another fee, in hundredths of a basis point."""
    pair = _replaced(sources[SUSHI_PAIR], "amount0In.mul(3)", f"amount0In.mul({fee_pips})")
    pair = _replaced(pair, "amount1In.mul(3)", f"amount1In.mul({fee_pips})")
    pair = _replaced(pair, "balance0.mul(1000)", "balance0.mul(1000000)")
    pair = _replaced(_replaced(pair, "balance1.mul(1000)", "balance1.mul(1000000)"), "1000**2", "1000000**2")
    library = sources[SUSHI_LIBRARY]
    if library.count("mul(997)") != 2 or library.count("mul(1000)") != 2:
        raise BadInput("SushiSwap's router library is not the one we know; install the locked npm packages.", field="node_modules")
    library = library.replace("mul(997)", f"mul({1_000_000 - fee_pips})").replace("mul(1000)", "mul(1000000)")
    return {**sources, SUSHI_PAIR: pair, SUSHI_LIBRARY: library}


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise BadInput(f"SushiSwap's sources do not hold {old!r} once; install the locked npm packages.", field="node_modules")
    return text.replace(old, new)


def _cached(what: str, key: Any, build: Any, names: tuple[str, ...], folder: Path) -> dict[str, Contract]:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    file = folder / f"{what}-{digest}.json"
    if not file.is_file():
        built = build()
        write_whole(file, json.dumps({name: {part: built[name][part] for part in ("abi", "bytecode")} for name in names}))
    told = json.loads(file.read_text())
    return {name: Contract(name, tuple(told[name]["abi"]), bytes.fromhex(told[name]["bytecode"][2:])) for name in names}
