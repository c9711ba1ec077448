"""JSON against JSON Schema 2020-12, whole or record by record, with each fault told by field, row and article."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from domain.foreign_json import read_foreign
from domain.problems import BadInput
from domain.regulation.report.documents import Document, Schemas
from domain.regulation.report.field_places import Place, field_places, fields_at
from domain.regulation.report.finding_rows import Fault
from domain.regulation.rulebook import Field, Format, Report

_BRANCHING = ("oneOf", "anyOf")
# To find the best alternative is slow, and a document may fail in every record: the rest is told as it stands.
MOST_EXPLAINED = 50
At = tuple[str | int, ...]


def json_faults(report: Report, form: Format, document: Document, schemas: Schemas) -> Iterator[Fault]:
    """The faults in the order in which they are found."""
    try:
        told = read_foreign(document.content, parse_constant=_no_number)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        yield Fault("json.well_formed", f"it is not JSON: {error}", (), "", None)
        return
    if form.schema is None:
        return
    path = schemas.path(form.schema)
    schema, validator = _validators(path, path.stat().st_mtime_ns)
    rows = _rows(told, document.keys)
    places = field_places(report, "json")
    explained = 0
    for at, part in _parts(report, form, told):
        for error in validator.iter_errors(part):
            inside, message = tuple(error.instance_path), error.message
            if error.kind.name in _BRANCHING and explained < MOST_EXPLAINED:
                explained += 1
                inside, message = _best(error, schema, part)
            whole = (*at, *inside)
            fields = fields_at(places, _names(whole), _missing(error))
            value = _value(told, whole)
            yield Fault(f"json:{error.kind.name}", message, tuple(fields), _row(rows, whole), value)


def line_faults(report: Report, form: Format, schemas: Schemas) -> Callable[[int, Mapping[str, str]], Iterator[Fault]]:
    """What checks a line of a CSV against the form's schema; nothing is found where it has none. An empty value counts as not given."""
    if form.schema is None:
        return lambda number, line: iter(())
    path = schemas.path(form.schema)
    _, validator = _validators(path, path.stat().st_mtime_ns)
    named: dict[str, list[Field]] = {}
    for one in report.every_field():
        named.setdefault(one.name, []).append(one)

    def faults(number: int, line: Mapping[str, str]) -> Iterator[Fault]:
        for error in validator.iter_errors({name: told for name, told in line.items() if told}):
            name = next((str(step) for step in error.instance_path), None) or next(iter(_missing(error)), "")
            yield Fault(f"csv:{error.kind.name}", f"line {number}: {error.message}", tuple(named.get(name, ())), "", line.get(name))

    return faults


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _no_other_file(uri: str) -> NoReturn:
    raise ValueError(f"{uri} lies outside the schema")


@lru_cache(maxsize=32)
def _validators(path: Path, _changed: int) -> tuple[Mapping[str, Any], jsonschema_rs.Draft202012Validator]:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
        return schema, jsonschema_rs.Draft202012Validator(schema, retriever=_no_other_file)
    except ValueError as error:
        raise BadInput(f"{path.name} is not a JSON Schema that can be used: {error}.", field="schema", file=path.name) from error


def _parts(report: Report, form: Format, told: Any) -> Iterator[tuple[At, Any]]:
    if form.records == "document" or not isinstance(told, dict):
        yield (), told
        return
    names = [node.json for node in report.tree if node.json and node.group_by]
    for name in dict.fromkeys(names):
        for at in _entries(told, tuple(step.partition("[")[0] for step in name.split("."))):
            yield at, _at(told, at)


def _best(error: Any, schema: Mapping[str, Any], part: Any) -> tuple[At, str]:
    """The place and the sentence of what fails in the alternative that fits best; only the value there is looked at again."""
    word, at = error.kind.name, tuple(error.instance_path)
    alternatives = _inside(schema, error.schema_path)
    best = None
    if alternatives is not None:
        best = best_match(Draft202012Validator(schema).evolve(schema={word: alternatives}).iter_errors(_at(part, at)))
    return (at, error.message) if best is None else ((*at, *best.absolute_path), best.message)


def _inside(schema: Mapping[str, Any], steps: Iterable[str | int]) -> Any:
    """What stands at a path in a schema; None where it starts in another resource than the whole."""
    try:
        return _at(schema, tuple(steps))
    except (KeyError, IndexError, TypeError):
        return None


def _missing(error: Any) -> list[str]:
    name = getattr(error.kind, "property", None)
    return [name] if isinstance(name, str) else []


def _names(at: At) -> Place:
    return tuple(step for step in at if isinstance(step, str))


def _entries(told: Any, names: Sequence[str]) -> list[At]:
    """Where the entries of a list are, in the order of the document; the list may stand in others."""
    here: list[tuple[At, Any]] = [((), told)]
    for name in names:
        there: list[tuple[At, Any]] = []
        for at, value in here:
            inside = value.get(name) if isinstance(value, dict) else None
            if isinstance(inside, list):
                there += [((*at, name, number), one) for number, one in enumerate(inside)]
            elif inside is not None:
                there.append(((*at, name), inside))
        here = there
    return [at for at, _ in here]


def _rows(told: Any, keys: Mapping[str, Sequence[str]]) -> dict[At, str]:
    found: dict[At, str] = {}
    for place, rows in keys.items():
        entries = _entries(told, place.split("."))
        found.update(zip(entries, rows, strict=False))
    return found


def _row(rows: Mapping[At, str], at: At) -> str:
    return next((rows[at[:length]] for length in range(len(at), 0, -1) if at[:length] in rows), "")


def _at(told: Any, at: At) -> Any:
    for step in at:
        told = told[step]
    return told


def _value(told: Any, at: At) -> str | None:
    try:
        value = _at(told, at)
    except (KeyError, IndexError, TypeError):
        return None
    return None if isinstance(value, dict | list) or value is None else str(value)
