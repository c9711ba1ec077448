"""Settings from YAML, read as strictly as money deserves: every value is text until a setting says what it must be.

YAML's own guesses are left out (an unquoted address is a number to it, `no` is false), and so are its traps: aliases, tags, keys
told twice. Each problem names the file, the line, the setting and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar

import yaml

from domain.problems import BadInput

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
SHOWN = 60
T = TypeVar("T")
_WHOLE = re.compile(r"-?[0-9]{1,78}")
_DECIMAL = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
# Whatever could be a key is not repeated in a message.
_SECRET = re.compile(r"[0-9a-fA-F]{64}|://")
# libyaml where PyYAML was built with it: a long file is read in milliseconds.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the file, with the place where it stands. `told` is text, a list of Values, a mapping to Values, or None."""

    told: Any
    path: str
    line: int
    file: str

    def bad(self, fix: str, *, show: bool = True) -> NoReturn:
        """Raises BadInput: what stands here, and what to write instead."""
        found = f" is {_shown(self.told)}" if show else " cannot be used"
        raise BadInput(
            f"{self.file}, line {self.line}: {self.path or 'the file'}{found}; {fix}", field=self.path, file=self.file, line=self.line
        )

    def text(self, *, longest: int = 2_000) -> str:
        """Text on one line."""
        if not isinstance(self.told, str) or not self.told or len(self.told) > longest or not self.told.isprintable():
            self.bad(f"write text of 1 to {longest} characters on one line.")
        return self.told

    def whole(self, least: int = 0, most: int = 2**256 - 1) -> int:
        """A whole number between the two."""
        if not isinstance(self.told, str) or not _WHOLE.fullmatch(self.told) or not least <= int(self.told) <= most:
            self.bad(f"write a whole number from {least} to {most}." if most < 2**64 else f"write a whole number of at least {least}.")
        return int(self.told)

    def decimal(self, unit: str) -> str:
        """A number that is not negative, as the text it was written in, so that nothing is rounded."""
        if not isinstance(self.told, str) or not _DECIMAL.fullmatch(self.told):
            self.bad(f"write {unit} as digits with at most one point, such as 2500 or 0.5.")
        return self.told

    def choice(self, *words: str) -> str:
        """One of these words."""
        if self.told not in words:
            self.bad(f"write {' or '.join(words)}.")
        return str(self.told)

    def address(self) -> str:
        """An address, lowercase. Written in mixed case, its checksum must be right."""
        if not isinstance(self.told, str) or not _ADDRESS.fullmatch(self.told):
            self.bad("write an address, 0x and 40 hexadecimal digits.")
        digits = self.told[2:]
        if digits not in (digits.lower(), digits.upper()):
            from eth_utils.address import to_checksum_address

            right = to_checksum_address(self.told)
            if self.told != right:
                self.bad("its checksum is wrong, so a digit may be: copy the address again, or write it in lowercase if you are sure.")
        return self.told.lower()

    def items(self) -> list[Value]:
        """A list."""
        if not isinstance(self.told, list):
            self.bad("write a list, one item a line with a dash before it.")
        return list(self.told)

    def section(self) -> Section:
        """A section with settings of its own."""
        if not isinstance(self.told, dict):
            self.bad("write a section: settings below it, indented.")
        return Section(self)


@dataclass(slots=True)
class Section:
    """Settings by name; `done` refuses those that nobody asked for."""

    value: Value
    _asked: dict[str, None] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __getitem__(self, name: str) -> Value:
        found = self.get(name)
        if found is None:
            self.value.bad(f"it has no {name}; add it.", show=False)
        return found

    def get(self, name: str) -> Value | None:
        """The value of that name; None where it is missing or empty."""
        self._asked[name] = None
        found = self.value.told.get(name)
        return None if found is None or found.told is None else found

    def told(self, name: str) -> Value | None:
        """The value of that name, also an empty one; None where it is missing."""
        self._asked[name] = None
        return self.value.told.get(name)

    def maybe(self, name: str, read: Callable[[Value], T], otherwise: T) -> T:
        """What `read` makes of the value; `otherwise` where there is none."""
        found = self.get(name)
        return otherwise if found is None else read(found)

    def entries(self) -> Iterator[tuple[str, Value]]:
        """All settings of a section whose names are free."""
        for name, value in self.value.told.items():
            self._asked[name] = None
            yield name, value

    def done(self) -> None:
        """Raises BadInput for a setting that nobody asked for."""
        for name, value in self.value.told.items():
            if name not in self._asked:
                close = get_close_matches(name, self._asked, n=1)
                fix = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(self._asked))}."
                value.bad(f"there is no such setting; {fix}", show=False)


