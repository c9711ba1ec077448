"""Every venue keeps every promise of the conformance kit on a running chain: ours, and one that a third party's package brings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from domain.problems import Unavailable
from executor.chain.node import HttpNode
from executor.conformance import Check, Finding, LocalStage, checks_for, fork_of, run_check
from executor.venue import every_venue
from tests.executor.conformance.installed import sample_package

SAMPLE = "camelswap"
BUILT_IN = sorted(every_venue())
SHAPES = {**{name: every_venue()[name] for name in BUILT_IN}, SAMPLE: every_venue()["uniswap_v2"]}
CASES = [(name, check) for name in (*BUILT_IN, SAMPLE) for check in checks_for(SHAPES[name])]


@pytest.fixture(scope="module")
def stages(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LocalStage]]:
    """Each venue on a local chain of its own."""
    with ExitStack() as open_ones:
        open_ones.enter_context(sample_package(tmp_path_factory.mktemp("site-packages")))
        venues = every_venue()
        try:
            yield {name: open_ones.enter_context(LocalStage.open(venues[name], fork_of(name))) for name in venues}
        except Unavailable as absent:
            pytest.skip(absent.message)


def found(stage: LocalStage, check: Check) -> Finding:
    async def try_it() -> Finding:
        async with HttpNode(stage.world.node.url) as stage.node:
            return await run_check(check, stage)

    return asyncio.run(try_it())


@pytest.mark.parametrize(("name", "check"), CASES, ids=[f"{name}-{check.name}" for name, check in CASES])
def test_the_venue_keeps_its_promise(stages, name: str, check: Check):
    finding = found(stages[name], check)
    assert finding.held, finding.reason


def test_a_venue_of_a_package_is_found_by_its_entry_point(stages):
    assert set(stages) == {*BUILT_IN, SAMPLE}
    assert every_venue()[SAMPLE].fee_pips == 2500


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_kit_is_at_least_forty_promises(name):
    checks = checks_for(SHAPES[name])
    assert len(checks) >= 40
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.promise.endswith(".") for check in checks)
