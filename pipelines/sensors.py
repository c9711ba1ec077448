"""Sensors: what is done when something happened, rather than when it is time.

Both look at what is so, not at what was noted: a tick that was lost, or a daemon that was stopped between two, changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.learning.asking_again import REFUSED
from assets.learning.decision_record import ACTS
from assets.learning.handover import HandoverFolder
from assets.learning.prompts import PromptBook, sha256_of
from domain.problems import Unavailable
from pipelines.jobs import promotion, prompt_publication

DECISION = "grekko/decision"
AB_EVALUATION, PROMOTED_MODEL, PROMPTS = (dg.AssetKey(name) for name in ("ab_evaluation", "promoted_model", "prompts"))
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60, 3600


@dg.sensor(job=promotion, minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING)
def when_evidence_crosses_the_line(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Runs the promotion once for each verdict PROMOTE or ROLLBACK that nobody has acted on.

    A run that failed for want of an answer is asked for again, after a pause that doubles up to an hour; one that was refused is not.
    """
    judged = context.instance.get_latest_materialization_event(AB_EVALUATION)
    told = _facts(judged)
    verdict, decision = told.get("verdict"), told.get("decision_sha256")
    if judged is None or verdict not in ACTS or not isinstance(decision, str):
        return dg.SkipReason(f"The newest verdict is {verdict or 'not there yet'}: nothing to act on.")
    if not _is_finished(context.instance, judged.run_id):
        return dg.SkipReason("The run that reached the verdict is still going, and acts on it itself.")
    if _facts(context.instance.get_latest_materialization_event(PROMOTED_MODEL)).get("decision_sha256") == decision:
        return dg.SkipReason(f"{verdict} {decision[:12]} was acted on.")
    tried = context.instance.get_run_records(dg.RunsFilter(job_name=promotion.name, tags={DECISION: decision}))
    if waits := _waits_for(tried, judged.timestamp):
        return dg.SkipReason(waits)
    # The number of tries is in the key: a tick that is evaluated again after a crash asks for the same run, not for a second one.
    request = dg.RunRequest(run_key=f"{decision}:{len(tried) + 1}", tags={DECISION: decision})
    return dg.SensorResult(run_requests=[request], cursor=decision)


def _waits_for(tried: Sequence[dg.RunRecord], judged_at: float) -> str | None:
    """Why no other run is asked for now, given those asked for before; None when one is."""
    if not tried:
        return None
    if any(not record.dagster_run.is_finished for record in tried):
        return "A run is acting on it."
    newest = max(tried, key=lambda record: record.create_timestamp)
    if newest.dagster_run.is_success:
        # It may have found other trials in the lake than the verdict was reached on; the next evaluation will tell.
        return "A run has looked at it since." if (newest.end_time or 0) >= judged_at else None
    if refusal := newest.dagster_run.tags.get(REFUSED):
        return f"It was refused ({refusal}): see run {newest.dagster_run.run_id}, and materialise promoted_model once that is mended."
    pause = min(FIRST_PAUSE_SECONDS * 2 ** (len(tried) - 1), LONGEST_PAUSE_SECONDS)
    left = (newest.end_time or 0) + pause - time.time()
    return f"{len(tried)} runs failed; the next is asked for in {left:.0f} s." if left > 0 else None


def _is_finished(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id) if run_id else None
    return run is None or run.is_finished


def _facts(event: dg.EventLogEntry | None) -> dict[str, Any]:
    """The materialisation's metadata as plain values."""
    made = event.asset_materialization if event is not None else None
    return {name: value.value for name, value in made.metadata.items()} if made is not None else {}


@dg.sensor(job=prompt_publication, minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def when_a_prompt_changes(
    context: dg.SensorEvaluationContext, prompt_book: PromptBook, handover: HandoverFolder
) -> dg.SensorResult | dg.SkipReason:
    """Publishes what was changed in MLflow's own pages, in the tick itself so that no run is waited for, and has a run record it."""
    try:
        done = prompt_book.publish(handover.path)
    except Unavailable as problem:
        return dg.SkipReason(problem.message)
    now = sha256_of(done.prompts, done.refused)
    seen = json.loads(context.cursor) if context.cursor else {"sha256": None, "turn": 0}
    recorded = _facts(context.instance.get_latest_materialization_event(PROMPTS)).get("prompts_sha256")
    if now in (seen["sha256"], recorded) or (recorded is None and not done.prompts and not done.refused):
        return dg.SkipReason("No prompt has changed.")
    # The turn is in the key, because a prompt may go back to what it was before.
    turn = seen["turn"] + 1
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{turn}:{now}")], cursor=json.dumps({"sha256": now, "turn": turn}))
