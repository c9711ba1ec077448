"""XML against its schema, and what its extensions hold against theirs, with each fault told by field, row and article."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # it brings no types

from domain.problems import BadInput
from domain.regulation.report.documents import Document, Schemas
from domain.regulation.report.element_order import hardened_parser, read_schema
from domain.regulation.report.field_places import Place, field_places, fields_at
from domain.regulation.report.finding_rows import Fault
from domain.regulation.rulebook import Format, Report

_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
_BATCH = 500


def xml_faults(report: Report, form: Format, document: Document, schemas: Schemas) -> Iterator[Fault]:
    """The faults in the order of the document."""
    schema = _schema(form, schemas)
    strange = _strange(form, schemas)
    records = [path.rsplit("/", 1)[-1] for path in document.keys]
    if schema is not None and _streams_through(document.content, schema, form, records, strange):
        return
    try:
        root = etree.fromstring(document.content, hardened_parser())
    except etree.XMLSyntaxError as error:
        yield Fault("xml.well_formed", f"it is not well-formed: {error.msg}", (), "", None)
        return
    if schema is None:
        return
    finder = _Finder(report, form, root, document.keys)
    for element in strange(root) if strange is not None else ():
        yield finder.fault("xsd:extension", f"{finder.name(element)} is no element that the schema of the extension knows", element)
    schema.validate(root)
    seen: set[str] = set()
    for entry in schema.error_log:
        if entry.path not in seen:
            seen.add(entry.path)
            yield finder.entry(entry)


def _schema(form: Format, schemas: Schemas) -> etree.XMLSchema | None:
    if form.schema is None:
        return None
    main = (form.namespace, schemas.path(form.schema))
    more = [(one.namespace, schemas.path(one.schema)) for one in form.extensions]
    files = (main, *more)
    return _compiled(files, tuple(path.stat().st_mtime_ns for _, path in files))


@lru_cache(maxsize=32)
def _compiled(files: tuple[tuple[str, Path], ...], _changed: tuple[int, ...]) -> etree.XMLSchema:
    """One schema that knows the document's namespace and those of its extensions, so that one pass checks them all."""
    imports = "".join(f'<xs:import namespace="{space}" schemaLocation="{path.resolve().as_uri()}"/>' for space, path in files)
    whole = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>'
    tree = etree.parse(files[0][1], hardened_parser()) if len(files) == 1 else etree.ElementTree(etree.fromstring(whole, hardened_parser()))
    try:
        return etree.XMLSchema(tree)
    except etree.XMLSchemaParseError as error:
        raise BadInput(f"{', '.join(path.name for _, path in files)}: not a schema that can be used: {error}.", field="schema") from error


def _strange(form: Format, schemas: Schemas) -> etree.XPath | None:
    """Finds elements of an extension that its schema does not declare: a lax wildcard would let them pass."""
    tests = []
    for one in form.extensions:
        schema = read_schema(schemas.path(one.schema))
        known = [name.partition("}")[2] for kind, name in schema.named if kind == "element" and name.startswith(f"{{{one.namespace}}}")]
        others = "".join(f"[not(self::{one.prefix}:{name})]" for name in known)
        tests.append(f".//{one.prefix}:*[not(parent::{one.prefix}:*)]{others}")
    return etree.XPath(" | ".join(tests), namespaces={one.prefix: one.namespace for one in form.extensions}) if tests else None


def _streams_through(content: bytes, schema: etree.XMLSchema, form: Format, records: Sequence[str], strange: etree.XPath | None) -> bool:
    """Whether the document is valid, read without keeping it: the memory for a long document is that for a short one."""
    tags = [f"{{{form.namespace}}}{name}" if form.namespace else name for name in dict.fromkeys(records)] or [
        f"{{{form.namespace}}}{form.root}"
    ]
    events = etree.iterparse(io.BytesIO(content), events=("end",), tag=tags, schema=schema, **_SAFE)
    try:
        for number, (_, element) in enumerate(events, 1):
            parent = element.getparent()
            if number % _BATCH == 0 and parent is not None:
                if strange is not None and strange(parent):
                    return False
                del parent[:-1]
        root = events.root
    except etree.XMLSyntaxError:
        return False
    return strange is None or root is None or not strange(root)


class _Finder:
    """Finds the field and the row of an element."""

    def __init__(self, report: Report, form: Format, root: etree._Element, keys: Mapping[str, Sequence[str]]) -> None:
        self.root, self.keys = root, keys
        self.places = field_places(report, "xml")
        self.namespaces = {**form.namespaces, **{one.prefix: one.namespace for one in form.extensions}}
        self.prefixes = {space: prefix for prefix, space in self.namespaces.items()}
        self._positions: dict[str, dict[etree._Element, int]] = {}

    def name(self, element: etree._Element) -> str:
        """The element's name as the rulebook writes it."""
        told = etree.QName(element)
        prefix = self.prefixes.get(told.namespace or "")
        return f"{prefix}:{told.localname}" if prefix else told.localname

    def place(self, element: etree._Element) -> Place:
        """The names on the way from below the root."""
        return tuple(self.name(one) for one in [*reversed(list(element.iterancestors())), element])[1:]

    def row(self, element: etree._Element) -> str | None:
        """The key of the row or rows behind an element, by where its record stands."""
        for one in [element, *element.iterancestors()]:
            path = "/" + "/".join((self.name(self.root), *self.place(one)))
            if path in self.keys:
                if path not in self._positions:
                    same = [other for other in self.root.iter(one.tag) if self.place(other) == self.place(one)]
                    self._positions[path] = {other: number for number, other in enumerate(same)}
                return self.keys[path][self._positions[path][one]]
        return None

    def entry(self, entry: etree._LogEntry) -> Fault:
        """A fault that the validator tells."""
        found = self.root.getroottree().xpath(entry.path, namespaces=self.namespaces) if entry.path else []
        element = found[0] if isinstance(found, list) and found else self.root
        message = re.sub(r"\{[^{}]*\}", "", entry.message)
        expected = re.search(r"Expected is (?:one of )?\( ([^)]*) \)", message)
        names = [name.strip() for name in expected[1].split(",")] if expected else []
        return self.fault(f"xsd:{entry.type_name.removeprefix('SCHEMAV_').lower()}", message, element, names)

    def fault(self, rule: str, message: str, element: etree._Element, expected: Sequence[str] = ()) -> Fault:
        """A fault at an element; `expected` are the names of elements that are missing there."""
        at = self.place(element)
        fields = fields_at(self.places, at, expected)
        value = element.text if len(element) == 0 else None
        return Fault(rule, message, tuple(fields), self.row(element) or "", value)
