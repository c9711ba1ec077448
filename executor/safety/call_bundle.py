"""A few bytes of code that run several calls one after the other, each seeing what the ones before it did, within one `eth_call`.

For nodes without `eth_simulateV1`. A state override puts the code where the account is, so that the account itself is who calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WORD = 32


class Answered(NamedTuple):
    """What one call did: whether it succeeded, gas used within it, and what it returned or reverted with."""

    succeeded: bool
    gas_used: int
    returned: bytes


def _code() -> str:
    """Assembled here, so that every byte says what it is for. On the stack, `at` is where in memory the next answer goes, `next` where in
    the call data the next call stands.
    """
    out: list[int] = []

    def put(*codes: int) -> None:
        out.extend(codes)

    push1, dup1, swap1 = 0x60, 0x80, 0x90
    zero = (push1, 0)
    put(*zero, *zero)  # at, next
    loop = len(out)
    put(0x5B)
    put(dup1, 0x36, 0x14, push1)  # next == CALLDATASIZE ?
    done_at = len(out)
    put(0, 0x57)
    put(dup1, push1, 0x20, 0x01, 0x35)  # length := calldata[next + 32]                 at next length
    put(dup1, dup1 + 2, push1, 0x40, 0x01, dup1 + 4, 0x37)  # calldatacopy(at, next + 64, length)
    put(0x5A)  # gas before                                                              at next length before
    # call(gas, to, value 0, at, length, 0, 0)
    put(*zero, *zero)  # nothing is copied back
    put(dup1 + 3)  # length                                                              … before 0 0 length
    put(dup1 + 6)  # at
    put(*zero)  # value
    put(dup1 + 7, 0x35)  # to := calldata[next]
    put(0x5A, 0xF1)  # ok                                                                at next length before ok
    put(swap1, 0x5A, swap1, 0x03)  # used := before - gas                                at next length ok used
    put(dup1 + 4, push1, 0x20, 0x01, 0x52)  # memory[at + 32] := used                    at next length ok
    put(dup1 + 3, 0x52)  # memory[at] := ok                                              at next length
    put(0x3D, dup1 + 3, push1, 0x40, 0x01, 0x52)  # memory[at + 64] := RETURNDATASIZE
    put(0x3D, *zero, dup1 + 4, push1, 0x60, 0x01, 0x3E)  # returndatacopy(at + 96, 0, size)
    put(0x01, push1, 0x40, 0x01)  # next := next + length + 64                           at next
    put(swap1, 0x3D, 0x01, push1, 0x60, 0x01, swap1)  # at := at + size + 96             at next
    put(push1, loop, 0x56)
    out[done_at] = len(out)
    put(0x5B, 0x50, *zero, 0xF3)  # return memory[0:at]
    return "0x" + bytes(out).hex()


CODE = _code()


def encoded(calls: Sequence[tuple[str, bytes]]) -> bytes:
    """The call data that runs these (address, data) calls in order."""
    return b"".join(bytes(12) + bytes.fromhex(to[2:]) + len(data).to_bytes(WORD, "big") + data for to, data in calls)


def decoded(answer: bytes, count: int) -> list[Answered] | None:
    """What each call did; None when the answer is not that of so many calls."""
    found, at = [], 0
    for _ in range(count):
        if len(answer) < at + 3 * WORD:
            return None
        ok, used, size = (int.from_bytes(answer[at + WORD * k : at + WORD * (k + 1)], "big") for k in range(3))
        found.append(Answered(ok == 1, used, answer[at + 3 * WORD : at + 3 * WORD + size]))
        at += 3 * WORD + size
    return found if at == len(answer) else None
