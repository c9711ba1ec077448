"""The mirror's follower told apart from the chain: lag, silence, and a reorg deeper than anybody remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.problems import Broken, Unavailable
from executor import following as module
from executor.chain.blocks import Back, Block, Final, Forward, Step
from executor.chain.node import Call
from executor.following import MirrorFollower
from executor.listener import BlockReader, Heads
from executor.mirror import Mirror
from executor.telemetry import Telemetry
from executor.virtual.loop import VirtualClock, run_virtually


class Node:
    """A node at a height, or silent."""

    def __init__(self) -> None:
        self.height: int | None = 10

    async def call(self, method: str, *params: Any) -> Any:
        if self.height is None:
            raise Unavailable("The node does not answer.")
        if method == "eth_blockNumber":
            return hex(self.height)
        return {"number": hex(10), "hash": "0x10", "timestamp": hex(1_000)}

    async def batch(self, calls: list[Call]) -> list[Any]:
        return [await self.call(method, *params) for method, params in calls]


def block(number: int, parent: str | None = None) -> Block:
    return Block(number, f"0x{number}", parent or f"0x{number - 1}", 1_000 + number, 7)


class Scene:
    """A follower over steps that the test tells, without pools."""

    def __init__(self, clock: VirtualClock, patch: pytest.MonkeyPatch, steps: list[Step | Exception]) -> None:
        self.node, self.telemetry, self.woken = Node(), Telemetry(clock), 0
        self.heads = Heads(clock, poll_seconds=1.0)

        async def told(follower: object, heads: object) -> AsyncIterator[Step]:
            for step in steps:
                if isinstance(step, Exception):
                    raise step
                yield step
            await asyncio.Event().wait()

        async def found() -> list[Any]:
            return []

        def wake() -> None:
            self.woken += 1

        patch.setattr(module, "follow", told)
        self.following = MirrorFollower(
            1, self.node, BlockReader(self.node), self.heads, Mirror({}), found, clock, self.telemetry, woken=wake
        )

    @property
    def page(self) -> str:
        self.following.measure()
        return self.telemetry.text().decode()


def test_before_it_stands_it_is_not_known_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(clock, monkeypatch, [])
        assert len(scene.following.reasons()) == 2
        assert (scene.following.lag_blocks, scene.following.lag_seconds, scene.following.newest()) == (None, None, None)
        assert "grekko_mirror_lag_blocks NaN" in scene.page
        with pytest.raises(Unavailable, match="being read"):
            scene.following.floor()

    run_virtually(story)


def test_a_mirror_that_follows_nothing_any_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(clock, monkeypatch, [Forward(block(11)), Final(5, "0x5")])
        scene.node.height = 11
        tasks = [asyncio.ensure_future(work()) for work in (scene.following.run, scene.following.ask_head, scene.following.compare)]
        await clock.sleep(3)
        assert (scene.following.reasons(), scene.following.lag_blocks, scene.woken) == ([], 0, 1)
        assert scene.following.floor().block_number == 11
        newest = scene.following.newest()
        assert newest is not None and newest.block_number == 11
        scene.node.height = 16
        await clock.sleep(10)
        assert scene.following.reasons() == ["The mirror is 5 blocks behind the node."]
        assert scene.following.lag_seconds == pytest.approx(9, abs=1.5)
        assert "grekko_mirror_lag_blocks 5.0" in scene.page
        scene.node.height = None
        await clock.sleep(3)
        assert scene.following.reasons()[0] == "The node does not answer."
        for task in tasks:
            task.cancel()

    run_virtually(story)


def test_the_depth_of_a_reorg_is_counted_once_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(clock: VirtualClock) -> None:
        forth = [Forward(block(11)), Forward(block(12))]
        back = [Back(block(12)), Back(block(11))]
        scene = Scene(clock, monkeypatch, [*forth, *back, Forward(Block(11, "0x11b", "0x10", 1_011, 7))])
        task = asyncio.ensure_future(scene.following.run())
        await clock.sleep(1)
        assert "grekko_reorg_depth_blocks_sum 2.0" in scene.page
        assert scene.following.floor().block_hash == "0x11b"
        task.cancel()

    run_virtually(story)


@pytest.mark.parametrize("problem", [Broken("The chain took back 300 blocks."), Unavailable("The node does not answer.")])
def test_a_follower_that_must_begin_again_says_so_and_can(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    async def story(clock: VirtualClock) -> None:
        scene = Scene(clock, monkeypatch, [Forward(block(11)), problem])
        with pytest.raises(Unavailable):
            await scene.following.run()
        assert str(problem) in scene.following.reasons()
        scene.following.mirror._forget()
        await asyncio.wait([task := asyncio.ensure_future(scene.following.compare())], timeout=3)
        task.cancel()

    run_virtually(story)
