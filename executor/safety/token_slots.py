"""Where a token keeps an account's balance and allowance, found by asking the token itself, so that a state override can set them.

Every token lays out its storage as it likes: another slot, another order of hashing, behind a proxy, beside other numbers in one word,
in another contract. So nothing is assumed: the node says which words `balanceOf` reads, each is overridden with a pattern, and the one
whose pattern comes back is the place. What was found is tried out before it is believed, and kept in a file by the token's code.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from domain.problems import CannotRehearse, Unavailable
from executor.chain.abi import WORD, address_word, word
from executor.chain.node import Call, Node, NodeRefused

BALANCE_OF, ALLOWANCE = bytes.fromhex("70a08231"), bytes.fromhex("dd62ed3e")
# Every byte is another one, so that a part of it is recognised wherever it comes back.
PATTERN = int.from_bytes(bytes(range(0x81, 0x81 + WORD)), "big")
FULL = (1 << 256) - 1
# What the pattern is written over, from bit to bit: the whole word, and parts of it, for where a number has neighbours that matter.
WINDOWS = ((0, 256), (0, 128), (0, 96), (128, 256), (160, 256), (0, 64))
MOST_CANDIDATES = 64
# Where nobody says which words are read: the first slots of a contract, and where OpenZeppelin's upgradeable tokens start (ERC-7201).
GUESSED_SLOTS = (*range(32), 0x52C63247E1F47DB19D5CE0460030C497F067CA4CEBF71BA98EEADABE20BACE00)
GUESSED_SLOTS += (0x52C63247E1F47DB19D5CE0460030C497F067CA4CEBF71BA98EEADABE20BACE01,)


@dataclass(frozen=True, slots=True)
class Place:
    """A number in storage: `bits` wide, `shift` bits up in the word `key` of the contract `holder`, with `rest` around it."""

    holder: str
    key: str
    shift: int
    bits: int
    rest: str

    @property
    def most(self) -> int:
        """The largest number that fits."""
        return (1 << self.bits) - 1

    def holding(self, value: int) -> dict[str, dict[str, dict[str, str]]]:
        """The state override that puts `value` there."""
        kept = int(self.rest, 16) & ~(self.most << self.shift) & FULL
        return {self.holder: {"stateDiff": {self.key: f"0x{kept | value << self.shift:064x}"}}}


@dataclass(frozen=True, slots=True)
class Planted:
    """State overrides after which an account has a balance, and the allowance too where its place could be found."""

    overrides: Mapping[str, Mapping[str, Any]]
    includes_allowance: bool


class TokenSlots:
    """Finds and remembers places; with a `file` also from one start to the next."""

    def __init__(self, node: Node, chain_id: int, file: Path | None = None) -> None:
        self._node = node
        self._chain_id = chain_id
        self._file = file
        self._places: dict[str, Place | None] = _read(file)
        self._code_of: dict[str, str] = {}
        self._finding = asyncio.Lock()

    async def balance(self, token: str, owner: str) -> Place:
        """Where the token keeps the balance of `owner`. Raises CannotRehearse when it cannot be told, Unavailable."""
        found = await self._place(token, BALANCE_OF + address_word(owner))
        if found is None:
            raise CannotRehearse(
                f"{token} keeps no balance that could be set: balanceOf is computed from more than one number (a rebasing token, or "
                "shares). It can be rehearsed for an account that really holds it only.",
                rule="token_not_rehearsable",
                token=token,
            )
        return found

    async def allowance(self, token: str, owner: str, spender: str) -> Place | None:
        """Where the token keeps what `spender` may take from `owner`; None when it cannot be told."""
        return await self._place(token, ALLOWANCE + address_word(owner) + address_word(spender))

    async def planted(self, token: str, owner: str, spender: str, amount: int) -> Planted:
        """The overrides after which `owner` holds `amount` of the token and lets `spender` take it. Raises CannotRehearse, Unavailable."""
        balance, allowance = await self.balance(token, owner), await self.allowance(token, owner, spender)
        if amount > balance.most:
            raise CannotRehearse(
                f"{amount} base units are more than {token} can count; sell less.", rule="token_not_rehearsable", token=token
            )
        overrides = balance.holding(amount)
        if allowance is None or amount > allowance.most:
            return Planted(overrides, False)
        for holder, change in allowance.holding(amount).items():
            overrides.setdefault(holder, {"stateDiff": {}})["stateDiff"].update(change["stateDiff"])
        return Planted(overrides, True)

    def forget(self, token: str) -> None:
        """What is known of the token is not true any more."""
        self._code_of.pop(token, None)
        self._places = {key: place for key, place in self._places.items() if f":{token}:" not in key}
        self._keep()

    async def _place(self, token: str, question: bytes) -> Place | None:
        async with self._finding:
            if token not in self._code_of:
                self._code_of[token] = await self._code_hash(token)
            key = f"{self._chain_id}:{token}:{self._code_of[token]}:{question.hex()}"
            if key not in self._places:
                self._places[key] = await self._find(token, question)
                self._keep()
            return self._places[key]

    async def _code_hash(self, token: str) -> str:
        from eth_utils.crypto import keccak

        code = await self._node.call("eth_getCode", token, "latest")
        if not isinstance(code, str) or len(code) <= 2:
            raise CannotRehearse(f"There is no contract at {token}; check the token's address.", rule="token_not_rehearsable", token=token)
        return keccak(hexstr=code).hex()[:16]

    async def _find(self, token: str, question: bytes) -> Place | None:
        read = await self._words_read(token, question)
        found = await self._try(token, question, read[:MOST_CANDIDATES])
        return found or (None if read else await self._try(token, question, list(_guesses(token, question))))

    async def _words_read(self, token: str, question: bytes) -> list[tuple[str, str]]:
        """(contract, key) of the words that the answer depends on, by either of two methods; none when the node offers neither."""
        request = {"to": token, "data": "0x" + question.hex()}
        try:
            told = await self._node.call("eth_createAccessList", request, "latest")
            return [(entry["address"].lower(), key) for entry in told["accessList"] for key in entry["storageKeys"]]
        except NodeRefused:
            pass
        try:
            told = await self._node.call("debug_traceCall", request, "latest", {"tracer": "prestateTracer"})
            return [(holder.lower(), key) for holder, account in told.items() for key in account.get("storage") or {}]
        except NodeRefused:
            return []

    async def _try(self, token: str, question: bytes, candidates: Sequence[tuple[str, str]]) -> Place | None:
        """The first of the candidates that gives back what is put there, whatever it is."""
        if not candidates:
            return None
        stored: list[Call] = [("eth_getStorageAt", (holder, key, "latest")) for holder, key in candidates]
        rests = await self._node.batch(stored)
        words = [(holder, key, rest) for (holder, key), rest in zip(candidates, rests, strict=True) if isinstance(rest, str)]
        tried = [(Place(holder, key, low, high - low, rest), low, high) for holder, key, rest in words for low, high in WINDOWS]
        asked = [self._call(token, question, place.holding(PATTERN >> low & place.most)) for place, low, _ in tried]
        for (window, low, high), answer in zip(tried, await self._node.batch(asked), strict=True):
            part = _part(_number(answer), low, high)
            if part is not None:
                place = Place(window.holder, window.key, *part, window.rest)
                values = [1, 12_345_678 & place.most, place.most // 3, 0]
                answers = await self._node.batch([self._call(token, question, place.holding(value)) for value in values])
                if [_number(one) for one in answers] == values:
                    return place
        return None

    @staticmethod
    def _call(token: str, question: bytes, overrides: Mapping[str, Any]) -> Call:
        return "eth_call", ({"to": token, "data": "0x" + question.hex()}, "latest", overrides)

    def _keep(self) -> None:
        if self._file is None:
            return
        told = {key: asdict(place) if place else None for key, place in self._places.items()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(told, indent=1, sort_keys=True))
        temporary.replace(self._file)


def _read(file: Path | None) -> dict[str, Place | None]:
    """What an earlier run found; nothing when the file is not there or not whole, for it can be found again."""
    try:
        told = json.loads(file.read_text()) if file else {}
        return {key: Place(**place) if place else None for key, place in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _number(answer: Any) -> int | None:
    """A call's answer as a number. Raises Unavailable when the node takes no state overrides."""
    if isinstance(answer, NodeRefused):
        if "revert" not in answer.message.lower() and answer.code in (-32601, -32602):
            raise Unavailable(f"The node takes no state overrides ({answer.message}); ask another node.")
        return None
    return int(answer, 16) if isinstance(answer, str) and len(answer) == 2 + 2 * WORD else None


def _part(answer: int | None, low: int, high: int) -> tuple[int, int] | None:
    """Which part (shift, bits) of the pattern came back, planted from bit `low` to bit `high`; None for none of it.

    Less than three bytes would be too little to be sure.
    """
    if answer is None or answer < 1 << 24:
        return None
    planted, bits = PATTERN >> low << low & (1 << high) - 1, answer.bit_length()
    for shift in range(low, high - 24):
        # The field may be wider than what came back of it; the widest that gives the same answer is taken, in whole bytes where it can.
        for width in (high - shift, *range((high - shift) // 8 * 8, bits - 1, -8), bits):
            if width >= bits and planted >> shift & (1 << width) - 1 == answer:
                return shift, width
    return None


def _guesses(token: str, question: bytes) -> list[tuple[str, str]]:
    """The words where mappings from the question's addresses lie for each guessed slot, hashed as Solidity and as Vyper do."""
    from eth_utils.crypto import keccak

    owners = [question[at : at + WORD] for at in range(4, len(question), WORD)]
    found = []
    for slot, key_first in product(GUESSED_SLOTS, (True, False)):
        key = word(slot)
        for owner in owners:
            key = keccak(owner + key if key_first else key + owner)
        found.append((token, "0x" + key.hex()))
    return found
