"""Where something goes that a person should hear of, beside the refusal that whoever asked gets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

LOG = logging.getLogger(__name__)


class Alerts(Protocol):
    """Takes alerts; raising one never fails and never waits."""

    def raise_alert(self, name: str, facts: Mapping[str, Any]) -> None:
        """Something happened that goes by `name`; the facts are JSON values."""
        ...


class LoggedAlerts:
    """Writes each alert into the log and gives it to `keep`, which may count it or put it into the journal as an entry `alert`."""

    def __init__(self, keep: Callable[[str, Mapping[str, Any]], None] | None = None) -> None:
        self._keep = keep

    def raise_alert(self, name: str, facts: Mapping[str, Any]) -> None:
        LOG.warning("alert %s: %s", name, facts.get("message", dict(facts)))
        if self._keep is not None:
            self._keep(name, facts)
