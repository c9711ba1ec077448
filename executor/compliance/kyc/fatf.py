"""The lists of the Financial Action Task Force: which country is under a call for action or increased monitoring on which day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, cast

from executor.strict_yaml import Section, Value, read_settings

Listed = Literal["call_for_action", "increased_monitoring"]
SHIPPED = Path(__file__).parent / "fatf.yaml"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class State:
    """A country on a list, from a day until before another one. `checked` says whether somebody read the source."""

    country: str
    listed: Listed
    valid_from: date
    valid_until: date | None
    source: str
    checked: bool


@dataclass(frozen=True, slots=True)
class FatfLists:
    """Both lists through time. `as_of` is the meeting they were last brought up to, `not_checked` what nobody has read."""

    as_of: str
    not_checked: str
    states: tuple[State, ...]

    def state_of(self, country: str, day: date) -> State | None:
        """How the country stands on that day, the call for action before the monitoring; None on neither list."""
        found = [
            one
            for one in self.states
            if one.country == country.upper() and one.valid_from <= day and (one.valid_until is None or day < one.valid_until)
        ]
        return min(found, key=lambda one: one.listed, default=None)

    def version(self, day: date) -> str:
        """The lists' version, which is that of the newest change before the day."""
        changes = [change for one in self.states for change in (one.valid_from, one.valid_until) if change and change <= day]
        return f"fatf {max(changes, default='before its lists')} (brought up to {self.as_of})"


@cache
def load_fatf(path: Path = SHIPPED) -> FatfLists:
    """Reads the lists. Raises BadInput with the line and the fix."""
    told = read_settings(path.read_bytes(), path.name)
    lists = FatfLists(told["as_of"].text(), told["not_checked"].text(), tuple(_state(one.section()) for one in told["countries"].items()))
    told.done()
    return lists


def _state(told: Section) -> State:
    state = State(
        told["country"].text(longest=2),
        cast(Listed, told["listed"].choice("call_for_action", "increased_monitoring")),
        _day(told["valid_from"]),
        told.maybe("valid_until", _day, None),
        told["source"].text(),
        told["checked"].choice("true", "false") == "true",
    )
    told.done()
    return state


def _day(value: Value) -> date:
    text = value.text()
    if not _DAY.fullmatch(text):
        value.bad("write a day as 2026-06-01.")
    return date.fromisoformat(text)
