"""Prompts: versioned templates in MLflow's prompt registry, and the aliases that say which version is in use.

A version never changes; what is in use changes by pointing an alias at another version. A template names its variables in double
braces, as MLflow writes them: `Read {{headline}} and answer in JSON.` Braces that stand alone are text, so that JSON can be shown.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from domain.problems import BadInput, Problem, Refused, Unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import PromptVersion

PRODUCTION = "production"
ADDRESS = "GREKKO_MLFLOW_URI"
# What a person can still review, and what leaves a model room to answer; MLflow itself takes 100,000.
LONGEST = 20_000
MOST_VARIABLES = 32
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
# Control characters except tab and line ends, and those that turn the direction of writing: the person who reviews does not see them, the
# model that reads does.
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
# MLflow keeps what an alias pointed to for 60 s by default; we want what it points to now.
ALIAS_TTL, ALIAS_TTL_SECONDS = "MLFLOW_ALIAS_PROMPT_CACHE_TTL_SECONDS", "0"
SERVER_SETTINGS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a template."""

    name: str
    version: int
    template: str

    @property
    def sha256(self) -> str:
        """Hash of the template's UTF-8 bytes."""
        return hashlib.sha256(self.template.encode()).hexdigest()

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that are filled in, in the order of their first use."""
        return variables_of(self.template)


@dataclass(frozen=True, slots=True)
class InUse:
    """What an alias says: the prompts it points to, and those that may not be used, each with its reason."""

    prompts: tuple[Prompt, ...]
    refused: dict[str, Problem]


def variables_of(template: str) -> tuple[str, ...]:
    """The variables a template names; raises BadInput where its double braces are not closed or hold no name."""
    for found in BRACES.finditer(template):
        if not VARIABLE.fullmatch(found[1].strip()):
            line = template.count("\n", 0, found.start()) + 1
            raise BadInput(
                f"The template's line {line} has {{{{{found[1][:40]}}}}}; between double braces stands one name of letters, digits and _.",
                field="template",
                line=line,
            )
    rest = BRACES.sub("", template)
    if "{{" in rest or "}}" in rest:
        raise BadInput("The template has double braces without their partner; write {{name}}.", field="template")
    return tuple(dict.fromkeys(found.strip() for found in BRACES.findall(template)))


def check_template(template: object) -> str:
    """The template, when it may be used; raises BadInput saying what is wrong with it."""
    if not isinstance(template, str):
        raise BadInput("The template is a list of messages; only a text template is handed to the executor.", field="template")
    if not template.strip():
        raise BadInput("The template is empty; write what the agent is asked.", field="template")
    if len(template) > LONGEST:
        raise BadInput(f"The template has {len(template):,} characters, at most {LONGEST:,} are allowed; shorten it.", field="template")
    if found := UNSEEN.search(template):
        raise BadInput(f"The template holds the unseen character U+{ord(found[0]):04X}; remove it.", field="template")
    if len(named := variables_of(template)) > MOST_VARIABLES:
        raise BadInput(f"The template names {len(named)} variables, at most {MOST_VARIABLES} are allowed.", field="template")
    return template


def check_name(name: str, field: str = "name") -> str:
    """The name, when it is one; raises BadInput."""
    if not NAME.fullmatch(name):
        raise BadInput(f"{field} must be up to 64 small letters, digits and _, starting with a letter; it is {name!r}.", field=field)
    return name


class PromptRegistry:
    """MLflow's prompt registry in a folder, beside the models: `registry.db`. `address`, or GREKKO_MLFLOW_URI, names a server instead.

    Every call raises Unavailable when MLflow does not answer.
    """

    def __init__(self, folder: Path | str, address: str | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.address = address or os.environ.get(ADDRESS)

    @property
    def exists(self) -> bool:
        """False when nothing was ever registered, so that looking need not make a database."""
        return self.address is not None or (self.folder / "registry.db").is_file()

    def register(self, name: str, template: str, why: str | None = None) -> Prompt:
        """A new version of the template, or the newest one when it says the same. Raises BadInput for what may not be used."""
        check_name(name)
        check_template(template)
        newest = self.versions(name)[:1]
        if newest and newest[0].template == template:
            return Prompt(name, newest[0].version, template)
        with self._answering():
            made = self._client.register_prompt(name, template, commit_message=why)
        return Prompt(name, made.version, template)

    def point(self, name: str, version: int, alias: str = PRODUCTION) -> Prompt:
        """Lets the alias point to that version, whose template is checked first. Raises BadInput when there is no such version."""
        check_name(alias, "alias")
        with self._answering():
            found = self._client.get_prompt_version(check_name(name), version)
        if found is None:
            raise BadInput(f"Prompt {name} has no version {version}; `grekko prompt list` shows those it has.", field="version")
        prompt = Prompt(name, version, check_template(found.template))
        with self._answering():
            self._client.set_prompt_alias(name, alias, version)
        return prompt

    def load(self, name: str, alias: str = PRODUCTION) -> Prompt | None:
        """What the alias points to now, None when it points nowhere. Raises BadInput when that template may not be used."""
        with self._answering():
            found = self._at(name, alias)
        return None if found is None else Prompt(name, found.version, check_template(found.template))

    def in_use(self, alias: str = PRODUCTION) -> InUse:
        """Every prompt that the alias points to, by name. A template somebody else registered that may not be used is told apart."""
        prompts, refused = [], {}
        for name in self.names():
            try:
                check_name(name)
                found = self.load(name, alias)
            except Refused as problem:
                refused[name] = problem
                continue
            if found is not None:
                prompts.append(found)
        return InUse(tuple(prompts), refused)

    def names(self) -> list[str]:
        """The names of all prompts, in order."""
        if not self.exists:
            return []
        found, page = [], None
        while True:
            with self._answering():
                answer = self._client.search_prompts(page_token=page)
            found.extend(prompt.name for prompt in answer)
            page = answer.token
            if not page:
                return sorted(found)

    def versions(self, name: str) -> list[PromptVersion]:
        """MLflow's records of a prompt's versions, newest first; none when there is no such prompt."""
        if name not in self.names():
            return []
        with self._answering():
            return sorted(self._client.search_prompt_versions(name), key=lambda one: -one.version)

    def _at(self, name: str, alias: str) -> PromptVersion | None:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_prompt_version_by_alias(name, alias)
        except MlflowException as error:
            if "alias" in error.message and "not found" in error.message:
                return None
            raise

    @contextmanager
    def _answering(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            told = error.message.splitlines()[0][:300]
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise BadInput(f"MLflow refused: {told}", field="prompt") from error
            raise Unavailable(f"MLflow does not answer ({told}); what was published stays in use. Try again later.") from error
        except OSError as error:
            raise Unavailable(f"MLflow does not answer ({error}); what was published stays in use. Try again later.") from error

    @cached_property
    def _client(self) -> MlflowClient:
        # Before the import: MLflow decides about telemetry while it loads.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ[ALIAS_TTL] = ALIAS_TTL_SECONDS
        for name, value in SERVER_SETTINGS.items():
            os.environ.setdefault(name, value)
        import logging

        for chatty in ("alembic", "mlflow.store.db.utils"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        from mlflow import MlflowClient

        if self.address is None:
            self.folder.mkdir(parents=True, exist_ok=True)
        address = self.address or f"sqlite:///{self.folder / 'registry.db'}"
        return MlflowClient(tracking_uri=address, registry_uri=address)
