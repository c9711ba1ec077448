"""Seeded swaps, many of them spoiled, each rehearsed and then really mined: no false pass. `python -m bench.safety` runs 10,000."""

from __future__ import annotations

import asyncio
import os

import pytest

from bench.safety import fuzz, report
from executor.safety import rehearsal
from tests.untraced import untraced

SETTINGS = rehearsal.SafetySettings()
# How many swaps; the full bench takes 10,000.
SWAPS = int(os.environ.get("GREKKO_FUZZED_SWAPS", "200"))


@pytest.mark.parametrize(("by_call", "swaps"), [(False, SWAPS), (True, SWAPS // 2)])
def test_no_spoiled_swap_passes_the_safety_simulation_and_then_goes_wrong(node_modules, capsys, by_call, swaps):
    with untraced():
        tally = asyncio.run(fuzz(swaps, seed=11, by_call=by_call))
    assert tally.false_passes == []
    assert tally.wrong_amounts == 0
    assert sum(tally.harmful.values()) > swaps // 20, "too few were spoiled to show anything"
    assert tally.false_blocks.keys() <= {"deadline_passed"}, "only a deadline within one block may be refused for nothing"
    report(tally, 1.0)
    assert "False passes 0" in capsys.readouterr().out


def test_the_fuzz_finds_a_simulation_that_forgets_to_compare_what_moved(node_modules, monkeypatch):
    monkeypatch.setattr(rehearsal, "judge", lambda request, routed, scene: (request.amount_in, routed.min_amount_out))
    tally = asyncio.run(fuzz(120, seed=12))
    assert tally.false_passes


def test_the_fuzz_finds_a_gas_limit_without_room_for_what_is_given_back(node_modules, monkeypatch):
    monkeypatch.setattr(rehearsal, "ceil", lambda used: int(used / (1 + SETTINGS.gas_margin_share)) - SETTINGS.gas_margin)
    tally = asyncio.run(fuzz(40, seed=13))
    assert tally.false_passes
