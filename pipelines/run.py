"""Running the whole graph in this process, with a progress bar, on the home's own Dagster instance."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from assets.partitions import days
from pipelines.build import graph_of
from pipelines.home import Home

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: which checks hold, which do not, and which steps failed and why."""

    run_id: str
    succeeded: bool
    checks: list[dg.AssetCheckEvaluation]
    failures: list[tuple[str, str]]

    @property
    def broken_promises(self) -> list[dg.AssetCheckEvaluation]:
        return [check for check in self.checks if not check.passed]


def rebuild_everything(home: Home, console: Console) -> Outcome:
    """Materialises every table for all days of the recording in one run; each check is evaluated on the way."""
    keys = days.get_partition_keys()
    job = graph_of(home.root).resolve_job_def("everything")
    run_id = str(uuid.uuid4())
    with (
        dg.DagsterInstance.from_config(str(home.dagster)) as instance,
        _progress(instance, run_id, len(job.graph.node_dict), console),
    ):
        return run_job(job, keys, instance, run_id)


def run_job(job: dg.JobDefinition, keys: Sequence[str], instance: dg.DagsterInstance, run_id: str | None = None) -> Outcome:
    """Runs a job in this process for the partitions from the first key to the last."""
    result = job.execute_in_process(
        run_config=QUIET,
        instance=instance,
        run_id=run_id or str(uuid.uuid4()),
        raise_on_error=False,
        tags={"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]},
    )
    return Outcome(result.run_id, result.success, list(result.get_asset_check_evaluations()), _failures(result))


def _failures(result: dg.ExecuteInProcessResult) -> list[tuple[str, str]]:
    found = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        cause = error.cause if error is not None and error.cause is not None else error
        found.append((event.step_key or "run", cause.message.strip() if cause is not None else "no reason given"))
    return found


@contextmanager
def _progress(instance: dg.DagsterInstance, run_id: str, steps: int, console: Console) -> Iterator[None]:
    """A bar that follows the run's finished steps in the event log."""
    bar = Progress(TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
    done = threading.Event()

    def follow() -> None:
        task = bar.add_task("reading the recording", total=steps)
        while True:
            stop = done.wait(0.5)
            finished = [stats for stats in instance.get_run_step_stats(run_id) if stats.end_time] if instance.has_run(run_id) else []
            latest = max(finished, key=lambda stats: stats.end_time or 0).step_key if finished else "reading the recording"
            bar.update(task, completed=len(finished), description=latest[:28])
            if stop:
                return

    with bar:
        watcher = threading.Thread(target=follow, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
