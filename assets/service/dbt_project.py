"""The dbt project as values: its marts, what each one reads, and what it promises, taken from the project's own files.

Reading a few small files tells Dagster all it needs (13 ms for nine marts); asking dbt for its manifest would cost every process
that loads the definitions two seconds of imports, and a manifest that is kept can be older than the project.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt"

_REF = re.compile(r"\bref\('(\w+)'\)")
_SOURCE = re.compile(r"\bsource\('lake', '(\w+)'\)")

# The same safe loader in C, where PyYAML was built with it: nine times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# How dbt's tests read as sentences; one that is not named here is called by its own name.
_SENTENCES = {
    "not_null": ("every_row_has_{column}", "Every row has a {column}."),
    "unique": ("{column}_never_repeats", "No two rows share a {column}."),
    "one_row_per": ("one_row_per_{columns}", "No two rows share {columns}."),
    "accepted_values": ("{column}_is_one_of_the_known", "Every {column} is one of {values}."),
    "relationships": ("every_{column}_is_known", "Every {column} is found in {to}."),
}


@dataclass(frozen=True, slots=True)
class MartColumn:
    """A column of a mart: its name, DuckDB type and description."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Promise:
    """One dbt test of a mart: a name that is a sentence, what it says, and how dbt's results call it.

    `test` is the kind of a generic test with the column it stands on, or the file of a test written in SQL.
    """

    mart: str
    name: str
    says: str
    test: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Mart:
    """One mart: the question it answers, its columns, the tables of the lake it is made from, and its promises."""

    name: str
    description: str
    columns: tuple[MartColumn, ...]
    lake_tables: tuple[str, ...]
    promises: tuple[Promise, ...]
    version: str


class DbtProject:
    """A dbt project read from its folder."""

    def __init__(self, folder: Path = PROJECT) -> None:
        self.folder = folder

    @cached_property
    def marts(self) -> tuple[Mart, ...]:
        """The project's marts by name."""
        return tuple(self._mart(path) for path in sorted((self.folder / "models" / "marts").glob("*.sql")))

    @property
    def lake_tables(self) -> set[str]:
        """Every table of the lake that some mart reads."""
        return {table for mart in self.marts for table in mart.lake_tables}

    @cached_property
    def _sql(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in sorted((self.folder / "models").rglob("*.sql"))}

    def _mart(self, path: Path) -> Mart:
        told = yaml.load(path.with_suffix(".yml").read_text(), Loader=_LOADER)["models"][0]
        upstream = sorted(self._upstream(path.stem))
        sql = "".join(self._sql[name] for name in upstream)
        return Mart(
            name=path.stem,
            description=told["description"],
            columns=tuple(MartColumn(column["name"], column["data_type"], column["description"]) for column in told["columns"]),
            lake_tables=tuple(sorted({table for name in upstream for table in _SOURCE.findall(self._sql[name])})),
            promises=(*_generic_promises(told), *self._written_promises(path.stem)),
            version=hashlib.sha256(sql.encode()).hexdigest()[:12],
        )

    def _upstream(self, model: str) -> set[str]:
        """The model and every model it is made from."""
        return {model}.union(*(self._upstream(name) for name in _REF.findall(self._sql[model])))

    def _written_promises(self, mart: str) -> Iterator[Promise]:
        """Tests written in SQL belong to the first mart they name; their first line says what they promise."""
        for path in sorted((self.folder / "tests").glob("*.sql")):
            sql = path.read_text()
            if next((name for name in _REF.findall(sql) if name.startswith("mart_")), None) == mart:
                yield Promise(mart, path.stem, sql.splitlines()[0].removeprefix("-- "), path.stem)


def _generic_promises(told: Mapping[str, Any]) -> Iterator[Promise]:
    for test in told.get("data_tests", []):
        yield _promise(told["name"], None, test)
    for column in told["columns"]:
        for test in column.get("data_tests", []):
            yield _promise(told["name"], column["name"], test)


def _promise(mart: str, column: str | None, test: str | Mapping[str, Any]) -> Promise:
    kind, settings = (test, {}) if isinstance(test, str) else next(iter(test.items()))
    words = {"column": column or "row", "columns": "", "values": "", "to": "", **settings.get("arguments", {})}
    name, says = _SENTENCES.get(kind, (f"{kind}_{{column}}", f"dbt's test {kind} on {{column}}."))
    as_name = {**words, "columns": "_".join(words["columns"])}
    as_text = {**words, "columns": ", ".join(words["columns"]), "values": ", ".join(words["values"])}
    return Promise(mart, name.format(**as_name), says.format(**as_text), kind, column)
