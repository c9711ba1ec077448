"""The order in which an XML Schema wants elements, read from the schema itself, so that the order of the YAML need not matter.

Only what order needs is read: types, sequences, choices, groups, extensions, references, includes and imports. Whether a document is
valid is for the validator to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # it brings no types

from domain.problems import BadInput

XS = "{http://www.w3.org/2001/XMLSchema}"
_GROUPS = (f"{XS}sequence", f"{XS}choice", f"{XS}all")


def hardened_parser() -> etree.XMLParser:
    """A parser that opens no other file, asks no network, and expands nothing."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


@dataclass(slots=True)
class Content:
    """What may stand in an element: the children's names in order with their declarations, and whether anything else may stand there."""

    children: dict[str, Declared] = field(default_factory=dict)
    open: bool = False

    def position(self, name: str) -> int:
        """Where a child stands; what only a wildcard lets in comes after all others."""
        return list(self.children).index(name) if name in self.children else len(self.children)


@dataclass(frozen=True, slots=True)
class Declared:
    """An element as a schema file declares it."""

    node: etree._Element
    files: Schema

    def content(self) -> Content:
        """Its content. An element of a simple type has none."""
        return self.files.content(self.node)


@dataclass(slots=True)
class Schema:
    """The declarations of a schema with those that it includes and imports, by kind and name."""

    named: dict[tuple[str, str], Declared] = field(default_factory=dict)
    spaces: dict[etree._Element, tuple[str, bool]] = field(default_factory=dict)
    _contents: dict[etree._Element, Content] = field(default_factory=dict)

    def element(self, name: str) -> Declared | None:
        """The global element `{namespace}name`."""
        return self.named.get(("element", name))

    def load(self, path: Path, seen: set[Path], chameleon: str | None = None) -> None:
        """Adds a file. Raises BadInput when it is not a schema."""
        if path.resolve() in seen:
            return
        seen.add(path.resolve())
        try:
            root = etree.parse(path, hardened_parser()).getroot()
        except (etree.XMLSyntaxError, OSError) as error:
            raise BadInput(f"{path.name} cannot be read as an XML Schema: {error}.", file=path.name) from error
        if root.tag != f"{XS}schema":
            raise BadInput(f"{path.name} is not an XML Schema; its root is {root.tag}.", file=path.name)
        space = root.get("targetNamespace") or chameleon or ""
        self.spaces[root] = space, root.get("elementFormDefault") == "qualified"
        for node in root:
            if not isinstance(node.tag, str):
                continue
            kind = node.tag.removeprefix(XS)
            where = node.get("schemaLocation")
            if kind in ("include", "redefine", "import") and where:
                self._beside(path, where, seen, space if kind != "import" else None)
            elif node.get("name"):
                self.named.setdefault((kind, _qualified(space, node.get("name", ""))), Declared(node, self))

    def _beside(self, path: Path, where: str, seen: set[Path], chameleon: str | None) -> None:
        if "/" in where or "\\" in where or where.startswith("."):
            raise BadInput(f"{path.name} asks for {where}; schemas lie side by side in one folder.", file=path.name)
        self.load(path.parent / where, seen, chameleon)

    def content(self, element: etree._Element) -> Content:
        """What may stand in an element, by its own type or the one it names."""
        if element not in self._contents:
            content = self._contents[element] = Content()
            inline = element.find(f"{XS}complexType")
            if inline is not None:
                self._type(inline, content)
            elif element.get("type"):
                self._named_type(self._name(element, element.get("type", "")), content)
        return self._contents[element]

    def _named_type(self, name: str, content: Content) -> None:
        found = self.named.get(("complexType", name))
        if found is not None:
            self._type(found.node, content)

    def _type(self, node: etree._Element, content: Content) -> None:
        for part in node:
            if part.tag == f"{XS}complexContent":
                for change in part:
                    if change.tag == f"{XS}extension":
                        self._named_type(self._name(change, change.get("base", "")), content)
                    if isinstance(change.tag, str):
                        self._type(change, content)
            elif part.tag in _GROUPS or part.tag == f"{XS}group":
                self._particle(part, content)

    def _particle(self, node: etree._Element, content: Content) -> None:
        if node.tag == f"{XS}any":
            content.open = True
        elif node.tag == f"{XS}element":
            name, declared = self._declared(node)
            if declared is not None:
                content.children.setdefault(name, declared)
        elif node.tag == f"{XS}group":
            found = self.named.get(("group", self._name(node, node.get("ref", ""))))
            for part in found.node if found is not None else ():
                self._particle(part, content)
        elif node.tag in _GROUPS:
            for part in node:
                if isinstance(part.tag, str):
                    self._particle(part, content)

    def _declared(self, node: etree._Element) -> tuple[str, Declared | None]:
        if node.get("ref"):
            name = self._name(node, node.get("ref", ""))
            return name, self.element(name)
        space, qualified = self.spaces[node.getroottree().getroot()]
        qualified = node.get("form") == "qualified" if node.get("form") else qualified
        return _qualified(space if qualified else "", node.get("name", "")), Declared(node, self)

    def _name(self, node: etree._Element, told: str) -> str:
        prefix, _, local = told.rpartition(":")
        space = node.nsmap.get(prefix or None)
        return _qualified(self.spaces[node.getroottree().getroot()][0] if space is None and not prefix else space or "", local)


def _qualified(space: str, name: str) -> str:
    return f"{{{space}}}{name}" if space else name


@lru_cache(maxsize=64)
def _loaded(path: Path, _changed: int) -> Schema:
    schema = Schema()
    schema.load(path, set())
    return schema


def read_schema(path: Path) -> Schema:
    """The declarations of a schema file; read once for each version of the file."""
    return _loaded(path, path.stat().st_mtime_ns)
