"""The consolidated list of the Security Council of the United Nations, as its XML file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from domain.problems import BadInput
from executor.compliance.screening.entries import (
    Entry,
    Kind,
    ListedName,
    ListVersion,
    Quality,
    ReadList,
    SetAside,
    bytes_of,
    refuse_what_is_no_list,
    sha256_of,
)

_KINDS: dict[str, Kind] = {"INDIVIDUAL": "individual", "ENTITY": "entity"}
_NAMES = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_un(path: Path) -> ReadList:
    """Reads the file. Raises BadInput when it is missing, is no XML, brings a document type of its own, or is another document."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

    content = bytes_of(path)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise BadInput(f"{path} is not XML that can be read: {error}. Fetch it again.", field="lists", path=str(path)) from error
    if root.getroottree().docinfo.doctype:
        raise BadInput(f"{path} brings a document type, which the list of the United Nations does not.", field="lists", path=str(path))
    if root.tag != "CONSOLIDATED_LIST":
        raise BadInput(f"{path} is not the consolidated list: its root is {root.tag}.", field="lists", path=str(path))
    entries: list[Entry] = []
    set_aside: list[SetAside] = []
    for element in root.iter(*_KINDS):
        found = _entry(element)
        if isinstance(found, str):
            set_aside.append(SetAside(path.name, element.sourceline or 0, found))
        else:
            entries.append(found)
    refuse_what_is_no_list(path, len(entries), set_aside)
    digest = sha256_of(content)
    day = str(root.get("dateGenerated") or "")[:10]
    version = day if _DAY.fullmatch(day) else f"sha256:{digest[:12]}"
    return ReadList(ListVersion("un", version, digest, len(entries), len(set_aside)), tuple(entries), tuple(set_aside))


def _entry(element: Any) -> Entry | str:
    """The entry, or why there is none."""
    uid = _text(element, "REFERENCE_NUMBER") or _text(element, "DATAID")
    if not uid:
        return "it has neither a REFERENCE_NUMBER nor a DATAID"
    primary = " ".join(filter(None, (_text(element, name) for name in _NAMES)))
    if not primary:
        return f"{uid} has no name"
    names = [ListedName(primary, "primary")]
    original = _text(element, "NAME_ORIGINAL_SCRIPT")
    if original:
        names.append(ListedName(original, "alias"))
    for alias in element.iterfind(f"{element.tag}_ALIAS"):
        quality: Quality = "weak" if _text(alias, "QUALITY") == "Low" else "alias"
        # Several spellings may stand in one alias.
        names += [ListedName(one, quality) for one in _split(_text(alias, "ALIAS_NAME"))]
    countries = [*_values(element, "NATIONALITY/VALUE"), *_values(element, f"{element.tag}_ADDRESS/COUNTRY")]
    programs = tuple(filter(None, [_text(element, "UN_LIST_TYPE")]))
    return Entry("un", uid, _KINDS[element.tag], tuple(dict.fromkeys(names)), programs, tuple(dict.fromkeys(countries)))


def _text(element: Any, tag: str) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _values(element: Any, path: str) -> list[str]:
    return [text for one in element.iterfind(path) if (text := " ".join((one.text or "").split()))]


def _split(text: str) -> list[str]:
    return [part for one in text.split(";") if (part := one.strip())]
