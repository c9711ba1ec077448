"""YAML as a tree that remembers where each value stands, so that an error can name its file and line.

A plain scalar is null, true, false, an integer or a number only as YAML 1.2 writes them, so `NO` stays the country; all else is text.
Refused are the traps: aliases, tags, keys told twice, a second document, files too long or nested too deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

MAX_BYTES = 512 * 1024
MAX_DEPTH = 30
SHOWN = 60
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(slots=True)
class Place:
    """A value and where it stands: `told` is a scalar, a list of Places or a mapping to Places. A setting's line is that of its name."""

    told: Any
    file: str
    line: int

    def plain(self) -> Any:
        """The value as Python's own lists and mappings."""
        if isinstance(self.told, dict):
            return {name: one.plain() for name, one in self.told.items()}
        return [one.plain() for one in self.told] if isinstance(self.told, list) else self.told

    def at(self, path: list[str | int]) -> Place:
        """The place of a path, or the nearest one above it."""
        here = self
        for step in path:
            try:
                here = here.told[step]
            except (KeyError, IndexError, TypeError):
                break
        return here


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file: where, and a sentence with the fix."""

    file: str
    line: int
    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.path + ': ' if self.path else ''}{self.sentence}"


class NotReadable(Exception):
    """A file has no tree; its fault says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def read_tree(text: str, file: str) -> Place:
    """The tree of a file. Raises NotReadable."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _fault(file, 1, "", f"it is longer than {MAX_BYTES} bytes; split it into files of one jurisdiction each.")
    try:
        root = _tree(text, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _fault(file, line, "", f"it is not YAML: {error.problem or error.context}; look at this line and the one above.") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _fault(file, 1, "", "it is not YAML; look for characters that are not text.") from error
    if root is None or not isinstance(root.told, dict):
        raise _fault(file, 1, "", "it holds no settings; begin with `version: 1`, or with `jurisdiction: CODE`.")
    return root


def path_of(steps: list[str | int]) -> str:
    """A path as people write it: rules[3].then."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def shown(told: Any) -> str:
    """A value as a message repeats it."""
    if isinstance(told, dict):
        return "a section"
    if isinstance(told, list):
        return "a list"
    if told is None:
        return "empty"
    if isinstance(told, str):
        return repr(told if len(told) <= SHOWN else told[:SHOWN] + "…")
    return {True: "true", False: "false"}[told] if isinstance(told, bool) else str(told)


def _fault(file: str, line: int, path: str, sentence: str) -> NotReadable:
    return NotReadable(Fault(file, line, path, sentence))


@dataclass(slots=True)
class _Open:
    """A list or a section that is being read; `name` is the setting whose value comes next, `line` the line of it."""

    place: Place
    path: list[str | int]
    name: str | None = None
    line: int = 0

    def step(self) -> list[str | int]:
        return [*self.path, len(self.place.told) if isinstance(self.place.told, list) else self.name or ""]


def _tree(text: str, file: str) -> Place | None:
    root: Place | None = None
    within: list[_Open] = []
    for event in _events(text):
        here = within[-1] if within else None
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise _fault(file, line, "", "a second document begins here; keep one.")
        if isinstance(event, yaml.CollectionEndEvent):
            within.pop()
        if not isinstance(event, yaml.NodeEvent):
            continue
        path = here.step() if here else []
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _fault(file, line, path_of(path), "anchors and aliases are not read; write it out.")
        if getattr(event, "tag", None) is not None:
            raise _fault(file, line, path_of(path), "tags are not read; leave it out.")
        if here is not None and isinstance(here.place.told, dict) and here.name is None:
            _name(here, event, line, file)
            continue
        place = Place(_started(event), file, here.line if here is not None and here.name is not None else line)
        if here is None:
            root = place
        elif isinstance(here.place.told, list):
            here.place.told.append(place)
        else:
            here.place.told[here.name], here.name = place, None
        if not isinstance(event, yaml.ScalarEvent):
            if len(within) == MAX_DEPTH:
                raise _fault(file, line, path_of(path), f"it is nested deeper than {MAX_DEPTH} levels; write less deep.")
            within.append(_Open(place, path))
    return root


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_LOADER)


def _name(here: _Open, event: Any, line: int, file: str) -> None:
    """The name of a setting, whose value comes next."""
    path = path_of(here.path)
    if not isinstance(event, yaml.ScalarEvent) or not event.value.isprintable() or not 0 < len(event.value) <= 100:
        raise _fault(file, line, path, "a setting's name must be short text.")
    if event.value in here.place.told:
        raise _fault(file, line, path, f"{event.value} is told twice, first on line {here.place.told[event.value].line}; keep one.")
    here.name, here.line = event.value, line


def _started(event: Any) -> Any:
    if not isinstance(event, yaml.ScalarEvent):
        return [] if isinstance(event, yaml.SequenceStartEvent) else {}
    told = event.value
    if not event.implicit[0]:
        return told
    if told in _WORDS:
        return _WORDS[told]
    if _WHOLE.fullmatch(told):
        return int(told)
    return float(told) if _NUMBER.fullmatch(told) else told
