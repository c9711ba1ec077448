"""Schedules: when the graph is rebuilt without being asked."""

import dagster as dg

from pipelines.jobs import audit, everything, retention

# Off until a person turns it on: a recording is finite, a live chain is not.
when_the_day_closes = dg.build_schedule_from_partitioned_job(
    everything,
    name="when_the_day_closes",
    description="Ten minutes after midnight UTC, rebuild the day that has just closed.",
    hour_of_day=0,
    minute_of_hour=10,
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

when_the_hour_closes = dg.ScheduleDefinition(
    name="when_the_hour_closes",
    job=audit,
    cron_schedule="0 * * * *",
    execution_timezone="UTC",
    description="Each hour, sign how the audit log stands: an entry that is changed or cut off later shows by it.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

when_the_lake_is_quiet = dg.ScheduleDefinition(
    name="when_the_lake_is_quiet",
    job=retention,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    description="At three in the morning UTC, move what no longer must be hot to the cold store.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
