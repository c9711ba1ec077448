"""`python -m bench`: every figure, one after the other, each in a process of its own."""

from __future__ import annotations

import argparse
import pkgutil
import subprocess
import sys

import bench


def main() -> int:
    """Runs the named benchmarks, or all; returns how many failed."""
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Print the figures. Ratios hold; absolute times depend on the machine."
    )
    parser.add_argument("name", nargs="*", help=f"one or more of {', '.join(names)}; all by default")
    chosen = parser.parse_args().name or names
    failed = 0
    for name in chosen:
        print(f"\n== {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
