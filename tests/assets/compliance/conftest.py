"""The small chain's finished lake, as the chain's tests use it."""

from __future__ import annotations

from tests.assets.chain.conftest import chain, lake, recording

__all__ = ["chain", "lake", "recording"]
