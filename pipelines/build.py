"""How the code becomes the graph: every module in a group's folder, with the group's name, owner and source links, on a home's data."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.compliance import reports
from domain.regulation.rulebook import Rulebook
from pipelines import filing_calendar
from pipelines.jobs import audit, everything, promotion, prompt_publication, retention
from pipelines.resources import resources_of
from pipelines.schedules import when_the_day_closes, when_the_hour_closes, when_the_lake_is_quiet
from pipelines.sensors import when_a_prompt_changes, when_evidence_crosses_the_line

# The groups read as a sentence, in this order.
GROUPS: Sequence[str] = ("chain", "ledger", "enrichment", "profit", "learning", "compliance", "service")


def graph_of(home: Path | None = None, rulebook: Rulebook | None = None) -> dg.Definitions:
    """The whole graph on the data of that home and with the reports of that rulebook; the settings name both when they are not given."""
    rules = rulebook or reports.shipped_rulebook()
    return dg.Definitions(
        assets=[*assets_of_every_group(), *reports.assets_of(rules)],
        asset_checks=[*checks_of_every_group(), *reports.checks_of(rules)],
        jobs=[everything, audit, retention, promotion, prompt_publication, *filing_calendar.jobs_of(rules)],
        schedules=[when_the_day_closes, when_the_hour_closes, when_the_lake_is_quiet, *filing_calendar.schedules_of(rules)],
        sensors=[when_evidence_crosses_the_line, when_a_prompt_changes],
        resources=resources_of(home),
        executor=dg.in_process_executor,
    )


def assets_of_every_group() -> list[dg.AssetsDefinition]:
    """The assets found in `assets/<group>/`, each with its group and owner; a link to its source where Dagster can show one."""
    found = []
    for group in GROUPS:
        package = importlib.import_module(f"assets.{group}")
        for asset in dg.load_assets_from_package_module(package, group_name=group):
            assert isinstance(asset, dg.AssetsDefinition)
            found.append(
                asset.map_asset_specs(lambda spec, team=group: spec.replace_attributes(owners=list(spec.owners) or [f"team:{team}"]))
            )
    # What is only watched has no function to point at.
    made, watched = [asset for asset in found if asset.is_executable], [asset for asset in found if not asset.is_executable]
    return [asset for asset in (*dg.with_source_code_references(made), *watched) if isinstance(asset, dg.AssetsDefinition)]


def checks_of_every_group() -> list[dg.AssetChecksDefinition]:
    """The promises that stand beside the assets."""
    return [check for group in GROUPS for check in dg.load_asset_checks_from_package_module(importlib.import_module(f"assets.{group}"))]
