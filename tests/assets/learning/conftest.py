"""The small world's rule: the shipped one, for a world whose orders cannot lose three thousand basis points."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from assets.learning import trial
from models.experiments.policy import PromotionPolicy


@pytest.fixture(scope="package", autouse=True)
def the_small_world_s_accident() -> Iterator[None]:
    """Nine days of a hundred orders can't rule out the shipped policy's accident; the small world has none larger than this."""
    rule = dataclasses.replace(PromotionPolicy.read(), accident_bps=500.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "policy", lambda: rule)
        yield
