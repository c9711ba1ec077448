"""Judging rows by a suite with Great Expectations: an expectation holds, or it does not, or it could not be judged at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets.service.suites import Suite
from domain.problems import Broken


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an expectation holds, how many rows were looked at, how many break it and a few of their values."""

    holds: bool
    rows: int
    unexpected: int
    examples: list[str]


def judge(suite: Suite, rows: pl.DataFrame) -> dict[str, Judgement]:
    """How each of the suite's expectations comes out on the rows, by name.

    Raises Broken when one could not be computed: an exception is not a row that breaks a promise.
    """
    results = _validate(suite, rows.select(suite.columns).with_columns(**suite.derived))
    by_name = {result.expectation_config.meta["name"]: result for result in results}
    return {
        expectation.name: _judgement(suite, expectation.name, by_name[expectation.name], rows.height) for expectation in suite.expectations
    }


def _validate(suite: Suite, rows: pl.DataFrame) -> list[Any]:
    # Set before the import: the library reads it once.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset(suite.table.name)
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": rows.to_pandas()})
    expectations = [getattr(gx.expectations, one.kind)(meta={"name": one.name}, **one.settings) for one in suite.expectations]
    return batch.validate(gx.ExpectationSuite(suite.table.name, expectations=expectations)).results


def _judgement(suite: Suite, name: str, result: Any, rows: int) -> Judgement:
    reasons = _exceptions(result.exception_info or {})
    if reasons:
        raise Broken(
            f"Great Expectations could not judge {name} on {suite.table.name}: {'; '.join(reasons)}",
            table=suite.table.name,
            expectation=name,
        )
    facts = result.result
    return Judgement(
        holds=bool(result.success),
        rows=rows,
        unexpected=int(facts.get("unexpected_count") or 0),
        examples=[str(value) for value in (facts.get("partial_unexpected_list") or [])[:5]],
    )


def _exceptions(info: Mapping[str, Any]) -> list[str]:
    """The exceptions a result hides: one, or one for each metric that raised."""
    if "raised_exception" in info:
        return [str(info.get("exception_message"))] if info["raised_exception"] else []
    return [reason for one in info.values() if isinstance(one, Mapping) for reason in _exceptions(one)]
