"""`python -m executor.conformance NAME…`: put venues on a local chain and check that they keep their promises."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from domain.problems import BadInput, Problem
from executor.chain.node import HttpNode
from executor.conformance import Finding, LocalStage, fork_of, run_kit
from executor.venue import Venue, every_venue


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks the named venues, or all; returns 0 when every promise held, 1 when one did not, 2 when it could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m executor.conformance", description="Check venues against a running chain.")
    parser.add_argument("name", nargs="*", help=f"one or more of {', '.join(sorted(every_venue()))}; all by default")
    parser.add_argument("--all", action="store_true", help="print the promises that held, too")
    options = parser.parse_args(arguments)
    broken = 0
    try:
        for venue in _chosen(options.name):
            findings = asyncio.run(_findings(venue))
            broken += sum(not finding.held for finding in findings)
            _print(venue, findings, options.all)
    except Problem as problem:
        print(f"{type(problem).__name__}: {problem.message}", file=sys.stderr)
        return 2
    return 1 if broken else 0


def _chosen(names: Sequence[str]) -> list[Venue]:
    venues = every_venue()
    unknown = [name for name in names if name not in venues]
    if unknown:
        raise BadInput(f"There is no venue {unknown[0]!r}; the venues are {', '.join(sorted(venues))}.", field="name")
    return [venues[name] for name in names or sorted(venues)]


async def _findings(venue: Venue) -> list[Finding]:
    with LocalStage.open(venue, fork_of(venue.name)) as stage:
        async with HttpNode(stage.world.node.url) as stage.node:
            return await run_kit(venue, stage)


def _print(venue: Venue, findings: Sequence[Finding], everything: bool) -> None:
    held = sum(finding.held for finding in findings)
    print(f"{venue.title}: {held} of {len(findings)} promises held")
    for finding in findings:
        if not finding.held:
            print(f"  broken  {finding.promise}\n          {finding.reason}")
        elif everything:
            print(f"  held    {finding.promise}")


if __name__ == "__main__":
    sys.exit(main())
