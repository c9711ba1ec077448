"""The door to a running executor: ask it to change the model it decides by, and wait until every decision is made with it.

Where it listens and the admin's token come from the environment only (GREKKO_EXECUTOR_URL, GREKKO_TOKEN_ADMIN), so that neither stands
in a run's configuration. Without an address no executor is connected: models are then handed over as files alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import dagster as dg
import httpx

from domain import problems
from domain.problems import BadInput, BundleRejected, NotAllowed, Problem, Refused, Unavailable

URL, TOKEN = "GREKKO_EXECUTOR_URL", "GREKKO_TOKEN_ADMIN"
NOT_CONNECTED = f"no executor is connected ({URL} is not set): file hand-over only"
UNDER_WAY = frozenset({"ACCEPTED", "VERIFYING", "WARMING", "SHIFTING", "DRAINING"})
ENDED = frozenset({"DONE", "FAILED", "ROLLED_BACK"})
# Why an operation failed through no fault of the model: the executor was stopped, somebody else was quicker, a disk was full.
NOT_THE_MODEL = frozenset({"restart", "superseded", "pointer", "unexpected", "Unavailable", "JournalUnavailable"})
# The executor takes keys of up to 64 characters; a derived one has its number at the end.
KEY_LENGTH = 60
# Longer reasons are cut: the whole one stands in the table.
REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Operation:
    """What the executor did, by its own id and state.

    `seconds` is how long it took until all decisions were on the new model: by the executor's own clock where it tells, else from our
    request to its answer. A state of ROLLED_BACK says that the executor took the model back since, and `reason` says why.
    """

    operation_id: str
    state: str
    seconds: float
    asked: int
    reason: str | None = None

    def metadata(self) -> dict[str, Any]:
        """As numbers and words for the asset's page."""
        return {
            "executor": "connected",
            "operation_id": self.operation_id,
            "operation_state": self.state,
            "seconds_until_all_decisions": round(self.seconds, 3),
            "requests_to_the_executor": self.asked,
        }


class ExecutorDoor(dg.ConfigurableResource):
    """The executor that the environment names, if it names one."""

    attempts: int = 4
    pause_seconds: float = 0.25
    patience_seconds: float = 60.0

    def open(self) -> ExecutorClient | None:
        """The way to it; None when no executor is connected. Raises BadInput when address or token are not what they must be."""
        url = os.environ.get(URL, "")
        if not url:
            return None
        return ExecutorClient(
            url,
            os.environ.get(TOKEN, ""),
            attempts=self.attempts,
            patience_seconds=self.patience_seconds,
            pause_seconds=self.pause_seconds,
        )


