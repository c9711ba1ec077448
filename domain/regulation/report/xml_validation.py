"""XML against its schema, and what its extensions hold against theirs, with each fault told by field, row and article."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # it brings no types

from domain.problems import BadInput
from domain.regulation.report.documents import Document, Schemas
from domain.regulation.report.element_order import hardened_parser, read_schema
from domain.regulation.report.field_places import Place, field_places, fields_at
from domain.regulation.report.finding_rows import Fault
from domain.regulation.rulebook import Format, Report

_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
_PART = 1 << 18
_XS = "{http://www.w3.org/2001/XMLSchema}"


def xml_faults(report: Report, form: Format, document: Document, schemas: Schemas) -> Iterator[Fault]:
    """The faults in the order of the document."""
    schema = _schema(form, schemas)
    strange = _strange(form, schemas)
    if schema is not None and streams_through(form, io.BytesIO(document.content), schemas):
        return
    try:
        root = etree.fromstring(document.content, hardened_parser())
    except etree.XMLSyntaxError as error:
        yield Fault("xml.well_formed", f"it is not well-formed: {error.msg}", (), "", None)
        return
    if root.getroottree().docinfo.doctype:
        yield Fault("xml.doctype", "it brings a document type of its own, which no report may", (), "", None)
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
    return _compiled(*_files(form, schemas))


def _files(form: Format, schemas: Schemas) -> tuple[tuple[tuple[str, Path], ...], tuple[int, ...]]:
    """The form's schema and those of its extensions by their namespaces, and when each changed."""
    more = [(one.namespace, schemas.path(one.schema)) for one in form.extensions]
    files = ((form.namespace, schemas.path(form.schema or "")), *more)
    return files, tuple(path.stat().st_mtime_ns for _, path in files)


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


@lru_cache(maxsize=32)
def _strictest(files: tuple[tuple[str, Path], ...], _changed: tuple[int, ...]) -> etree.XMLSchema | None:
    """The schema with its wildcards strict, which lets nothing pass that the schema of an extension does not declare.

    What it takes is valid; what it refuses may be. None where its wildcards may stand in other files.
    """
    (_, main), *more = files
    tree = etree.parse(main, hardened_parser())
    root = tree.getroot()
    if any(next(root.iter(f"{_XS}{word}"), None) is not None for word in ("import", "include", "redefine")):
        return None
    for wildcard in root.iter(f"{_XS}any"):
        wildcard.set("processContents", "strict")
    for space, path in more:
        root.insert(0, root.makeelement(f"{_XS}import", {"namespace": space, "schemaLocation": path.resolve().as_uri()}))
    return etree.XMLSchema(tree)


class Stream:
    """Reads a document part by part against the schema of its form, and keeps nothing of it: a long one needs no more memory.

    Where it does not hold at the end, `xml_faults` looks at the whole and decides. It works without Python's lock, so the next part may
    be made beside it.
    """

    def __init__(self, form: Format, schemas: Schemas) -> None:
        self._parser: etree.XMLParser | None = None
        self._known = form.schema is None
        self._doctype = False
        schema = _schema(form, schemas)
        if schema is not None and form.extensions:
            schema = _strictest(*_files(form, schemas))
        if schema is not None:
            self._parser = etree.XMLParser(target=_Nothing(), schema=schema, **_SAFE)
            self._known = True

    def feed(self, part: bytes) -> None:
        """The next bytes. After a fault the rest is not looked at."""
        for start in range(0, len(part) if self._parser is not None else 0, _PART):
            piece = part[start : start + _PART]
            self._doctype |= b"<!DOCTYPE" in piece
            try:
                if self._parser is not None:
                    self._parser.feed(piece)
            except etree.XMLSyntaxError:
                self._parser, self._known = None, False

    def holds(self) -> bool:
        """Whether the whole document, which ends here, is surely valid."""
        if self._parser is not None:
            try:
                self._parser.close()
            except etree.XMLSyntaxError:
                return False
            return not self._doctype and not len(self._parser.feed_error_log)
        return self._known


def streams_through(form: Format, source: BinaryIO, schemas: Schemas) -> bool:
    """Whether the document in a file is surely valid, read in one pass whose memory does not grow with it."""
    stream = Stream(form, schemas)
    while part := source.read(_PART):
        stream.feed(part)
    return stream.holds()


class _Nothing:
    """Takes no event of the parser: only the schema listens."""

    def close(self) -> None:
        return None


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
        rule = f"xsd:{entry.type_name.removeprefix('SCHEMAV_').lower()}"
        told = self.fault(rule, message, element)
        expected = re.search(r"Expected is (?:one of )?\( ([^)]*) \)", message)
        if expected is None:
            return told
        # A child that is missing is told at its parent, or at the sibling that stands where it should be.
        at = self.place(element) if "Missing child" in message else self.place(element)[:-1]
        wanted = [one for name in expected[1].split(",") for one in fields_at(self.places, (*at, name.strip())) if one.card == "1..1"]
        return replace(told, fields=tuple(wanted[:1])) if wanted else told

    def fault(self, rule: str, message: str, element: etree._Element) -> Fault:
        """A fault at an element."""
        at = self.place(element)
        fields = fields_at(self.places, at)
        value = element.text if len(element) == 0 else None
        return Fault(rule, message, tuple(fields), self.row(element) or "", value)
