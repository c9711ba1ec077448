"""Nothing is made without being asked until a person turns a schedule on; what a schedule runs is its job and no more."""

from __future__ import annotations

import dagster as dg
import pytest

from pipelines.definitions import defs
from pipelines.schedules import when_the_day_closes, when_the_hour_closes, when_the_lake_is_quiet

SCHEDULES = [when_the_day_closes, when_the_hour_closes, when_the_lake_is_quiet]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one.name)
def test_a_schedule_is_off_until_a_person_turns_it_on(schedule: dg.ScheduleDefinition):
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert defs.resolve_schedule_def(schedule.name).job_name in ("everything", "audit", "retention")


def test_each_hour_the_log_is_signed_and_each_night_the_records_are_moved():
    assert (when_the_hour_closes.job_name, when_the_hour_closes.cron_schedule) == ("audit", "0 * * * *")
    assert (when_the_lake_is_quiet.job_name, when_the_lake_is_quiet.cron_schedule) == ("retention", "0 3 * * *")
    for job, made in (("audit", "audit_heads"), ("retention", "retained_records")):
        resolved = defs.resolve_job_def(job)
        assert resolved.asset_layer.executable_asset_keys == {dg.AssetKey(made)}
        assert {key.asset_key for key in resolved.asset_layer.asset_graph.asset_check_keys} == {dg.AssetKey(made)}


def test_the_schedules_of_the_hour_and_of_the_night_ask_for_one_run():
    for schedule in (when_the_hour_closes, when_the_lake_is_quiet):
        with dg.build_schedule_context() as context:
            (run,) = schedule.evaluate_tick(context).run_requests or ()
            assert run.partition_key is None
