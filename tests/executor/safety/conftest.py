"""A chain with pools of three venues for each file that wants one, and stories told on it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench._swap_stage import GENESIS, SwapStage
from executor.chain.local.anvil import CHAIN_ID, Anvil
from executor.chain.node import HttpNode
from executor.safety import SafetySimulation, TokenSlots

Story = Callable[[SwapStage, SafetySimulation], Awaitable[Any]]
Tell = Callable[[Story], Any]


@pytest.fixture(scope="module")
def anvil(node_modules: Path) -> Iterator[Anvil]:
    with Anvil(start_timestamp=GENESIS, accounts=6) as running:
        yield running


@pytest.fixture(scope="module")
def set_stage(anvil: Anvil, node_modules: Path) -> SwapStage:
    return SwapStage(anvil, HttpNode(anvil.url), random.Random(1), node_modules)


@pytest.fixture
def tell(anvil: Anvil, set_stage: SwapStage) -> Tell:
    """Runs a story on the chain as it was after the setup."""

    def told(story: Story) -> Any:
        async def run() -> Any:
            async with HttpNode(anvil.url, timeout_seconds=60) as node:
                set_stage.node, set_stage.chance = node, random.Random(1)
                await set_stage.reset()
                return await story(set_stage, SafetySimulation(node, set_stage.clock, TokenSlots(node, CHAIN_ID)))

        return asyncio.run(run())

    return told
