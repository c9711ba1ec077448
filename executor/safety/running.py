"""Runs calls one after the other on top of the node's newest block, without sending any, and says which block that was.

One round trip: the block, the calls and the account's funds are asked together, and asked again when the chain moved in between.
`eth_simulateV1` where the node offers it; else `eth_call`, with a few bytes of code that make the calls from the account itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.problems import StaleState, Unavailable
from executor.chain.node import Call, Node, NodeRefused, number
from executor.safety.call_bundle import CODE, Answered, decoded, encoded

TRIES = 4
NO_HASH = "0x" + "0" * 64
METHOD_NOT_FOUND, BAD_PARAMETERS = -32601, -32602
NOT_OFFERED = ("not found", "not supported", "does not exist", "not available", "unknown method")
# What reading the balances first makes cheaper for the call that follows in the same transaction: up to three accounts and six slots,
# https://eips.ethereum.org/EIPS/eip-2929. It is added back, so that the gas of a bundled call errs upwards only.
WARMED_GAS = 3 * 2500 + 6 * 2000
TRANSACTION_GAS, ZERO_BYTE_GAS, OTHER_BYTE_GAS = 21_000, 4, 16
Overrides = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Head:
    """A block of the chain; `timestamp` is unix seconds, `base_fee` wei per gas."""

    number: int
    hash: str
    timestamp: int
    base_fee: int


@dataclass(frozen=True, slots=True)
class Played:
    """What the calls did on top of `head`; `funds` is the sender's wei there, `planned_hash` the hash of the block it was planned on."""

    head: Head
    planned_hash: str | None
    funds: int
    answers: Sequence[Answered]


class Runner:
    """Runs calls on one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._simulates = True
        self._sets_time = True
        self._newest_timestamp = 0

    async def play(self, sender: str, calls: Sequence[tuple[str, bytes]], overrides: Overrides, now: int, planned: int) -> Played:
        """Run the (address, data) calls of `sender` in order, as if a block came at `now` (unix seconds).

        `planned` is the number of the block that the order was planned on. Raises StaleState when the node does not answer or its
        chain does not hold still, Unavailable when it cannot run calls at all.
        """
        for _ in range(TRIES):
            time = max(now, self._newest_timestamp + 1)
            run = self._simulation(sender, calls, overrides, time) if self._simulates else self._bundle(sender, calls, overrides, time)
            newest: Call = ("eth_getBlockByNumber", ("latest", False))
            block_then: Call = ("eth_getBlockByNumber", (hex(planned), False))
            try:
                told = await self._node.batch([newest, block_then, ("eth_getBalance", (sender, "latest")), run, newest])
            except Unavailable as silent:
                raise StaleState(f"The order cannot be rehearsed: {silent.message}", **{**silent.facts, "rule": "stale_state"}) from silent
            before, planned_block, funds, answer, after = told
            head = _head(before)
            is_in_order = head.timestamp < time
            self._newest_timestamp = head.timestamp
            if _head(after) != head or not is_in_order:
                continue
            if isinstance(answer, NodeRefused):
                if self._simulates and _is_not_offered(answer):
                    self._simulates = False
                    continue
                if not self._simulates and self._sets_time and answer.code == BAD_PARAMETERS:
                    self._sets_time = False  # older nodes take overrides of the state and none of the block
                    continue
                raise Unavailable(f"The node does not run the call: {answer.message}. Ask another node.", rule="simulation_unavailable")
            answers = self._read(answer, calls, head)
            if answers is not None:
                return Played(head, _hash(planned_block), number(funds, "eth_getBalance"), answers)
        raise StaleState("The node's newest block changed each time the order was rehearsed; ask again.", rule="stale_state")

    @staticmethod
    def _simulation(sender: str, calls: Sequence[tuple[str, bytes]], overrides: Overrides, time: int) -> Call:
        block = {
            "blockOverrides": {"time": hex(time)},
            "stateOverrides": overrides,
            "calls": [{"from": sender, "to": to, "data": "0x" + data.hex()} for to, data in calls],
        }
        return "eth_simulateV1", ({"blockStateCalls": [block], "validation": False}, "latest")

    def _bundle(self, sender: str, calls: Sequence[tuple[str, bytes]], overrides: Overrides, time: int) -> Call:
        request = {"from": sender, "to": sender, "data": "0x" + encoded(calls).hex()}
        with_code = {**overrides, sender: {**overrides.get(sender, {}), "code": CODE}}
        return "eth_call", (request, "latest", with_code, *([{"time": hex(time)}] if self._sets_time else []))

    def _read(self, answer: Any, calls: Sequence[tuple[str, bytes]], head: Head) -> list[Answered] | None:
        """What each call did; None when it was on another block than `head`. Raises Unavailable for an answer that is none."""
        found: list[Answered] | None = None
        try:
            if self._simulates:
                block = answer[0]
                if block.get("parentHash") not in (head.hash, NO_HASH, None):  # some nodes do not tell the parent
                    return None
                found = [_answered(one) for one in block["calls"]]
            else:
                bare = decoded(bytes.fromhex(answer[2:]), len(calls))
                found = [one._replace(gas_used=one.gas_used + around(data)) for one, (_, data) in zip(bare or [], calls, strict=False)]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"The node's answer to a rehearsal cannot be read ({error!r:.100}); ask another node.") from error
        if len(found) != len(calls):
            raise Unavailable(f"The node ran {len(found)} of {len(calls)} calls; ask another node.")
        return found


def around(data: bytes) -> int:
    """Gas that a transaction with this data pays beside what its call uses, and what the bundle made cheaper."""
    zeros = data.count(0)
    return TRANSACTION_GAS + zeros * ZERO_BYTE_GAS + (len(data) - zeros) * OTHER_BYTE_GAS + WARMED_GAS


def _answered(told: Mapping[str, Any]) -> Answered:
    returned = told.get("returnData") or "0x"
    failed = told.get("error") or {}
    if returned == "0x" and isinstance(failed.get("data"), str):
        returned = failed["data"]
    return Answered(int(told["status"], 16) == 1, int(told["gasUsed"], 16), bytes.fromhex(returned[2:]))


def _head(block: Any) -> Head:
    if not isinstance(block, Mapping):
        raise StaleState("The node has no newest block; is it syncing? Ask another node.", rule="stale_state")
    base_fee = number(block.get("baseFeePerGas", "0x0"), "baseFeePerGas")
    return Head(number(block.get("number"), "number"), str(block.get("hash")), number(block.get("timestamp"), "timestamp"), base_fee)


def _hash(block: Any) -> str | None:
    return str(block.get("hash")) if isinstance(block, Mapping) else None


def _is_not_offered(refusal: NodeRefused) -> bool:
    told = refusal.message.lower()
    return refusal.code == METHOD_NOT_FOUND or ("method" in told and any(words in told for words in NOT_OFFERED))
