"""A small run of the hot-swap bench: real processes, real kills, and a log that is read as a stranger would."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench._hot_swap import Client, Plan, judge, prepare


def test_no_order_is_lost_doubled_or_misbucketed_across_activations_and_kills(tmp_path: Path) -> None:
    plan = Plan(orders=4_000, activations=12, kills=2, models=2)
    folder = tmp_path / "executor"
    prepare(folder, tmp_path / "bundles", plan.models)
    client = Client(folder, plan)
    seen = asyncio.run(client.run())
    verdict = judge(folder, plan, client.digests, seen.done)
    assert verdict.is_clean, verdict
    assert (verdict.decisions, seen.activations, seen.kills) == (plan.orders, plan.activations, plan.kills)
    assert verdict.challengers and verdict.shadows and seen.resent, "the run was too tame to show anything"
