"""The agents' prompts in use: which version of each, as MLflow's aliases say, and as the executor reads them."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from assets.learning.asking_again import asking_again
from assets.learning.handover import HandoverFolder
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import COUNT, TEXT, Column, Table, columns

if TYPE_CHECKING:
    from models.prompts import PromptRegistry
    from models.published_prompts import Publication

TABLE = Table(
    "prompts",
    row="One prompt that is in use.",
    columns=columns(
        Column("name", TEXT, "Name of the prompt."),
        Column("version", COUNT, "Its version in use."),
        Column("alias", TEXT, "The alias that points to it."),
        Column("variables", TEXT, "What is filled in, in the order of first use, separated by blanks."),
        Column("characters", COUNT, "Length of the template, characters."),
        Column("template_sha256", TEXT, "Hash of the template; an agent's proposal names the version."),
    ),
    key=("name",),
)


class PromptBook(dg.ConfigurableResource):
    """The prompt registry in a folder of the data home, beside the models'."""

    folder: str

    def open(self) -> "PromptRegistry":
        """The registry itself. MLflow is loaded when it is first asked something."""
        from models.prompts import PromptRegistry

        return PromptRegistry(self.folder)

    def publish(self, folder: Path) -> "Publication":
        """Brings the executor's file up to what the aliases say. Raises Unavailable when MLflow does not answer."""
        from models.published_prompts import publish

        return publish(self.open(), folder)


@whole(TABLE, kinds=("mlflow",))
def prompts(
    context: dg.AssetExecutionContext, warehouse: Warehouse, prompt_book: PromptBook, handover: HandoverFolder
) -> dg.MaterializeResult:
    """The agents' prompts as they are in use: versions never change, an alias says which one it is.

    `grekko prompt point` publishes at once, the sensor `when_a_prompt_changes` what was changed in MLflow's own pages. A template that
    may not be used is not taken: the version before stays in use.
    """
    with asking_again(context):
        done = prompt_book.publish(handover.path)
    refused = {name: problem.message for name, problem in done.refused.items()}
    for name, sentence in refused.items():
        context.log.warning("%s is not taken: %s", name, sentence)
    return warehouse.write(
        TABLE, rows_of(done.prompts), context, published=done.changed, not_taken=refused, prompts_sha256=sha256_of(done.prompts, refused)
    )


def sha256_of(published: dict[str, dict], refused: Iterable[str]) -> str:
    """Hash of what is in use and of the names that are not taken: when it changes, there is something to record."""
    return hashlib.sha256(json.dumps([published, sorted(refused)], sort_keys=True).encode()).hexdigest()


def rows_of(published: dict[str, dict]) -> pl.DataFrame:
    """The table's rows of what the executor reads."""
    from models.prompts import variables_of

    rows = [
        {
            "name": name,
            "version": told["version"],
            "alias": told["alias"],
            "variables": " ".join(variables_of(told["template"])),
            "characters": len(told["template"]),
            "template_sha256": told["sha256"],
        }
        for name, told in published.items()
    ]
    return pl.DataFrame(rows, schema=TABLE.schema) if rows else TABLE.empty()


@dg.asset_check(asset=prompts, blocking=True)
def the_executor_reads_the_prompts_in_use(warehouse: Warehouse, handover: HandoverFolder) -> dg.AssetCheckResult:
    """What the executor reads is what this table says, each template whole."""
    from models.published_prompts import published

    return dg.AssetCheckResult(
        passed=rows_of(published(handover.path)).sort("name").equals(warehouse.read(TABLE)), metadata={"file": str(handover.path)}
    )


@dg.asset_check(asset=prompts)
def every_prompt_pointed_to_may_be_used(prompt_book: PromptBook) -> dg.AssetCheckResult:
    """No alias points to a template that may not be used, for its size, its braces or what cannot be seen in it."""
    refused = {name: problem.message for name, problem in prompt_book.open().in_use().refused.items()}
    return dg.AssetCheckResult(passed=not refused, severity=dg.AssetCheckSeverity.WARN, metadata={"refused": refused})
