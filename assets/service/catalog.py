"""Which tables the lake has: every definition found in the asset packages, and one of each report of the rulebook, so none is left out."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import assets
from assets.compliance.reports import report_tables
from domain.schemas import Table


def lake_tables() -> list[Table]:
    """The definitions of all tables of the lake, by name."""
    found = {value.name: value for module in _modules() for value in vars(module).values() if isinstance(value, Table)}
    found |= {table.name: table for table in report_tables()}
    return [found[name] for name in sorted(found)]


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(assets.__path__, "assets."):
        # This group reads the tables of the others and has none of its own in the lake.
        if not info.name.startswith("assets.service"):
            yield import_module(info.name)
