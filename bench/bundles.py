"""One answer of each policy in the executor, beside the same model asked through scikit-learn and MLflow's pyfunc; and their parity.

One row at a time, warm, in one thread; each side is asked in turn within the same run, so the ratios hold where the times do not.
"""

from __future__ import annotations

import argparse
import gc
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from domain.bundles import TOLERANCE
from executor.bundle import LoadedBundle, load_bundle
from models.bundle import Origin, write_bundle
from models.forests import one_thread
from models.policy import Fitted, every_policy, matrix_of
from tests.models.made_up import frame_for, rows_for

AIM_P95_US = 15.0
PARITY_ROWS = 10_000


def main() -> int:
    """Prints latencies and parities; returns 1 when a policy's parity is worse than the bundle's tolerance."""
    parser = argparse.ArgumentParser(prog="python -m bench.bundles", description=__doc__)
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--no-mlflow", action="store_true", help="leave pyfunc out, whose import takes seconds")
    chosen = parser.parse_args()
    console, table = Console(width=150), Table(title=f"one answer, µs; parity on {PARITY_ROWS:,} rows, relative")
    for name in ("policy", "executor p50", "p95", "Python model p50", "p95", "ratio p50", "pyfunc p50", "p95", "ratio p50", "parity"):
        table.add_column(name, justify="left" if name == "policy" else "right")
    worst = 0.0
    for name, policy in every_policy().items():
        frame = frame_for(policy)
        model, taught = policy.fit(frame, 1), matrix_of(frame, policy.kind)
        origin = Origin(name, 1, None, None, frame.height, "0" * 64, "0" * 64)
        with tempfile.TemporaryDirectory() as place:
            made = write_bundle(Path(place), model.export(), taught, model.answers(taught), 60, origin, policy.kind)
            loaded = load_bundle(made.folder, made.sha256)
        rows = rows_for(policy, PARITY_ROWS)
        ask = loaded.savings if loaded.actions else loaded.answers
        ours = timed(ask, [tuple(row) for row in rows[:1_000].tolist()], chosen.answers)
        with one_thread():
            python = timed(plain(model), [row[None] for row in rows[:1_000]], min(chosen.answers, 2_000))
        flavour = None if chosen.no_mlflow else pyfunc(model)
        mlflow = timed(flavour.predict, [row[None] for row in rows[:100]], 200) if flavour else None
        off = parity(loaded, model, rows)
        worst = max(worst, off)
        told = [f"{mlflow[0]:,.0f}", f"{mlflow[1]:,.0f}", f"{mlflow[0] / ours[0]:,.0f} ×"] if mlflow else ["-", "-", "-"]
        table.add_row(
            name,
            *(f"{one:.1f}" for one in ours),
            *(f"{one:,.0f}" for one in python),
            f"{python[0] / ours[0]:,.0f} ×",
            *told,
            f"{off:.1e}",
        )
    console.print(table)
    console.print(f"Aim: executor p95 ≤ {AIM_P95_US:g} µs on a quiet machine, parity ≤ {TOLERANCE:g}.")
    return int(worst > TOLERANCE)


def timed(ask: Callable[[Any], Any], questions: list[Any], answers: int) -> tuple[float, float]:
    """The middle and the 95th percentile of an answer's time, µs."""
    for question in questions[:200]:
        ask(question)
    took = np.empty(answers)
    gc.disable()
    try:
        for at in range(answers):
            question = questions[at % len(questions)]
            begun = time.perf_counter_ns()
            ask(question)
            took[at] = time.perf_counter_ns() - begun
    finally:
        gc.enable()
    return float(np.median(took)) / 1e3, float(np.percentile(took, 95)) / 1e3


def plain(model: Fitted) -> Callable[[Any], Any]:
    """The fitted estimators alone, without the sums around them: the least that asking scikit-learn costs."""
    trees = getattr(model, "trees", None)
    if trees is None:
        return model.answers
    forests = trees if isinstance(trees, tuple) else (trees,)
    return lambda row: [forest.predict(row) for forest in forests]


def parity(loaded: LoadedBundle, model: Fitted, rows: np.ndarray) -> float:
    """The largest difference between the executor's answers and the model's, relative to the larger of the answer and 1."""
    told, asked = np.array(loaded.answer(rows.tolist())), model.answers(rows)
    return float((np.abs(told - asked) / np.maximum(np.abs(asked), 1)).max())


def pyfunc(model: Fitted) -> Any:
    """The model as MLflow serves it; None where MLflow is not installed."""
    try:
        import mlflow.pyfunc
    except ImportError:
        return None
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", UserWarning)

    class Served(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):  # pyfunc reads type hints as a schema
            return model.answers(np.asarray(model_input, dtype=np.float64))

    with tempfile.TemporaryDirectory() as place:
        mlflow.pyfunc.save_model(str(Path(place) / "model"), python_model=Served(), pip_requirements=[])
        return mlflow.pyfunc.load_model(str(Path(place) / "model"))


if __name__ == "__main__":
    raise SystemExit(main())
