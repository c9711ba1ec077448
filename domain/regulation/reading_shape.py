"""Whether a rulebook has the shape of `rulebook.schema.json`, told as a person would: where, what stands there, what to write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from domain.regulation.yaml_tree import Fault, Place, path_of, shown

SCHEMA = Path(__file__).with_name("rulebook.schema.json")


def shape_faults(tree: Place) -> Iterator[Fault]:
    """What is wrong with the shape, in the order of the files."""
    plain = tree.plain()
    if _quick().is_valid(plain):
        return
    for error in _telling().iter_errors(plain):
        steps: list[str | int] = list(error.absolute_path)
        if error.validator == "additionalProperties":
            for name in sorted(set(error.instance) - set(error.schema["properties"])):
                yield _fault(tree, [*steps, name], f"there is no such setting; {_closest(name, list(error.schema['properties']))}")
        elif error.validator == "required":
            name = next(one for one in error.validator_value if one not in error.instance and f"'{one}'" in error.message)
            yield _fault(tree, steps, f"it has no {name}; add it.")
        elif "propertyNames" in error.absolute_schema_path:
            yield _fault(tree, [*steps, error.instance], error.schema["fix"])
        elif error.validator == "enum":
            words = [str(one) for one in error.validator_value]
            yield _fault(tree, steps, f"it is {shown(error.instance)}; {_closest(str(error.instance), words)}")
        elif error.validator in ("minItems", "minProperties"):
            yield _fault(tree, steps, "it is empty; write at least one.")
        else:
            yield _fault(tree, steps, f"it is {shown(error.instance)}; {error.schema['fix']}")


def _fault(tree: Place, steps: list[str | int], sentence: str) -> Fault:
    place = tree.at(steps)
    return Fault(place.file, place.line, path_of(steps), sentence)


def _closest(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"write one of {', '.join(sorted(known))}."


@cache
def _quick() -> Any:
    """Says only whether: a right rulebook is what is read each day."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(_schema())


@cache
def _telling() -> Any:
    """Says what is wrong, and takes longer."""
    import jsonschema

    return jsonschema.Draft202012Validator(_schema())


def _schema() -> Any:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))