def read_settings(content: bytes, file: str) -> Section:
    """The settings of a file. Raises BadInput when it is too long, not UTF-8, not YAML, or uses what settings have no need of."""
    whole = Value(None, "", 1, file)
    if len(content) > MAX_BYTES:
        whole.bad(f"it is longer than {MAX_BYTES} bytes; settings are shorter.", show=False)
    trouble, root = "", None
    try:
        root = _tree(content.decode("utf-8"), file)
    except UnicodeDecodeError:
        trouble = "it is not UTF-8 text; save it as UTF-8."
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}" if mark else ""
        trouble = f"it is not YAML{where}: {error.problem or error.context}."
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The reader's own complaint would repeat what stands there; and a number that is no character is a ValueError.
        trouble = f"it is not YAML ({type(error).__name__}); look for characters that are not text."
    if trouble:
        whole.bad(trouble, show=False)
    if root is None or root.told is None:
        whole.bad("it is empty; `grekko desk example` shows one.", show=False)
    return root.section()


@dataclass(slots=True)
class _Open:
    """A list or a section that is being read; `name` is the setting whose value comes next."""

    value: Value
    name: str | None = None

    def path_of_next(self) -> str:
        if isinstance(self.value.told, list):
            return f"{self.value.path}[{len(self.value.told)}]"
        name = "…" if _SECRET.search(self.name or "") else self.name or ""
        return f"{self.value.path}.{name}" if self.value.path else name

    def take(self, value: Value) -> None:
        if isinstance(self.value.told, list):
            self.value.told.append(value)
            return
        self.value.told[self.name] = value
        self.name = None


def _tree(text: str, file: str) -> Value | None:
    """The one document as nested Values, built without recursion."""
    root: Value | None = None
    within: list[_Open] = []
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            Value(None, "", event.start_mark.line + 1, file).bad("a second document begins here; keep one.", show=False)
        if isinstance(event, yaml.CollectionEndEvent):
            within.pop()
        if not isinstance(event, yaml.NodeEvent):
            continue
        here = within[-1] if within else None
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            Value(None, here.value.path if here else "", line, file).bad("anchors and aliases are not read; write it out.", show=False)
        if getattr(event, "tag", None) is not None:
            Value(None, here.value.path if here else "", line, file).bad("tags are not read; leave it out.", show=False)
        if here is not None and isinstance(here.value.told, dict) and here.name is None:
            _begin(here, event, line, file)
            continue
        value = Value(_started(event), here.path_of_next() if here else "", line, file)
        if here is None:
            root = value
        else:
            here.take(value)
        if not isinstance(event, yaml.ScalarEvent):
            if len(within) == MAX_DEPTH:
                value.bad(f"it is nested deeper than {MAX_DEPTH} levels.", show=False)
            within.append(_Open(value))
    return root


def _begin(here: _Open, event: Any, line: int, file: str) -> None:
    """The name of a setting, whose value comes next."""
    if not isinstance(event, yaml.ScalarEvent) or not event.value.isprintable() or not 0 < len(event.value) <= 100:
        Value(None, here.value.path, line, file).bad("a setting's name must be short text.", show=False)
    here.name = event.value
    if event.value in here.value.told:
        Value(None, here.path_of_next(), line, file).bad("it is told twice; keep one.", show=False)


def _started(event: Any) -> Any:
    if isinstance(event, yaml.ScalarEvent):
        return None if event.implicit[0] and event.value in _NOTHING else event.value
    return [] if isinstance(event, yaml.SequenceStartEvent) else {}


def _shown(told: Any) -> str:
    if isinstance(told, Mapping):
        return "a section"
    if isinstance(told, list):
        return "a list"
    if told is None:
        return "empty"
    if _SECRET.search(told) or len(told.split()) > 4:
        return "something that is not repeated here"
    return repr(told if len(told) <= SHOWN else told[:SHOWN] + "…")
