"""A small JSON-RPC client for a chain's node: batched, patient with rate limits, clear about whose fault a failure is.

A node that is slow, cut off or rate-limited is asked again, more gently; what it never answers becomes Unavailable,
what it answers wrongly becomes BadInput. The address of a node often holds a key, so messages name its host only.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

import httpx

from domain.problems import BadInput, Unavailable

LOG = logging.getLogger("grekko.rpc")

Call = tuple[str, list[Any]]

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
LONGEST_WAIT_SECONDS = 120.0
GROW_AFTER_GOOD_BATCHES = 8

ASKS_FOR_LESS = re.compile(
    r"more than \d|too many (results|logs|blocks)|too large|response size|range|limited to|block span|logs? limit|query timeout",
    re.IGNORECASE,
)
RATE_LIMITED = re.compile(
    r"rate.?limit|too many requests|request (rate|limit)|throttl|quota|capacity|compute units|slow down", re.IGNORECASE
)
NO_STATE = re.compile(
    r"missing trie node|header not found|state .*(not available|unavailable|pruned)|historical state|pruned|BlockOutOfRange", re.IGNORECASE
)
REVERTED = re.compile(r"revert|invalid opcode|stack underflow|bad jump|EVM error|out of gas|outofgas", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NodeError:
    """The node understood the question and answered with an error."""

    code: int
    message: str

    @property
    def asks_for_less(self) -> bool:
        """The question covers too much: halve it."""
        return bool(ASKS_FOR_LESS.search(self.message)) and not self.is_rate_limit

    @property
    def is_rate_limit(self) -> bool:
        """The question is fine and came too soon."""
        if RATE_LIMITED.search(self.message):
            return True
        # Some nodes say -32005 both for "too many requests" and for "too many results".
        return self.code in (429, -32005) and not ASKS_FOR_LESS.search(self.message)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a batch was not answered in full, and how long the node asked us to wait."""

    reason: str
    retry_after_seconds: float | None = None


