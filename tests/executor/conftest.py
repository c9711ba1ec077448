"""A hand-over on a small trading floor, and the service on top of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.routing.pool_book import PoolBook
from executor.routing.pool_files import load_pool_book
from executor.service import ExecutorService
from tests.executor.trading_floor import champion, hand_over


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The executor's folder, with the champion handed over."""
    hand_over(tmp_path / "executor", champion(tmp_path / "bundles"))
    return tmp_path / "executor"


@pytest.fixture
def book(folder: Path) -> PoolBook:
    return load_pool_book(folder / "pools.parquet", folder / "ticks.parquet")


@pytest.fixture
def service(folder: Path) -> ExecutorService:
    return ExecutorService(folder)
