"""A service that takes orders in the mode simulate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.executor.api.asking import Opened


@pytest.fixture
def opened(folder: Path) -> Opened:
    return Opened(folder)
