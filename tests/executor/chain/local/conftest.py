"""A node of its own for each test file that wants one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from executor.chain.local.anvil import Anvil
from executor.chain.local.world import World

GENESIS = 1_767_564_000


@pytest.fixture(scope="module")
def node(node_modules: Path) -> Iterator[Anvil]:
    with Anvil(start_timestamp=GENESIS, accounts=5) as running:
        yield running


@pytest.fixture(scope="module")
def world(node: Anvil, node_modules: Path) -> World:
    return World.deploy(node, timestamp=GENESIS, node_modules=node_modules)
