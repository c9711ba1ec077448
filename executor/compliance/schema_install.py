"""Filling the schema folder: from a folder, or over HTTPS, each file compared with its pinned hash before it takes its place."""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import httpx

from domain.problems import BadInput
from executor.compliance.schema_folder import OfficialSchema, official_schemas

MOST_REDIRECTS = 5
TIMEOUT_SECONDS = 20.0
GIVE_FROM = "no stable public address is known: give --from a folder or an address that has the files"

Told = Callable[[OfficialSchema, str], None]


@dataclass(slots=True)
class Installed:
    """What an install did, by the schemas' names. `missing` says why for each one that is not there now."""

    taken: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def install(into: Path, origin: str | None, names: Sequence[str] = (), told: Told = lambda schema, what: None) -> Installed:
    """Puts the named schemas (all when none is named) into the folder; `told` hears of each file as it comes.

    A file takes its place whole and with the pinned hash, or not at all. Raises BadInput for a name that nobody knows and for an
    origin that is neither a folder nor an https address (http only on this machine itself).
    """
    done = Installed()
    source = _source_of(origin)
    for schema in _named(names):
        if schema.state_in(into) == "installed":
            done.already.append(schema.name)
            told(schema, "already there")
            continue
        try:
            content = source(schema)
            if not schema.is_content(content):
                raise _NotHad("what came is not the pinned file: its SHA-256 or size differs")
            _put(into / schema.name, content)
        except _NotHad as reason:
            done.missing[schema.name] = str(reason)
            told(schema, str(reason))
        else:
            done.taken.append(schema.name)
            told(schema, "installed")
    return done


class _NotHad(Exception):
    """One file could not be had; the others may."""


def _named(names: Sequence[str]) -> list[OfficialSchema]:
    known = official_schemas()
    wanted: dict[str, OfficialSchema] = {}
    for name in names or known:
        if name not in known:
            raise BadInput(f"No schema goes by {name}; `grekko schemas list` shows the names.", field="schema", schema=name)
        for one in (name, *known[name].needs):
            wanted[one] = known[one]
    return list(wanted.values())


def _source_of(origin: str | None) -> Callable[[OfficialSchema], bytes]:
    if origin is None:
        return _nowhere
    if "://" in origin:
        _checked(origin)
        base = origin if origin.endswith("/") else origin + "/"
        return lambda schema: _fetched(base, schema)
    if not Path(origin).is_dir():
        raise BadInput(f"{origin} is not a folder; give one that holds the files, or an https address.", field="from", path=origin)
    return lambda schema: _read(Path(origin), schema)


def _nowhere(schema: OfficialSchema) -> bytes:
    raise _NotHad(GIVE_FROM)


def _read(folder: Path, schema: OfficialSchema) -> bytes:
    try:
        with (folder / schema.name).open("rb") as file:
            return file.read(schema.bytes + 1)
    except OSError as error:
        raise _NotHad(f"{folder / schema.name} cannot be read ({error.strerror})") from error


def _fetched(base: str, schema: OfficialSchema) -> bytes:
    address = urljoin(base, quote(schema.name))
    try:
        with httpx.Client(verify=_trusted(), follow_redirects=False, timeout=TIMEOUT_SECONDS) as client:
            for _ in range(MOST_REDIRECTS + 1):
                with client.stream("GET", address) as answer:
                    if not answer.has_redirect_location:
                        return _body(answer, schema)
                    onward = urljoin(address, answer.headers["location"])
                if urlsplit(onward).scheme != urlsplit(address).scheme or not _is_allowed(onward):
                    raise _NotHad(f"{address} sends on to {onward}, which is not https")
                address = onward
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _NotHad(f"{address} did not answer ({type(error).__name__})") from error
    raise _NotHad(f"{base} sends on more than {MOST_REDIRECTS} times")


@cache
def _trusted() -> ssl.SSLContext:
    """Whom an https address must be vouched for by; read once, because it takes longer than a small file."""
    return httpx.create_ssl_context()


def _body(answer: httpx.Response, schema: OfficialSchema) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise _NotHad(f"{answer.url} answered {answer.status_code}")
    content = b""
    for part in answer.iter_bytes():
        content += part
        if len(content) > schema.bytes:
            raise _NotHad(f"{answer.url} is longer than the {schema.bytes} bytes that are pinned")
    return content


def _checked(address: str) -> None:
    if not _is_allowed(address):
        raise BadInput(f"{address} is not fetched: only https is, and http on this machine itself.", field="from", address=address)


def _is_allowed(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname or ""))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _put(file: Path, content: bytes) -> None:
    """Written beside and moved into place: nobody ever reads half a schema."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            Path(beside).replace(file)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _NotHad(f"{file} cannot be written ({error.strerror})") from error
