"""Compile our Solidity into `artifacts.json`: what the demo and the tests deploy, so that they need no compiler.

python -m contracts.build            write contracts/artifacts.json
python -m contracts.build --check    fail when it does not match the sources
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from executor.chain.local.contracts import OWN_ARTIFACTS, OWN_SOLC, OWN_SOURCES, ROOT, compile_solidity, source_sha256

NAMES = (
    "AtomicRouter",
    "LiquidityVault",
    "MiniPancakePoolDeployer",
    "MintableERC20",
    "PoolProbe",
    "PoolReader",
    "SplitRouter",
    "StageHand",
)
INJECTED = ("PoolReader",)  # never deployed: their runtime code is put into an eth_call, so the artifacts keep that too
# Paris: the bytecode runs on every chain that has had the merge, whether or not it knows later instructions.
SETTINGS = {"evmVersion": "paris", "metadata": {"bytecodeHash": "none", "appendCBOR": False}}


def build(node_modules: Path) -> str:
    """The artifacts as the text of the JSON file: the same sources always give the same bytes."""
    sources = {f"{name}.sol": (OWN_SOURCES / f"{name}.sol").read_text() for name in NAMES}
    compiled = compile_solidity(OWN_SOLC, sources, node_modules, SETTINGS)
    artifacts = {name: {**_kept(name, compiled[name]), "compiler": OWN_SOLC, "source_sha256": source_sha256(name)} for name in NAMES}
    return json.dumps(artifacts, indent=1, sort_keys=True) + "\n"


def _kept(name: str, compiled: dict[str, Any]) -> dict[str, Any]:
    return {part: value for part, value in compiled.items() if part != "runtime" or name in INJECTED}


def main(arguments: list[str] | None = None) -> int:
    """Write the artifacts, or with --check compare them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build", description="Compile our Solidity into artifacts.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the artifacts do not match the sources")
    parser.add_argument("--node-modules", type=Path, default=ROOT / "node_modules", help="where the npm packages are")
    options = parser.parse_args(arguments)
    text = build(options.node_modules)
    if not options.check:
        OWN_ARTIFACTS.write_text(text)
        return 0
    if OWN_ARTIFACTS.read_text() == text:
        return 0
    print("contracts/artifacts.json does not match the sources: run `python -m contracts.build`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
