"""An agent that asks a language model: an interface, held to a schema and to the deadline, and recorded so that it can be replayed.

No model is built in and no key is needed: a `Completer` is what you bring. Whatever goes wrong with it (too slow, no JSON, outside of the
schema, out of range) makes the agent abstain with the reason; it never stops the others. What a model is given is text from outside, so
its answer is taken as a number about prices and as nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from domain.foreign_json import read_foreign
from domain.negotiation import LONGEST_HORIZON_SECONDS, WHOLE, ActionUtility, Call, Proposal
from domain.problems import BadInput, Problem, Unavailable
from executor.agents.host import now_ns
from executor.agents.leaves.news import about
from executor.agents.messages import LONGEST_TEXT, LONGEST_VERSION, Refuse
from executor.agents.prompts import Prompt, Prompts
from executor.agents.view import View
from executor.ports import Clock

LONGEST_ANSWER = 32_768
HEADLINES = 20


class Completer(Protocol):
    """A language model behind whatever API."""

    @property
    def model(self) -> str:
        """Which one, with its version: it becomes part of `model_version` and of a cassette's key."""
        ...

    async def complete(self, prompt: str, schema: Mapping[str, Any]) -> str:
        """The model's answer, JSON text that should follow the schema. Raises Unavailable."""
        ...


def schema_of(call: Call) -> dict[str, Any]:
    """What an answer must be: a utility in millionths and a confidence in ppm for each action, and a sentence why."""
    utility = {
        "type": "object",
        "properties": {
            "action": {"enum": list(call.actions)},
            "utility_micro": {"type": "integer", "minimum": -WHOLE, "maximum": WHOLE},
            "confidence_ppm": {"type": "integer", "minimum": 0, "maximum": WHOLE},
            "horizon_seconds": {"type": "integer", "minimum": 1, "maximum": LONGEST_HORIZON_SECONDS},
        },
        "required": ["action", "utility_micro", "confidence_ppm", "horizon_seconds"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "utilities": {"type": "array", "items": utility, "minItems": 1, "maxItems": len(call.actions)},
            "why": {"type": "string", "maxLength": LONGEST_TEXT},
        },
        "required": ["utilities", "why"],
        "additionalProperties": False,
    }


@dataclass(frozen=True, slots=True)
class LlmAgent:
    """Asks `completer` with the prompt in force. It answers `spare_seconds` before the deadline, with a refusal if it must."""

    name: str
    completer: Completer
    prompt: Callable[[], Prompt]
    clock: Clock
    spare_seconds: float = 0.1

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        prompt, schema = self.prompt(), schema_of(call)
        text = prompt.filled(**facts(call, view))
        left = (call.deadline_ns - now_ns(self.clock)) / 1e9 - self.spare_seconds
        try:
            answer = await self._in_time(text, schema, left)
            utilities, why = read_answer(answer, schema)
            versions = f"llm/{self.completer.model}"[:LONGEST_VERSION], prompt.label[:LONGEST_VERSION]
            proposal = Proposal(self.name, tuple(_utility(one, why) for one in utilities), *versions)
            proposal.check(call)
        except Problem as problem:
            return Refuse(problem.message[:LONGEST_TEXT])
        return proposal

    async def _in_time(self, text: str, schema: Mapping[str, Any], seconds: float) -> str:
        asked = asyncio.ensure_future(self.completer.complete(text, schema))
        timer = asyncio.ensure_future(self.clock.sleep(max(seconds, 0.0)))
        try:
            await asyncio.wait({asked, timer}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise Unavailable(f"{self.completer.model} did not answer within {max(seconds, 0.0):.1f} s.")
            return asked.result()
        finally:
            for task in (asked, timer):
                task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await asked


@dataclass(frozen=True, slots=True)
class Asking:
    """`AGENT = Asking("news-llm", completer)`: an agent that asks the model with the prompt of its own name."""

    name: str
    completer: Completer

    def prompted(self, prompts: Prompts, clock: Clock) -> LlmAgent:
        """The agent with the prompts in force."""
        return LlmAgent(self.name, self.completer, lambda: prompts.prompt(self.name), clock)

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        """Abstains."""
        return Refuse(f"{self.name} was given no prompts; let an executor ask it.")


def facts(call: Call, view: View) -> dict[str, str]:
    """What a prompt may ask for, as text: the pair, the actions, the prices' moves, and the headlines."""
    rate = view.now.rate(call.base, call.quote)
    return {
        "base": call.base,
        "quote": call.quote,
        "actions": ", ".join(call.actions),
        "price": f"{rate:.8g}" if rate else "unknown",
        "news": "\n".join(f"- {item.title[:300]}" for item in about(call.base, view)[:HEADLINES]) or "none",
    }


def read_answer(answer: str, schema: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The utilities and the reason that an answer tells. Raises BadInput when it does not follow the schema."""
    import jsonschema

    if len(answer) > LONGEST_ANSWER:
        raise BadInput(f"The model's answer has {len(answer)} letters; at most {LONGEST_ANSWER} are read.", field="answer")
    try:
        told: Any = read_foreign(answer)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The model's answer is no JSON ({error}).", field="answer") from error
    try:
        jsonschema.validate(told, schema)
    except jsonschema.ValidationError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "answer"
        raise BadInput(f"The model's answer does not follow the schema at {place}: {error.message[:300]}.", field=place) from error
    return told["utilities"], told["why"]


def _utility(told: Mapping[str, Any], why: str) -> ActionUtility:
    # JSON's 1.0 is an integer to the schema, and must be one here.
    utility, confidence, horizon = (int(told[name]) for name in ("utility_micro", "confidence_ppm", "horizon_seconds"))
    return ActionUtility(told["action"], utility, confidence, horizon, why)


class Cassette:
    """A model's answers in a folder, one file each by the hash of prompt, schema and model: asked for once, replayed ever after.

    Without a `completer` only what was recorded can be answered; `model` then says whose answers are meant.
    """

    def __init__(self, folder: Path, *, completer: Completer | None = None, model: str | None = None) -> None:
        self._folder, self._completer = folder, completer
        told = model or (completer.model if completer else None)
        if told is None:
            raise BadInput("A cassette needs a completer to record, or the model whose answers it replays.", field="model")
        self.model = told

    async def complete(self, prompt: str, schema: Mapping[str, Any]) -> str:
        """The recorded answer, or the completer's, which is recorded. Raises Unavailable when there is neither."""
        key = cassette_key(prompt, schema, self.model)
        path = self._folder / f"{key}.json"
        if path.is_file():
            return _recorded(path, key)
        if self._completer is None:
            raise Unavailable(f"No answer of {self.model} to this prompt was recorded ({key[:12]}…); record it first.", key=key)
        answer = await self._completer.complete(prompt, schema)
        self._folder.mkdir(parents=True, exist_ok=True)
        told = {"key": key, "model": self.model, "prompt": prompt, "schema": schema, "answer": answer}
        half = path.with_suffix(".half")
        half.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
        half.replace(path)
        return answer


def cassette_key(prompt: str, schema: Mapping[str, Any], model: str) -> str:
    """SHA-256 over the three, as canonical JSON."""
    return hashlib.sha256(json.dumps([prompt, schema, model], sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _recorded(path: Path, key: str) -> str:
    try:
        told = json.loads(path.read_bytes())
        if told["key"] == key == cassette_key(told["prompt"], told["schema"], told["model"]) and isinstance(told["answer"], str):
            return told["answer"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"The cassette {path.name} cannot be read ({error!r}); record it again.", field="cassette") from error
    raise BadInput(f"The cassette {path.name} is not what its name says; record it again.", field="cassette")
