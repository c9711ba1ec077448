"""Jobs: the graph as a whole, for the days a run names, and the tables that change between days."""

import dagster as dg

from assets.compliance.reports import REPORT_TAG

# Reports have periods of their own, and a job has one kind of partition: each report is a job (pipelines/filing_calendar.py).
REPORTS = dg.AssetSelection.tag(REPORT_TAG, "")

# What is promised of tables that others write is looked at too.
WATCHED = ("live_trades",)

everything = dg.define_asset_job(
    "everything",
    selection=(dg.AssetSelection.all() - REPORTS) | dg.AssetSelection.checks_for_assets(*WATCHED),
    description="Rebuild every table for the chosen days, then what is learnt from them and what is published.",
)

audit = dg.define_asset_job(
    "audit",
    selection=dg.AssetSelection.assets("audit_heads"),
    description="Sign how the audit log stands, and hold the log against every head that was signed before.",
)

retention = dg.define_asset_job(
    "retention",
    selection=dg.AssetSelection.assets("retained_records"),
    description="Move the records that no longer must be hot to the cold store, and say of each day where it lies and how long.",
)

promotion = dg.define_asset_job(
    "promotion",
    selection=dg.AssetSelection.assets("promoted_model"),
    description="Act on the newest decision: the model in charge changes in the executor, then in the registry, then in the table.",
)

prompt_publication = dg.define_asset_job(
    "prompt_publication",
    selection=dg.AssetSelection.assets("prompts"),
    description="Record which prompts are in use.",
)
