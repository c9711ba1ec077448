"""The elements of a level as a tree: what shares the beginning of a path stands in one element, ordered as the schema wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

from domain.problems import BadInput
from domain.regulation.report.documents import Schemas
from domain.regulation.report.element_order import Content, Schema, read_schema
from domain.regulation.report.levels import Level, Place, Step, Use
from domain.regulation.rulebook import Format

Kind = Literal["xml", "json"]


@dataclass(slots=True)
class Branch:
    """An element (or a key) with what stands in it: values of fields, other branches, and the records of levels below."""

    step: Step
    children: list[Branch] = field(default_factory=list)
    leaves: list[tuple[Use, Place]] = field(default_factory=list)
    slots: list[Level] = field(default_factory=list)

    @property
    def in_list(self) -> bool:
        """Whether it is an entry of a JSON list; records make a list by themselves."""
        return self.step.listed and not self.slots

    def at(self, steps: Sequence[Step]) -> Branch:
        """The branch at a path below this one, made where it is not there yet."""
        here = self
        for step in steps:
            found = next((child for child in here.children if child.step == step), None)
            if found is None:
                found = Branch(step)
                here.children.append(found)
            here = found
        return here

    def every_use(self) -> Iterator[Use]:
        """The fields in it."""
        yield from (use for use, _ in self.leaves)
        for child in self.children:
            yield from child.every_use()


Trees = Mapping[int, Branch]


def branches(document: Level, kind: Kind) -> dict[int, Branch]:
    """The tree of each level, by the level's number."""
    trees = {level.number: Branch(Step("")) for level in document.every()}
    for level in document.every():
        root = trees[level.number]
        for use in level.uses:
            for place in use.places:
                path = place.xml if kind == "xml" else place.json
                if path:
                    root.at(path).leaves.append((use, place))
        for below in level.below:
            path = below.xml if kind == "xml" else below.json
            if path:
                root.at(path).slots.append(below)
    return trees


@dataclass(frozen=True, slots=True)
class _Names:
    """What the prefixes stand for, and the schema of each extension by its namespace."""

    default: str
    spaces: Mapping[str, str]
    extensions: Mapping[str, Schema]

    def qualified(self, name: str) -> str:
        prefix, _, local = name.rpartition(":")
        if prefix and prefix not in self.spaces:
            raise BadInput(f"{name} has the prefix {prefix!r}, which names no namespace of the format.", field=name)
        space = self.spaces[prefix] if prefix else self.default
        return f"{{{space}}}{local}" if space else local

    def global_element(self, qualified: str) -> Content | None:
        space = qualified[1:].partition("}")[0]
        schema = self.extensions.get(space)
        if schema is None:
            return None
        declared = schema.element(qualified)
        if declared is None:
            raise BadInput(f"The schema of the extension {space} has no element {qualified}.", field=qualified)
        return declared.content()


def arrange(document: Level, trees: Trees, form: Format, schemas: Schemas) -> None:
    """Puts the elements of every tree in the order of the schema.

    Raises BadInput naming the field and the path when the schema has no such element, or has not the root.
    """
    spaces = {**form.namespaces, **{one.prefix: one.namespace for one in form.extensions}}
    extensions = {one.namespace: read_schema(schemas.path(one.schema)) for one in form.extensions}
    names = _Names(form.namespace, spaces, extensions)
    if form.schema is None:
        return
    declared = read_schema(schemas.path(form.schema)).element(names.qualified(form.root))
    if declared is None:
        raise BadInput(f"{form.schema} has no element {form.root} in the namespace {form.namespace!r}.", field="root", schema=form.schema)
    _arrange(trees[document.number], declared.content(), trees, names, form.root)


def _arrange(branch: Branch, content: Content, trees: Trees, names: _Names, at: str) -> None:
    known = {child.step: names.qualified(child.step.name) for child in branch.children}
    for child in branch.children:
        name = known[child.step]
        inside = f"{at}/{child.step.name}"
        if name in content.children:
            below: Content | None = content.children[name].content()
        elif content.open:
            below = names.global_element(name)
        else:
            raise BadInput(_unknown(child, content, inside, trees), field=child.step.name, path=inside)
        if below is not None:
            _arrange(child, below, trees, names, inside)
            for level in child.slots:
                _arrange(trees[level.number], below, trees, names, inside)
    branch.children.sort(key=lambda child: content.position(known[child.step]))


def _unknown(child: Branch, content: Content, inside: str, trees: Trees) -> str:
    uses = [*child.every_use(), *(use for level in child.slots for use in trees[level.number].every_use())]
    field_ids = ", ".join(dict.fromkeys(use.field.id for use in uses)) or "no field"
    there = [name.rpartition("}")[2] for name in content.children]
    near = get_close_matches(child.step.name, there, 1)
    fix = f"did you mean {near[0]}" if near else f"there are {', '.join(there)}" if there else "it holds only text"
    return f"The schema has no element {inside} (fields {field_ids}): {fix}."
