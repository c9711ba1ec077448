"""An activation on a filled shelf."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.activation import Activation
from tests.executor.activation.shelves import fill, opened


@pytest.fixture
def hashes(folder: Path, tmp_path: Path) -> dict[int, str]:
    return fill(folder, tmp_path / "bundles")


@pytest.fixture
def activation(folder: Path, hashes: dict[int, str]) -> Activation:
    return opened(folder)
