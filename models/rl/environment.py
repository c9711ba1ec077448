"""The episode as a gymnasium environment, for whatever learner speaks that protocol. Needs the extra `rl`; nothing else in Grekko does."""

from __future__ import annotations

from typing import Any

import numpy as np

from domain.problems import Unavailable
from models.rl.liquidation import EIGHTHS, OBSERVED, Liquidation, Terms


def make_environment(terms: Terms | None = None) -> Any:
    """A `gymnasium.Env` over the exact pool. Raises Unavailable, with what to install, when gymnasium is not there."""
    try:
        import gymnasium  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise Unavailable("gymnasium is not installed; install grekko[rl].", package="gymnasium") from error

    class LiquidationEnvironment(gymnasium.Env):
        """Chooses a part of what is left at each step; the reward is in bps of the order."""

        metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - the protocol's own form

        def __init__(self) -> None:
            self.terms = terms or Terms()
            self.action_space = gymnasium.spaces.Discrete(len(EIGHTHS))
            self.observation_space = gymnasium.spaces.Box(-100.0, 100.0, (len(OBSERVED),), np.float32)
            self.episode: Liquidation | None = None

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
            super().reset(seed=seed)
            self.episode = Liquidation(self.terms, int(self.np_random.integers(2**31)))
            return self.episode.observe(), {}

        def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            episode = self.episode
            assert episode is not None  # the protocol: reset first
            reward = episode.sell(int(action))
            return episode.observe(), reward, episode.done, False, {"left": str(episode.left), "got": str(episode.got)}

    return LiquidationEnvironment()
