"""What did not answer is asked again: Dagster repeats the step, and nothing that was not finished counts as done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from domain.problems import Refused, Unavailable

# About two minutes in all. What takes longer ends the run, and the sensor asks for another one later.
TRIES = 5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 4, 60
# On the run, so that the sensor does not ask again for what will be refused again.
REFUSED = "grekko/refused"


@contextmanager
def asking_again(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Unavailable becomes a request to Dagster for another try, after a pause that doubles; Refused ends the run and is marked on it."""
    try:
        yield
    except Unavailable as problem:
        context.log.warning("%s: %s", type(problem).__name__, problem.message)
        raise dg.RetryRequested(max_retries=TRIES, seconds_to_wait=pause_seconds(context.retry_number)) from problem
    except Refused as problem:
        context.instance.add_run_tags(context.run.run_id, {REFUSED: type(problem).__name__})
        raise


def pause_seconds(tries: int) -> int:
    """How long to wait after so many tries."""
    return min(FIRST_PAUSE_SECONDS * 2**tries, LONGEST_PAUSE_SECONDS)
