"""Trains a seller with PPO (stable-baselines3) and says what it saves against selling at once and against equal pieces.

`python -m models.rl.train --steps 20000`; needs the extra `rl`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from domain.problems import Unavailable
from models.rl.environment import make_environment
from models.rl.liquidation import EIGHTHS, Liquidation, Terms

Choosing = Callable[[Liquidation], int]


def mean_reward(choose: Choosing, terms: Terms, episodes: int, seed: int) -> float:
    """The mean reward of that many episodes from a seed, bps of the order."""
    rewards = []
    for number in range(episodes):
        episode, earned = Liquidation(terms, seed + number), 0.0
        while not episode.done:
            earned += episode.sell(choose(episode))
        rewards.append(earned)
    return float(np.mean(rewards))


def at_once(episode: Liquidation) -> int:
    """Sells everything in the first step."""
    return len(EIGHTHS) - 1


def in_pieces(episode: Liquidation) -> int:
    """Sells about an equal piece at each step: the part nearest to one over the steps left."""
    wanted = 1 / max(episode.terms.steps - episode.step_number, 1)
    return min(range(len(EIGHTHS)), key=lambda choice: abs(EIGHTHS[choice] / 8 - wanted))


def train(terms: Terms, steps: int, seed: int) -> Choosing:
    """A seller learned with PPO. Raises Unavailable, with what to install, when stable-baselines3 is not there."""
    environment = make_environment(terms)
    try:
        from stable_baselines3 import PPO  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise Unavailable("stable-baselines3 is not installed; install grekko[rl].", package="stable-baselines3") from error
    model = PPO("MlpPolicy", environment, seed=seed, device="cpu", n_steps=512, batch_size=128, verbose=0)
    model.learn(steps)
    return lambda episode: int(model.predict(episode.observe(), deterministic=True)[0])


def main() -> int:
    """Prints the three rewards; returns 1 when the extra is missing."""
    parser = argparse.ArgumentParser(prog="python -m models.rl.train", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen, terms = parser.parse_args(), Terms()
    try:
        learned = train(terms, chosen.steps, chosen.seed)
    except Unavailable as absent:
        print(absent.message)
        return 1
    for name, choose in (("at once", at_once), ("in equal pieces", in_pieces), ("learned", learned)):
        print(f"{name}: {mean_reward(choose, terms, 300, 10_000):.1f} bps of the order")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
