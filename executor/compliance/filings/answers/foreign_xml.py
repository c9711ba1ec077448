"""XML of strangers: parsed without entities, without the network, without a DTD, and only up to a size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # it brings no types

from domain.problems import BadInput, MessageRejected

Element = Any
Schema = Any


def parsed(content: bytes, most_bytes: int) -> Element:
    """The root of the document. Raises MessageRejected, with the fault, when it is none that may be read."""
    if len(content) > most_bytes:
        raise MessageRejected("too_large", f"The answer has {len(content)} bytes; at most {most_bytes} are read.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MessageRejected("not_xml", f"The answer is no XML ({str(error)[:200]}).") from error
    if root.getroottree().docinfo.doctype or root.getroottree().docinfo.internalDTD is not None:
        raise MessageRejected("has_dtd", "The answer brings a document type definition; authorities' messages have none.")
    return root


def schema_at(path: Path) -> Schema:
    """The compiled schema. Raises BadInput when the file is none."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        return etree.XMLSchema(etree.parse(str(path), parser))
    except (OSError, etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise BadInput(f"{path.name} is no XML schema ({error}); run `grekko schemas install`.", path=str(path)) from error


def first_error(schema: Schema, root: Element) -> str | None:
    """Where the document breaks its schema first, or None when it is valid."""
    if schema.validate(root):
        return None
    error = next(iter(schema.error_log), None)
    return f"line {error.line}: {error.message[:300]}" if error is not None else "it is not valid"


def text_at(node: Element, path: str, namespaces: dict[str, str]) -> str | None:
    """The text of the first element at a path, stripped; None when there is none."""
    found = node.findtext(path, namespaces=namespaces)
    return found.strip() if found and found.strip() else None


def canonical_bytes(node: Element) -> bytes:
    """An element in exclusive canonical form, without comments and what surrounds it."""
    return etree.tostring(node, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def element(parent: Element | None, namespace: str, name: str, text: str | None = None) -> Element:
    """A new element below `parent`, or a root."""
    tag = f"{{{namespace}}}{name}"
    made = etree.Element(tag, nsmap={None: namespace}) if parent is None else etree.SubElement(parent, tag)
    made.text = text
    return made


def serialised(root: Element) -> bytes:
    """A document of ours as bytes."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
