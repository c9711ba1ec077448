"""Where the analysts' files lie, and how DuckDB is opened on them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import duckdb

from domain.problems import Unavailable


class Analyst(dg.ConfigurableResource):
    """The analysts' files in the home: the snapshot they open, and what it is made from.

    A table of the lake with more rows than `largest_table_rows` is not copied into the snapshot: it becomes a view over
    the Delta table, which a reader can use after `load delta`.
    """

    home: str
    largest_table_rows: int = 5_000_000

    @property
    def snapshot(self) -> Path:
        """The one file analysts open, read-only."""
        return Path(self.home).resolve() / "analyst.duckdb"

    @property
    def marts(self) -> Path:
        """The marts as dbt built and tested them last."""
        return self.workshop / "marts.duckdb"

    @property
    def workshop(self) -> Path:
        """Files that only the building of the snapshot needs."""
        return Path(self.home).resolve() / "analyst"

    @property
    def delta_extension(self) -> Path:
        """DuckDB's reader of Delta tables, loaded from its wheel: nothing is fetched from the network."""
        package = find_spec("duckdb_extension_delta")
        if package is None or package.origin is None:
            raise Unavailable("DuckDB cannot read Delta tables: the package duckdb-extension-delta is not installed.")
        return Path(package.origin).parent / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"

    def open(self, file: Path, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
        """A connection that shows times in UTC."""
        connection = duckdb.connect(str(file), read_only=read_only)
        connection.execute("set TimeZone = 'UTC'")
        return connection

    def open_with_lake(self, file: Path, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
        """A connection that can also read the views over Delta tables; opening one takes most of a second."""
        connection = self.open(file, read_only=read_only)
        connection.execute(f"load '{self.delta_extension}'")
        return connection
