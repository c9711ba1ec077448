"""A desk, its store and an authority, with the official schemas that lie beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.executor.compliance.filings.world import SharedSchemas, World

SHARED = Path(__file__).resolve().parents[5] / "shared"


@pytest.fixture(scope="session")
def schemas() -> SharedSchemas:
    """The official schemas; a missing file is an error of the test that asks for it."""
    if not SHARED.is_dir():
        pytest.skip(f"the official schemas are not here: {SHARED} does not exist")
    return SharedSchemas(SHARED / "schemas")


@pytest.fixture
def world(schemas: SharedSchemas, tmp_path: Path):
    """A desk and an authority that never met before."""
    made = World(schemas, tmp_path / "filings")
    yield made
    made.store.close()
