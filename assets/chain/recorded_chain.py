"""The chain as a recording tells it, and where reference prices come from: the door of the first tables."""

from __future__ import annotations

import dagster as dg

from assets.chain.price_sources import PriceSource, price_source
from assets.partitions import Span
from executor.chain.recording import Recording


class RecordedChain(dg.ConfigurableResource):
    """A recording on disk. `prices` is "recording", or "ccxt:" and the name of an exchange to ask instead."""

    path: str
    prices: str = "recording"

    def recording(self) -> Recording:
        """The recording; raises BadInput when the folder is not a whole one."""
        return Recording.open(self.path)

    def price_source(self) -> PriceSource:
        """Where reference prices are asked for; raises BadInput when the setting names no known source."""
        return price_source(self.prices, self.recording())


def inside_days(recording: Recording, span: Span | None) -> Span:
    """The days to read: the run's, or all days of the recording."""
    return span or Span(recording.days[0], recording.days[-1])
