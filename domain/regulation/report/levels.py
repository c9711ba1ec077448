"""The levels of a report: what there is one of in the document, one of for each group, and one of for each group within a group.

A node without groups adds its fields to the level it stands in. `{action}` in a path stands for the report's word for the action, so a
field with it has one place for each action that the rows have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from domain.problems import BadInput
from domain.regulation.rulebook import ACTIONS, Action, Field, Lifecycle, Node

ACTION = "{action}"
_XML_STEP = re.compile(r"[^\[\]/@]+")
_JSON_STEP = re.compile(r"([^\[\].]+)(\[\])?")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path. `listed` makes what stands there the one entry of a JSON list."""

    name: str
    listed: bool = False


Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field of a level stands, for rows of these actions (empty for all)."""

    xml: Path | None
    json: Path | None
    on: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """A field in a level: `column` is the name of its texts, `places` where they go. `on` are the actions of the rows it is told for."""

    field: Field
    column: str
    on: tuple[Action, ...]
    places: tuple[Place, ...]


@dataclass(slots=True)
class Level:
    """One set of fields that share their groups. `xml` and `json` place each of its records in the level above."""

    number: int
    group_by: tuple[str, ...] = ()
    on: tuple[Action, ...] = ()
    xml: Path | None = None
    json: Path | None = None
    uses: list[Use] = field(default_factory=list)
    below: list[Level] = field(default_factory=list)

    @property
    def fragments(self) -> str:
        """The name of the column that holds its records' text in the level above."""
        return f"level_{self.number}"

    def every(self) -> Iterator[Level]:
        """This level and all below."""
        yield self
        for level in self.below:
            yield from level.every()


@dataclass(frozen=True, slots=True)
class _Here:
    """Where the reading of the nodes stands: below this path, for these actions."""

    xml: Path | None
    json: Path | None
    on: tuple[Action, ...]


@dataclass(slots=True)
class _Reader:
    lifecycle: Lifecycle
    actions: tuple[Action, ...]
    counted: int = 0
    levels: int = 0

    def level(self, **shape: object) -> Level:
        level = Level(self.levels, **shape)  # type: ignore[arg-type]
        self.levels += 1
        return level

    def read(self, nodes: Sequence[Node], level: Level, here: _Here) -> None:
        for node in nodes:
            on: tuple[Action, ...] = tuple(action for action in self.actions if action in here.on and (not node.on or action in node.on))
            if node.on and not on:
                continue
            if not node.group_by:
                for part in self._apart(node.at, on):
                    below = _Here(_below(here.xml, self._xml(node.at, part)), _below(here.json, self._json(node.json, part)), part)
                    level.uses += [self._use(one, below) for one in node.fields]
                    self.read(node.children, level, below)
                continue
            apart: list[tuple[Action, ...]] = self._apart(node.at, on)
            if any(ACTION in (one.path or "") for one in node.every_field()):
                apart = [(action,) for action in on]
            for part in apart:
                group = self.level(group_by=node.group_by, on=part)
                group.xml = _below(here.xml, self._xml(node.at, part)) if node.at else None
                group.json = _below(here.json, self._json(node.json, part)) if node.json else None
                inside = _Here(() if node.at else None, () if node.json else None, part)
                group.uses += [self._use(one, inside) for one in node.fields]
                self.read(node.children, group, inside)
                level.below.append(group)

    def _apart(self, at: str, on: tuple[Action, ...]) -> list[tuple[Action, ...]]:
        return [(action,) for action in on] if ACTION in at else [on]

    def _use(self, one: Field, here: _Here) -> Use:
        self.counted += 1
        worded = ACTION in (one.path or "") or ACTION in (one.json or "")
        places = []
        parts: list[tuple[Action, ...]] = [(action,) for action in here.on] if worded else [here.on]
        for part in parts:
            xml = None if one.path is None else _below(here.xml, self._xml(one.path, part))
            json = None if one.json is None else _below(here.json, self._json(one.json, part))
            places.append(Place(xml, json, part))
        return Use(one, f"field_{self.counted}", here.on, tuple(places))

    def _worded(self, text: str, part: tuple[Action, ...]) -> str:
        if ACTION not in text:
            return text
        if part[0] not in self.lifecycle.words:
            raise BadInput(f"The lifecycle has no word for {part[0]}, which {text} asks for: add it under words.", field="words")
        return text.replace(ACTION, self.lifecycle.words[part[0]])

    def _xml(self, text: str, part: tuple[Action, ...]) -> Path:
        steps = [_XML_STEP.fullmatch(step) for step in self._worded(text, part).split("/") if step]
        if None in steps:
            fix = "write elements with slashes between, such as Tx/Pric; an attribute goes under attributes of its element's field"
            raise BadInput(f"The path {text!r} cannot be read: {fix}.", field="path")
        return tuple(Step(step[0]) for step in steps if step)

    def _json(self, text: str | None, part: tuple[Action, ...]) -> Path:
        steps = [_JSON_STEP.fullmatch(step) for step in self._worded(text or "", part).split(".") if step]
        if None in steps:
            raise BadInput(f"The key {text!r} is not keys with dots between, such as price.amount or persons[].name.", field="json")
        return tuple(Step(step[1], step[2] is not None) for step in steps if step)


def _below(path: Path | None, rest: Path) -> Path | None:
    return None if path is None else path + rest


def read_levels(nodes: Sequence[Node], lifecycle: Lifecycle, actions: Sequence[Action] = ACTIONS) -> Level:
    """The document's level, with the levels of its groups below. `actions` are those that the rows have."""
    reader = _Reader(lifecycle, tuple(actions))
    document = reader.level(on=tuple(actions))
    reader.read(nodes, document, _Here((), (), tuple(actions)))
    return document
