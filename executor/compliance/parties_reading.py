"""The file of parties to values: every error says the line, the field and what to write there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Literal

import yaml

from domain.problems import BadInput
from domain.regulation.identifiers import check
from executor.compliance.parties import FIRM, Address, Birth, Parties, Party

# Both know plain values only; the one in C is ten times as fast, and every table reads the file.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_BYTES = 4 << 20
WALLET = re.compile(r"0x[0-9a-f]{40}")
CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,34}")
SCHEMES = ("NIDN", "CCPT")
SHARED = ("residence", "tax_residence", "tin", "address", "wallets")
LEGAL = ("name", "lei", *SHARED)
NATURAL = ("first_name", "surname", "nationality", "birth", *SHARED)


def read_parties(file: Path) -> Parties:
    """The parties of a YAML file; raises BadInput naming line and field."""
    try:
        size = file.stat().st_size
        text = file.read_text() if size <= MOST_BYTES else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read ({error}); set GREKKO_PARTIES to the file of parties.", field="GREKKO_PARTIES") from error
    if size > MOST_BYTES:
        raise BadInput(f"{file} has {size} bytes; a file of parties has {MOST_BYTES} at most.", field="GREKKO_PARTIES")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=LOADER)):
            raise BadInput(f"{file} uses aliases (*name); write each party out.", field="file", file=str(file))
        document = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1 if mark else '?'}"
        raise BadInput(f"{file}, {where}: this is not YAML ({getattr(error, 'problem', error)}).", field="file", file=str(file)) from error
    return _Reader(file).parties(document)


class _Reader:
    """Walks the document's nodes, which know their lines and keep an unquoted number or date as the text it is."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.owners: dict[str, str] = {}

    def parties(self, document: yaml.Node | None) -> Parties:
        top = self._fields(document, "the file", ("firm", "clients"), ())
        firm = self._party(top["firm"], "firm", FIRM)
        listed = top["clients"]
        if not isinstance(listed, yaml.SequenceNode):
            raise self._wrong(listed, "clients", "this must be a list; write each client after a dash")
        clients: dict[str, Party] = {}
        for place, node in enumerate(listed.value):
            client = self._party(node, f"clients[{place}]", None)
            if client.id in clients or client.id == FIRM:
                raise self._wrong(node, f"clients[{place}].id", f"the id {client.id} is taken already; give each client its own")
            clients[client.id] = client
        return Parties(firm, tuple(clients.values()))

    def _party(self, node: yaml.Node, where: str, id_: str | None) -> Party:
        kind: Literal["legal", "natural"] = "legal"
        given = dict(self._entries(node, where))
        if id_ is None and "kind" in given:
            kind = "natural" if self._text(given["kind"], f"{where}.kind", _one_of("legal", "natural")) == "natural" else "legal"
        needed = (("authorised_in",) if id_ else ("id", "kind")) + (NATURAL if kind == "natural" else LEGAL)
        optional = ("national_id",) if kind == "natural" else ()
        parts = self._fields(node, where, needed, optional)

        def text(name: str, holds: Callable[[str], str | None] | None = None) -> str:
            return self._text(parts[name], f"{where}.{name}", holds) if name in parts else ""

        name = id_ or text("id", _matches(CLIENT_ID, "a pseudonym of letters, digits, - and _, 35 at most"))
        scheme, number = self._national_id(parts.get("national_id"), f"{where}.national_id")
        party = Party(
            id=name,
            kind=kind,
            residence=text("residence", _is("country")),
            tax_residence=text("tax_residence", _is("country")),
            tin=text("tin"),
            address=self._address(parts["address"], f"{where}.address"),
            wallets=self._wallets(parts["wallets"], f"{where}.wallets", name),
            name=text("name"),
            lei=text("lei", _is("lei")) or None,
            first_name=text("first_name"),
            surname=text("surname"),
            nationality=text("nationality", _is("country")) or None,
            birth=self._birth(parts["birth"], f"{where}.birth") if "birth" in parts else None,
            national_id=number,
            national_id_scheme=scheme,
            authorised_in=text("authorised_in", _is("country")),
        )
        try:
            party.identified_by()
        except BadInput as error:
            field = str(error.facts.get("field", "surname"))
            raise self._wrong(parts[field], f"{where}.{field}", error.message.rstrip(".")) from error
        return party

    def _address(self, node: yaml.Node, where: str) -> Address:
        parts = self._fields(node, where, ("street", "postcode", "city", "country"), ())
        words = {name: self._text(parts[name], f"{where}.{name}") for name in ("street", "postcode", "city")}
        return Address(**words, country=self._text(parts["country"], f"{where}.country", _is("country")))

    def _birth(self, node: yaml.Node, where: str) -> Birth:
        parts = self._fields(node, where, ("date", "city", "country"), ())
        day = self._text(parts["date"], f"{where}.date", _is_a_day)
        city, country = self._text(parts["city"], f"{where}.city"), self._text(parts["country"], f"{where}.country", _is("country"))
        return Birth(date.fromisoformat(day), city, country)

    def _national_id(self, node: yaml.Node | None, where: str) -> tuple[str, str]:
        if node is None:
            return "", ""
        parts = self._fields(node, where, ("scheme", "value"), ())
        return self._text(parts["scheme"], f"{where}.scheme", _one_of(*SCHEMES)), self._text(parts["value"], f"{where}.value")

    def _wallets(self, node: yaml.Node, where: str, owner: str) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, where, "this must be a list of addresses; write [] for none")
        found = []
        for item in node.value:
            wallet = self._text(item, where).lower()
            if not WALLET.fullmatch(wallet):
                raise self._wrong(item, where, f"{wallet!r} is no address; write 0x and 40 hexadecimal digits")
            if wallet in self.owners:
                raise self._wrong(item, where, f"the wallet {wallet} belongs to {self.owners[wallet]} already; a wallet has one owner")
            self.owners[wallet] = owner
            found.append(wallet)
        return tuple(found)

    def _fields(self, node: yaml.Node | None, where: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for name, value in self._entries(node, where):
            if name not in needed + optional:
                raise self._wrong(value, f"{where}.{name}", f"there is no such field here; there are {', '.join(needed + optional)}")
            if name in found:
                raise self._wrong(value, f"{where}.{name}", "the field stands here twice; keep one")
            found[name] = value
        missing = [name for name in needed if name not in found]
        if missing:
            raise self._wrong(node, where, f"{', '.join(missing)} must be given")
        return found

    def _entries(self, node: yaml.Node | None, where: str) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, where, "this must be a mapping of names to values")
        for key, value in node.value:
            yield self._text(key, where), value

    def _text(self, node: yaml.Node, where: str, holds: Callable[[str], str | None] | None = None) -> str:
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            raise self._wrong(node, where, "text is expected here")
        wrong = holds(str(node.value)) if holds else None
        if wrong:
            raise self._wrong(node, where, wrong)
        return str(node.value)

    def _wrong(self, node: yaml.Node | None, where: str, why: str) -> BadInput:
        line = node.start_mark.line + 1 if node is not None else 1
        return BadInput(f"{self.file}, line {line}, {where}: {why}.", field=where, line=line, file=str(self.file))


def _is(kind: str) -> Callable[[str], str | None]:
    return lambda value: check(kind, value)


def _one_of(*words: str) -> Callable[[str], str | None]:
    return lambda value: None if value in words else f"{value!r} is none of {', '.join(words)}"


def _matches(shape: re.Pattern[str], asks: str) -> Callable[[str], str | None]:
    return lambda value: None if shape.fullmatch(value) else f"{value!r} is not {asks}"


def _is_a_day(value: str) -> str | None:
    try:
        date.fromisoformat(value)
    except ValueError:
        return f"{value!r} is no day; write it as 1980-12-31"
    return None
