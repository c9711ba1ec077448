"""Jobs: the graph as a whole, for the days a run names."""

import dagster as dg

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),  # also what is promised of tables others write
    description="Rebuild every table for the chosen days, then what is learnt from them and what is published.",
)
