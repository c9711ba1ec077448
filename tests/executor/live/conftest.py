"""The market on the local chain, one for all live tests of a file; each test leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executor.local_market import Market, open_market


@pytest.fixture(scope="module")
def opened_market(node_modules: Path) -> Iterator[Market]:
    with open_market(node_modules) as opened:
        yield opened


@pytest.fixture
def market(opened_market: Market) -> Iterator[Market]:
    with opened_market.undone():
        yield opened_market
        opened_market.world.node.rpc("anvil_dropAllTransactions")  # going back in time leaves what waits
