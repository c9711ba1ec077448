"""A node and a quick folder for each story of the crash matrix."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from executor.chain.local.anvil import Anvil
from tests.executor.crash.matrix import Chain

GENESIS = 1_767_564_000


@pytest.fixture
def chain(node_modules: Path) -> Iterator[Chain]:
    with Anvil(start_timestamp=GENESIS, accounts=2, kept_states=256) as node:
        yield Chain.on(node)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: SIGKILL takes nothing from a file system, and flushing to a disk would be most of the time."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="grekko-crash-") as made:
        yield Path(made)
