"""Jobs: the graph as a whole, for the days a run names, and the two tables that change between days."""

import dagster as dg

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),  # also what is promised of tables others write
    description="Rebuild every table for the chosen days, then what is learnt from them and what is published.",
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
