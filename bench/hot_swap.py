"""Orders across many activations, rollbacks and kills: is one lost, doubled or in the wrong bucket, and how long does a change take?

An executor in a process of its own decides orders in the mode simulate. Their features come from a seeded table: planning routes is
skipped, and HTTP is (`bench.latency` has both). A client sends every order until it is acknowledged, activates models by share, whole
and in the shadow, rolls back, and kills the executor with kill -9 while orders are on their way. Then the log is read from its first row
and every bucket, arm and model is computed again.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench._hot_swap import Client, Plan, judge, prepare
from executor.bundle import LoadedBundle, load_bundle
from models.policies.quote_offset import QuoteOffset

PARITY_ROWS = 10_000
AIM_ALL_NEW_SECONDS, AIM_ROLLBACK_SECONDS, AIM_PARITY = 2.0, 0.1, 1e-5


def main() -> int:
    """Prints the tables; 1 when an order was lost, doubled or decided by another model than it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--activations", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=20)
    told = parser.parse_args()
    plan = Plan(told.orders, told.activations, told.kills)
    console = Console()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as place:  # /tmp may be memory, which flushes nothing
        folder = Path(place) / "executor"
        trained = prepare(folder, Path(place) / "bundles", plan.models)
        policy, bundle = trained[0]
        p50, p95, apart = _answers(policy, load_bundle(bundle.folder, bundle.sha256))
        client = Client(folder, plan)
        seen = asyncio.run(client.run())
        begun = time.monotonic()
        verdict = judge(folder, plan, client.digests, seen.done)
        read = time.monotonic() - begun

    counts = Table(title=f"{plan.orders:,} orders, read again from the log in {read:.0f} s")
    counts.add_column("what")
    counts.add_column("count", justify="right")
    for what, count in (
        ("decisions in the log", verdict.decisions),
        ("activations that came into force", seen.activations),
        ("generations in the log (with rollbacks)", verdict.generations),
        ("kill -9 with orders on their way", seen.kills),
        ("orders sent again after a kill", seen.resent),
        ("decided by a challenger", verdict.challengers),
        ("with a shadow answer", verdict.shadows),
        ("activations asked twice, one operation", seen.duplicates),
        ("activations refused by name", seen.refused),
        ("LOST", verdict.lost),
        ("DOUBLED", verdict.doubled),
        ("MISBUCKETED", verdict.misbucketed),
        ("decided by another model than the log says", verdict.wrong_model),
        ("decided by a generation that was not in force", verdict.out_of_force),
        ("recorded otherwise than acknowledged", verdict.changed),
        ("rows whose hash is wrong", verdict.broken_hashes),
        ("acknowledged activations that are not in the log", verdict.lost_activations),
    ):
        counts.add_row(what, f"{count:,}")
    console.print(counts)

    times = Table(title=f"times, ms ({plan.orders / seen.seconds:,.0f} orders a second, all included)")
    for name in ("what", "p50", "p99", "most", "aim"):
        times.add_column(name, justify="left" if name == "what" else "right")
    all_new = seen.until_all_new()
    _row(times, "activation asked → every new decision by it, as the client sees", all_new, f"p99 < {AIM_ALL_NEW_SECONDS * 1000:.0f}")
    _row(times, "rollback, on the disk and in force", seen.rollbacks, f"< {AIM_ROLLBACK_SECONDS * 1000:.0f}")
    _row(times, "pause: no decision can be begun", seen.pauses, "")
    _row(times, "drain: decisions of the models before", seen.drains, "")
    _row(times, "killed executor back and answering", seen.restarts, "")
    console.print(times)
    console.print(f"A model's answer: p50 {p50:.1f} µs, p95 {p95:.1f} µs (trees in ONNX, one row, one thread).")
    console.print(f"ONNX and scikit-learn over {PARITY_ROWS:,} rows: {apart:.2g} apart at most, relative; {AIM_PARITY:g} is the aim.")
    console.print("Skipped: planning of routes and HTTP; the features are those of a seeded table.")
    good = verdict.is_clean and _at(all_new, 0.99) < AIM_ALL_NEW_SECONDS and apart <= AIM_PARITY
    console.print("Nothing lost, doubled or misbucketed." if good else "AN AIM WAS MISSED.")
    return 0 if good else 1


def _answers(policy: QuoteOffset, bundle: LoadedBundle) -> tuple[float, float, float]:
    """p50 and p95 of one answer in µs, and how far ONNX and scikit-learn are apart at most."""
    from domain.features import NAMES

    rows = np.random.default_rng(3).normal(0, 20, (PARITY_ROWS, len(NAMES))).astype(np.float32)
    took = []
    for row in rows.tolist():
        begun = time.perf_counter()
        bundle.savings(row)
        took.append(time.perf_counter() - begun)
    theirs = policy.savings(rows)
    apart = np.abs(np.array(bundle.answer(rows.tolist())) - theirs) / np.maximum(np.abs(theirs), 1)
    return statistics.median(took) * 1e6, _at(took, 0.95) * 1e6, float(apart.max())


def _row(table: Table, what: str, seconds: Sequence[float], aim: str) -> None:
    if not seconds:
        table.add_row(what, "-", "-", "-", aim)
        return
    table.add_row(what, *(f"{value * 1000:,.3f}" for value in (statistics.median(seconds), _at(seconds, 0.99), max(seconds))), aim)


def _at(seconds: Sequence[float], quantile: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * quantile), len(ordered) - 1)] if ordered else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
