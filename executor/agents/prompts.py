"""The prompts in force, from the file that the registry's side publishes into the executor's folder; a change is seen within a second.

    {"format": "grekko-prompts/1", "prompts": {NAME: {"version": 3, "alias": "production", "template": "…", "sha256": "…"}}}

`sha256` is of the template's UTF-8 bytes. A file that does not pass is refused whole, and the prompts in force stay.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from domain.foreign_json import read_foreign
from domain.negotiation import NAME
from domain.problems import BadInput, Unavailable
from executor.ports import Clock

if TYPE_CHECKING:
    from executor.agents.agent import Agent

LOG = logging.getLogger(__name__)
FILE = "prompts.json"
FORMAT = "grekko-prompts/1"
LARGEST = 4 << 20
SECONDS_BETWEEN_LOOKS = 0.5
_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template with `{{ name }}` where values go. `prompt_version` of a proposal is `label`."""

    name: str
    version: int
    template: str = field(repr=False)
    alias: str = "production"

    @property
    def label(self) -> str:
        """What a proposal says that it was made with."""
        return f"{self.name}/{self.version}"

    def filled(self, **values: str) -> str:
        """The text with its values. A value is put in once and is not a template itself. Raises BadInput for a place without one."""

        def value(place: re.Match[str]) -> str:
            if place[1] not in values:
                raise BadInput(f"Prompt {self.label} asks for {place[1]}; it may ask for {', '.join(sorted(values))}.", field=place[1])
            return values[place[1]]

        return _PLACE.sub(value, self.template)


@runtime_checkable
class Prompted(Protocol):
    """An agent that thinks with prompts. `prompted` gives it those in force; it asks them for its own with each call."""

    def prompted(self, prompts: Prompts, clock: Clock) -> Agent:
        """The agent, with these prompts."""
        ...


def with_prompts(agent: Agent, prompts: Prompts, clock: Clock) -> Agent:
    """The agent with the prompts in force, if it is one that asks for them."""
    return agent.prompted(prompts, clock) if isinstance(agent, Prompted) else agent


class Prompts:
    """Watches the file in an executor's folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.trouble: str | None = None
        self._prompts: Mapping[str, Prompt] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._digest: str | None = None

    def prompt(self, name: str) -> Prompt:
        """The one in force. Raises Unavailable when none of that name was ever published."""
        if name not in self._prompts:
            raise Unavailable(f"There is no prompt {name}; publish it into {self.path.name} of the executor's folder.", prompt=name)
        return self._prompts[name]

    async def run(self, clock: Clock) -> None:
        """Look again and again until cancelled."""
        while True:
            self.look()
            await clock.sleep(SECONDS_BETWEEN_LOOKS)

    def look(self) -> bool:
        """Takes a changed file into force; True when it did. One that does not pass becomes `trouble`. Never raises."""
        try:
            told = self.path.stat()
            stamp = (told.st_mtime_ns, told.st_size, told.st_ino)
            if stamp == self._stamp:
                return False
            with self.path.open("rb") as file:
                content = file.read(LARGEST + 1)
            self._stamp = stamp
            digest = hashlib.sha256(content).hexdigest()
            if digest == self._digest:
                return False
            self._digest = digest
            prompts = read_prompts(content)
        except FileNotFoundError:
            self._stamp = self._digest = None
            return self._refuse(f"{self.path.name} is not there." if self._prompts else None)
        except OSError as error:
            return self._refuse(f"{self.path.name} cannot be read ({error.strerror}).")
        except BadInput as problem:
            return self._refuse(problem.message)
        changed = [name for name, one in prompts.items() if self._prompts.get(name) != one]
        self._prompts, self.trouble = prompts, None
        LOG.info("prompts in force: %s", ", ".join(prompts[name].label for name in changed) or "none changed")
        return True

    def _refuse(self, why: str | None) -> bool:
        if why is not None and why != self.trouble:
            LOG.error("the prompts in force stay: %s", why)
        self.trouble = why
        return False


def read_prompts(content: bytes) -> dict[str, Prompt]:
    """The prompts of a file's bytes. Raises BadInput naming what is not as it must be."""
    if len(content) > LARGEST:
        raise BadInput(f"The prompts file is larger than {LARGEST} bytes; publish fewer.", field="file")
    try:
        told: Any = read_foreign(content)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The prompts file is no JSON ({error}); publish it again.", field="file") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT or not isinstance(told.get("prompts"), dict):
        raise BadInput(f"The prompts file does not say format {FORMAT!r} and its prompts; publish it again.", field="format")
    return {name: _prompt(name, one) for name, one in told["prompts"].items()}


def _prompt(name: str, told: Any) -> Prompt:
    if not NAME.fullmatch(name) or not isinstance(told, dict):
        raise BadInput(f"{name!r} is no prompt; names are small letters, digits, - and _.", field=name)
    version, template, alias = told.get("version"), told.get("template"), told.get("alias", "production")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadInput(f"prompts.{name}.version is {version!r}; give a whole number from 1.", field="version")
    if not isinstance(template, str) or not template.strip() or not isinstance(alias, str):
        raise BadInput(f"prompts.{name}.template must be text that is not empty, its alias a name.", field="template")
    try:
        digest = hashlib.sha256(template.encode()).hexdigest()
    except UnicodeEncodeError as error:
        raise BadInput(f"prompts.{name}.template holds half a character; publish it again.", field="template") from error
    if told.get("sha256") != digest:
        raise BadInput(f"prompts.{name}.sha256 is not that of its template; publish it again.", field="sha256")
    return Prompt(name, version, template, alias)
