"""Where the tests of compliance find the official schemas, which the repository does not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


@pytest.fixture(scope="session")
def shared_schemas() -> Path:
    """The folder of official schemas beside the checkout; a test fails when only that folder is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared files are not here: {SHARED} does not exist")
    folder = SHARED / "schemas"
    assert folder.is_dir(), f"{SHARED} is here and {folder} is not"
    return folder