class ExecutorClient:
    """Speaks with one executor. Each request is tried `attempts` times, with pauses that double, before it is Unavailable.

    Every request may be repeated: what changes the executor carries a key, and the same key is the same operation.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        attempts: int = 4,
        patience_seconds: float = 60.0,
        pause_seconds: float = 0.25,
        timeout_seconds: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise BadInput(f"{URL} must be like http://127.0.0.1:8642, without a password in it.", field=URL)
        if not token:
            raise BadInput(f"{URL} is set and {TOKEN} is not; only an admin may activate a model.", field=TOKEN)
        self._url = url.rstrip("/")
        self._token = token
        self._attempts, self._pause, self._patience = attempts, pause_seconds, patience_seconds
        # Proxies are for the world outside, the executor is a neighbour. No connection is kept: it may restart between two requests.
        self._client = httpx.Client(timeout=timeout_seconds, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
        self._sleep = sleep
        self.asked = 0

    def models(self) -> dict[str, Any]:
        """What the executor decides by now. Raises Unavailable or Refused."""
        return self._ask("GET", "/models")

    def activate(
        self, name: str, version: int | str, bundle_sha256: str, *, key: str, share_percent: float = 100, shadow: bool = False
    ) -> Operation:
        """Lets `share_percent` of the decisions be made with this version, and waits until they are.

        `key` says which decision this is: the same one again is answered with what came of it the first time. What failed through no
        fault of the model is asked for again under a key derived from it. Raises BundleRejected when the executor turned the model down,
        NotAllowed or another Refused when it said no, Unavailable when it did not answer, is busy with another activation or was not
        done in time; then nothing may be taken for done.
        """
        wanted = {
            "name": name,
            "version": str(version),
            "share_percent": share_percent,
            "shadow": shadow,
            "bundle_sha256": bundle_sha256,
        }
        began, asked_before, why = time.monotonic(), self.asked, ""
        for attempt in range(1, self._attempts + 1):
            told = self._ask(
                "POST",
                "/models/activate",
                json=wanted,
                headers={"Idempotency-Key": key if attempt == 1 else f"{key[:KEY_LENGTH]}:{attempt}"},
            )
            told = self._ended(told, began)
            why = str(told.get("reason") or "it gave no reason")
            if told["state"] != "FAILED":
                return _operation(told, time.monotonic() - began, self.asked - asked_before)
            if told.get("check") not in NOT_THE_MODEL:
                raise BundleRejected(f"The executor did not take {name} {version}: {why}", **_which(told))
        raise Unavailable(f"The executor began to activate {name} {version} {self._attempts} times and did not finish: {why}")

    def rollback(self, reason: str, bundle_sha256: str) -> Operation:
        """Takes the model of that bundle out of force, if it is; else nothing is to be done.

        A rollback carries no key, and a second one would go back one model further: so after each request whose answer was lost, what is
        in force is looked at first. Raises as `activate` does.
        """
        began, asked_before = time.monotonic(), self.asked
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(self._pause * 2 ** (attempt - 1))
            if bundle_sha256 not in _in_force(self.models()):
                told: dict[str, Any] = {"operation_id": "none", "state": "ROLLED_BACK"}
                return _operation(told, time.monotonic() - began, self.asked - asked_before)
            try:
                told = self._once("POST", "/models/rollback", json={"reason": reason[:REASON_LENGTH]})
            except Unavailable:
                continue
            if "state" in told:
                told = self._ended(told, began)
            return _operation({"state": "DONE", **told}, time.monotonic() - began, self.asked - asked_before)
        raise Unavailable(f"The executor at {self._url} did not answer the rollback in {self._attempts} attempts.", url=self._url)

    def _ended(self, told: dict[str, Any], began: float) -> dict[str, Any]:
        """The operation once it has ended; raises Unavailable when patience does first."""
        pause = 0.02
        while _state(told) in UNDER_WAY:
            if time.monotonic() - began > self._patience:
                raise Unavailable(
                    f"The executor's operation {told.get('operation_id')} was still {told['state']} after {self._patience:g} s; ask again.",
                    **_which(told),
                )
            self._sleep(pause)
            pause = min(pause * 1.5, 0.5)
            told = self._ask("GET", f"/models/operations/{quote(str(told.get('operation_id')), safe='')}")
        return told

    def _ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        why: Unavailable | None = None
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(self._pause * 2 ** (attempt - 1))
            try:
                return self._once(method, path, **content)
            except Unavailable as problem:
                why = problem
        assert why is not None
        raise why

    def _once(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", **content.pop("headers", {})}
        self.asked += 1
        try:
            answer = self._client.request(method, self._url + path, headers=headers, **content)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"The executor at {self._url} does not answer ({type(error).__name__}: {error}); it keeps the model it has. Is it running?",
                url=self._url,
            ) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unavailable(f"The executor is not able to now (HTTP {answer.status_code}): {_sentence(answer)}", url=self._url)
        return _document(answer)


def _document(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON; raises the problem that the executor told, by its name."""
    if answer.is_success:
        try:
            told = answer.json()
        except ValueError:
            told = None
        if isinstance(told, dict):
            return told
        raise Refused(f"{URL} names something that is no executor: {answer.url} answered {answer.status_code} without a JSON document.")
    sentence = _sentence(answer)
    if answer.status_code in (401, 403):
        raise NotAllowed(f"The executor did not take the token of {TOKEN}: {sentence}", status=answer.status_code)
    raise _named(answer, sentence)


def _named(answer: httpx.Response, sentence: str) -> Problem:
    try:
        name = str(answer.json().get("error"))
    except (ValueError, AttributeError):
        name = ""
    known = getattr(problems, name, None)
    kind = known if isinstance(known, type) and issubclass(known, Unavailable | BadInput) else Refused
    return kind(f"The executor refused: {sentence}", error=name, status=answer.status_code)


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase or "no reason given"


def _state(told: Mapping[str, Any]) -> str:
    state = told.get("state")
    if not isinstance(state, str) or state not in UNDER_WAY | ENDED:
        raise Refused(f"The executor told the state {state!r} of an operation, which this version of Grekko does not know.")
    return state


def _operation(told: Mapping[str, Any], seconds: float, asked: int) -> Operation:
    stages = told.get("seconds")
    # What counts is the time of those who decide: verifying, warming up, shifting and draining, as the executor measured them.
    own = sum(value for name, value in stages.items() if name != "pause") if isinstance(stages, dict) else 0.0
    reason = told.get("reason")
    return Operation(str(told.get("operation_id")), _state(told), own or seconds, asked, None if reason is None else str(reason))


def _which(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"operation_id": told.get("operation_id"), "state": told.get("state")}


def _in_force(models: Mapping[str, Any]) -> set[Any]:
    return {arm.get("bundle_sha256") for name in ("champion", "challenger") if isinstance(arm := models.get(name), dict)}
