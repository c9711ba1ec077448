"""Reports the usual way: each record element by element in lxml, then its children sorted by the schema. The texts are given ready made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xmlschema
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # it brings no types

Value = tuple[tuple[str, ...], str, tuple[tuple[str, str], ...]]


class ElementByElement:
    """Builds a document of one record a row. `spaces` are namespaces by prefix, None for the document's own."""

    def __init__(self, schema: Path, root: str, spaces: dict[str | None, str]) -> None:
        self.spaces, self.root = spaces, root
        self.schema = xmlschema.XMLSchema(schema)
        self.orders: dict[str, dict[str, tuple[int, xmlschema.XsdElement]]] = {}

    def name(self, told: str) -> str:
        prefix, _, local = told.rpartition(":")
        return f"{{{self.spaces[prefix or None]}}}{local}"

    def build(self, at: Sequence[str], records: Sequence[Sequence[Value]]) -> bytes:
        root = etree.Element(self.name(self.root), nsmap=self.spaces)
        parent = root
        for step in at[:-1]:
            parent = etree.SubElement(parent, self.name(step))
        for values in records:
            record = etree.SubElement(parent, self.name(at[-1]))
            for path, text, attributes in values:
                here = record
                for step in path[:-1]:
                    found = here.find(self.name(step))
                    here = etree.SubElement(here, self.name(step)) if found is None else found
                leaf = etree.SubElement(here, self.name(path[-1]))
                leaf.text = text
                for name, value in attributes:
                    leaf.set(name, value)
        self.sort(root, self.schema.elements[self.root])
        return etree.tostring(root)

    def sort(self, element: etree._Element, declared: xmlschema.XsdElement) -> None:
        content = getattr(declared.type, "content", None)
        if len(element) == 0 or not hasattr(content, "iter_elements"):
            return
        key = f"{declared.type.name} {declared.name}"
        if key not in self.orders:
            places: dict[str, tuple[int, xmlschema.XsdElement]] = {}
            for number, child in enumerate(content.iter_elements()):
                if child.name:
                    places.setdefault(child.name, (number, child))
            self.orders[key] = places
        order = self.orders[key]
        known = [child for child in element if child.tag in order]
        places_now = [order[child.tag][0] for child in known]
        if places_now != sorted(places_now):
            element[:] = sorted(element, key=lambda child: order[child.tag][0] if child.tag in order else len(order))
        for child in known:
            self.sort(child, order[child.tag][1])
