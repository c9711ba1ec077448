"""Which field stands at a place of a document: paths of names, without the numbers of the elements."""

from __future__ import annotations

from collections.abc import Sequence

from domain.regulation.report.branches import Kind
from domain.regulation.report.levels import Level, Path, read_levels
from domain.regulation.rulebook import ACTIONS, Action, Field, Report

Place = tuple[str, ...]


def field_places(report: Report, kind: Kind) -> dict[Place, list[Field]]:
    """The fields at each place, in the order of the rulebook. In XML a place starts below the root."""
    worded: tuple[Action, ...] = tuple(action for action in ACTIONS if action in report.lifecycle.words) or ACTIONS
    found: dict[Place, list[Field]] = {}
    for nodes in (report.tree, report.nil_tree):
        document = read_levels(nodes, report.lifecycle, worded)
        _collect(document, (), kind, found)
    return found


def _collect(level: Level, at: Place, kind: Kind, found: dict[Place, list[Field]]) -> None:
    for use in level.uses:
        for place in use.places:
            path = place.xml if kind == "xml" else place.json
            if path:
                fields = found.setdefault((*at, *_names(path)), [])
                fields += [use.field] if use.field not in fields else []
    for below in level.below:
        path = below.xml if kind == "xml" else below.json
        if path:
            _collect(below, (*at, *_names(path)), kind, found)


def _names(path: Path) -> Place:
    return tuple(step.name for step in path)


def fields_at(places: dict[Place, list[Field]], at: Place, missing: Sequence[str] = ()) -> list[Field]:
    """The fields that a fault at a place is about: those there, else those of the missing names below it, else the first within it."""
    if at in places:
        return places[at]
    for name in missing:
        inside = [one for place, fields in places.items() if place[: len(at) + 1] == (*at, name) for one in fields]
        if inside:
            return inside[:1]
    return next((fields[:1] for place, fields in places.items() if place[: len(at)] == at), [])