class Rpc:
    """One node. `batch` answers in the order of the questions; nothing it returns is a partial answer."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 30.0,
        batch_size: int = 100,
        attempts: int = 7,
        on_wait: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parsed = httpx.URL(url) if re.match(r"https?://[^/]", url) else None
        if parsed is None or not parsed.host:
            raise BadInput("The node's address must start with http:// or https:// and name a host.", field="rpc")
        self.host = parsed.host
        self._url = parsed
        self._client = httpx.Client(timeout=timeout_seconds, trust_env=self.host not in ("localhost", "127.0.0.1", "::1"))
        self._batch_size = self._largest_batch = max(1, batch_size)
        self._attempts = attempts
        self._good_batches = 0
        self._on_wait = on_wait
        self._sleep = sleep
        self._ids = count(1)

    def __enter__(self) -> Rpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def call(self, method: str, *params: Any) -> Any:
        """One answer; an error answer raises Unavailable, or BadInput where this node will never answer."""
        answer = self.batch([(method, list(params))])[0]
        if isinstance(answer, NodeError):
            raise self.refusal(method, answer)
        return answer

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The answers in the order of the calls; where the node answered with an error there is a NodeError."""
        answers: dict[int, Any] = {}
        pending = list(range(len(calls)))
        failures = 0
        while pending:
            asked = pending[: self._batch_size]
            got, trouble = self._ask({index: calls[index] for index in asked})
            answers.update(got)
            pending = [index for index in pending if index not in got]
            if trouble is None:
                failures = 0
                self._grow()
                continue
            failures = 1 if got else failures + 1
            if failures >= self._attempts:
                raise Unavailable(
                    f"The node at {self.host} did not answer {calls[pending[0]][0]} in {failures} attempts ({trouble.reason}); "
                    "try again later, or use another node.",
                    method=calls[pending[0]][0],
                )
            self._wait(trouble, failures)
        return [answers[index] for index in range(len(calls))]

    def chain_id(self) -> int:
        """The chain this node is of."""
        return quantity(self.call("eth_chainId"), "eth_chainId")

    def head(self) -> int:
        """The number of the newest block."""
        return quantity(self.call("eth_blockNumber"), "eth_blockNumber")

    def headers(self, numbers: Sequence[int], with_transactions: bool = False) -> list[dict[str, Any] | None]:
        """The canonical headers of those blocks, None where the chain does not reach."""
        answers = self._answers("eth_getBlockByNumber", [[hex(number), with_transactions] for number in numbers])
        for number, answer in zip(numbers, answers, strict=True):
            if answer is not None and quantity(answer.get("number"), "number") != number:
                raise BadInput(
                    f"The node at {self.host} answered block {answer['number']} for block {number}; use another node.", field="number"
                )
        return answers

    def eth_calls(self, calls: Sequence[tuple[str, str]], block: int) -> list[bytes | None]:
        """What contracts answer at the end of `block`: (address, call data) → bytes, None where the call reverts."""
        questions: list[Call] = [("eth_call", [{"to": to, "data": data}, hex(block)]) for to, data in calls]
        results: list[bytes | None] = []
        for answer in self.batch(questions):
            if not isinstance(answer, NodeError):
                results.append(hex_bytes(answer, "eth_call"))
            elif answer.code == 3 or REVERTED.search(answer.message):
                results.append(None)
            elif NO_STATE.search(answer.message):
                raise BadInput(
                    f"The node at {self.host} no longer has the state of block {block} ({answer.message}); "
                    "use an archive node, or start at a newer block.",
                    field="from_block",
                )
            else:
                raise self.refusal("eth_call", answer)
        return results

    def lookups(self, method: str, hashes: Sequence[str]) -> list[dict[str, Any] | None]:
        """Things found by hash (transactions, receipts), None where the node does not know the hash."""
        return self._answers(method, [[one] for one in hashes])

    def refusal(self, method: str, error: NodeError) -> BadInput | Unavailable:
        """What an error answer means to us."""
        if error.code in (-32601, -32602):
            return BadInput(
                f"The node at {self.host} does not offer {method} as we ask it ({error.message}); "
                "use a node with the standard Ethereum methods.",
                field="rpc",
                method=method,
            )
        return Unavailable(
            f"The node at {self.host} answered {method} with: {error.message} ({error.code}); try again later.", method=method
        )

    def _answers(self, method: str, params: Sequence[list[Any]]) -> list[dict[str, Any] | None]:
        answers = self.batch([(method, one) for one in params])
        for answer in answers:
            if isinstance(answer, NodeError):
                raise self.refusal(method, answer)
            if answer is not None and not isinstance(answer, dict):
                raise BadInput(f"The node at {self.host} answered {method} with {type(answer).__name__}; use another node.", field="rpc")
        return answers

    def _ask(self, calls: dict[int, Call]) -> tuple[dict[int, Any], _Trouble | None]:
        """One HTTP request: the answers that came, and what kept the rest away."""
        index_of = {next(self._ids): index for index in calls}
        questions = [{"jsonrpc": "2.0", "id": id, "method": calls[index][0], "params": calls[index][1]} for id, index in index_of.items()]
        body = questions if len(questions) > 1 else questions[0]
        try:
            response = self._client.post(self._url, json=body)
        except httpx.TransportError as error:
            self._shrink()
            return {}, _Trouble(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        if response.status_code in RETRIED_STATUSES:
            self._shrink()
            return {}, _Trouble(f"HTTP {response.status_code}", _retry_after(response))
        try:
            document = response.json()
        except ValueError:
            document = None
        if isinstance(document, dict) and len(questions) > 1:
            return {}, self._batch_refused(document)
        items = document if isinstance(document, list) else [document] if isinstance(document, dict) and "jsonrpc" in document else None
        if items is None:
            if response.status_code == 413:
                self._shrink()
                return {}, _Trouble("HTTP 413")
            if response.status_code >= 300:
                raise BadInput(
                    f"The node at {self.host} answered HTTP {response.status_code}; check the address and the key in it.", field="rpc"
                )
            self._shrink()
            return {}, _Trouble("the answer is cut off or not JSON")
        return self._sort_out(items, index_of)

    def _sort_out(self, items: list[Any], index_of: dict[int, int]) -> tuple[dict[int, Any], _Trouble | None]:
        got: dict[int, Any] = {}
        limited: str | None = None
        for item in items:
            if not isinstance(item, dict):
                continue
            index = index_of.get(item.get("id") or 0)
            if index is None and len(index_of) == 1 and isinstance(item.get("error"), dict):
                index = next(iter(index_of.values()))  # an error before the question was understood carries no id
            if index is None:
                continue
            if (error := item.get("error")) is not None:
                answer = _node_error(error)
                if answer.is_rate_limit:
                    limited = answer.message
                    continue
                got[index] = answer
            elif "result" in item:
                got[index] = item["result"]
        if len(got) == len(index_of):
            return got, None
        self._shrink()
        return got, _Trouble(limited or f"{len(index_of) - len(got)} of {len(index_of)} answers are missing")

    def _batch_refused(self, document: dict[str, Any]) -> _Trouble:
        error = _node_error(document.get("error"))
        if error.is_rate_limit:
            self._shrink()
        else:
            self._batch_size = self._largest_batch = 1
        return _Trouble(f"the whole batch was answered with: {error.message}", None if error.is_rate_limit else 0.0)

    def _shrink(self) -> None:
        self._batch_size = max(1, self._batch_size // 2)
        self._good_batches = 0

    def _grow(self) -> None:
        self._good_batches += 1
        if self._good_batches >= GROW_AFTER_GOOD_BATCHES and self._batch_size < self._largest_batch:
            self._batch_size = min(self._largest_batch, self._batch_size * 2)
            self._good_batches = 0

    def _wait(self, trouble: _Trouble, failures: int) -> None:
        asked = trouble.retry_after_seconds
        if asked is not None and asked > LONGEST_WAIT_SECONDS:
            raise Unavailable(
                f"The node at {self.host} asks us to wait {asked:.0f} s ({trouble.reason}); try again then, or use another node.",
                retry_after_seconds=asked,
            )
        seconds = asked if asked is not None else min(30.0, 0.25 * 2 ** (failures - 1))
        LOG.info("waiting %.1f s for %s: %s", seconds, self.host, trouble.reason)
        if self._on_wait is not None:
            self._on_wait(seconds, trouble.reason)
        self._sleep(seconds)


def quantity(value: Any, field: str) -> int:
    """A JSON-RPC quantity (`0x2a`) as a number; raises BadInput naming the field."""
    if isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
        return int(value, 16)
    raise BadInput(f"The node answered {field} = {value!r:.80}, which is not a quantity like 0x2a; use another node.", field=field)


def hex_bytes(value: Any, field: str) -> bytes:
    """JSON-RPC data (`0x00ff`) as bytes; raises BadInput naming the field."""
    if isinstance(value, str) and re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", value):
        return bytes.fromhex(value[2:])
    raise BadInput(f"The node answered {field} = {value!r:.80}, which is not data like 0x00ff; use another node.", field=field)


def hex_text(value: Any, size_bytes: int, field: str) -> str:
    """A hash or address as lowercase text; raises BadInput naming the field."""
    if len(raw := hex_bytes(value, field)) != size_bytes:
        raise BadInput(f"The node answered {field} with {len(raw)} bytes instead of {size_bytes}; use another node.", field=field)
    return "0x" + raw.hex()


def _node_error(error: Any) -> NodeError:
    if not isinstance(error, dict):
        return NodeError(0, str(error))
    code = error.get("code")
    return NodeError(code if isinstance(code, int) else 0, str(error.get("message", "no message")))


def _retry_after(response: httpx.Response) -> float | None:
    """How long the node asks us to wait: seconds or a date, None when it does not say."""
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
