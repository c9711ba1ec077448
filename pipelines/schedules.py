"""Schedules: when the graph is rebuilt without being asked."""

import dagster as dg

from pipelines.jobs import everything

# Off until a person turns it on: a recording is finite, a live chain is not.
when_the_day_closes = dg.build_schedule_from_partitioned_job(
    everything,
    name="when_the_day_closes",
    description="Ten minutes after midnight UTC, rebuild the day that has just closed.",
    hour_of_day=0,
    minute_of_hour=10,
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
