"""Alerts: people are told of every violation that the journal holds, by webhook and by email, at least once each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from executor.compliance.alerts.channel import Channel
from executor.compliance.alerts.courier import Courier
from executor.journal import Journal
from executor.orders import VIOLATION, Entry
from executor.ports import Chance, Clock

__all__ = ["Alerting", "Channel", "channels_of"]


def channels_of(environment: Mapping[str, str]) -> list[Channel]:
    """The channels that the environment names. Raises BadInput naming the variable and what to write."""
    # Their libraries are loaded only where alerts are read from the environment: a start must stay quick.
    from executor.compliance.alerts.email import Email
    from executor.compliance.alerts.webhook import Webhook

    found: list[Channel | None] = [Webhook.from_environment(environment), Email.from_environment(environment)]
    return [one for one in found if one is not None]


class Alerting:
    """A courier for each channel. None of them holds up another, or an order. `failed` is told the channel that did not take an alert."""

    def __init__(
        self, channels: Sequence[Channel], clock: Clock, chance: Chance, failed: Callable[[str], None] = lambda name: None
    ) -> None:
        self._couriers = [Courier(channel, clock, chance, failed) for channel in channels]
        self._journal: Journal | None = None

    def begin(self, journal: Journal) -> None:
        """This is the journal; the tasks may be started."""
        self._journal = journal

    def heard(self, entry: Entry) -> None:
        """An entry is durable."""
        if entry.kind == VIOLATION:
            self.look()

    def look(self) -> None:
        """There may be a violation that nobody was told of."""
        for courier in self._couriers:
            courier.wake()

    def tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What must run, by name."""
        return {f"the alerts to {courier.channel.name}": self._carrying(courier) for courier in self._couriers}

    def _carrying(self, courier: Courier) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            assert self._journal is not None, "the journal is open before anything is started"
            await courier.run(self._journal)

        return run
