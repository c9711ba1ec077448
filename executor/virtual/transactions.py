"""Transactions of the simulated chain: real signed bytes, read and checked as a node does, or cheap ones where thousands are needed.

A cheap transaction is 0x7f and JSON. It is signed by nobody, which a simulated chain believes and no real one would.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from executor.chain.node import NodeRefused

_CHEAP = "0x7f"
_WORD = 64


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as a block holds it. Fees are wei per gas, addresses and hashes lowercase 0x text."""

    hash: str
    sender: str
    nonce: int
    to: str
    data: str
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int


@dataclass(frozen=True, slots=True)
class Swap:
    """What the simulated router is called with. `tag` says which order it is for; after `deadline` (unix seconds) it reverts."""

    sell: str
    buy: str
    amount_in: int
    amount_out: int
    deadline: int
    tag: str

    @property
    def call_data(self) -> str:
        """The call as 0x text."""
        words = [int(self.sell, 16), int(self.buy, 16), self.amount_in, self.amount_out, self.deadline]
        return "0x73776170" + "".join(f"{word:064x}" for word in words) + hashlib.sha256(self.tag.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ReadSwap:
    """A call of the simulated router, read back; `tag_hash` is sha-256 of the tag."""

    sell: str
    buy: str
    amount_in: int
    amount_out: int
    deadline: int
    tag_hash: str


def read_swap(data: str) -> ReadSwap | None:
    """The call as it was made, None when it is none of the simulated router."""
    if not data.startswith("0x73776170"):
        return None
    words = [data[at : at + _WORD] for at in range(10, len(data), _WORD)]
    return ReadSwap(f"0x{words[0][-40:]}", f"0x{words[1][-40:]}", int(words[2], 16), int(words[3], 16), int(words[4], 16), words[5])


class CheapSigner:
    """Signs cheap transactions for an address that has no key."""

    def __init__(self, address: str) -> None:
        self.address = address.lower()

    def sign(self, transaction: Mapping[str, Any]) -> tuple[str, str]:
        """Raw 0x text and hash."""
        text = json.dumps({"from": self.address, **transaction}, sort_keys=True, separators=(",", ":"))
        return _CHEAP + text.encode().hex(), "0x" + hashlib.sha256(text.encode()).hexdigest()


def read_raw(raw: str, chain_id: int) -> Transaction:
    """The transaction in these bytes, cheap or real. Raises NodeRefused for any that a node would not read."""
    try:
        sender, tx_hash, told = _read_cheap(raw) if raw.startswith(_CHEAP) else _read_real(raw)
        if told["chainId"] != chain_id:
            raise ValueError("invalid chain id")
        fields = [told[name] for name in ("gas", "maxFeePerGas", "maxPriorityFeePerGas")]
        return Transaction(tx_hash, sender, told["nonce"], told["to"].lower(), told["data"].lower(), *fields)
    except (ValueError, KeyError, TypeError) as error:
        raise NodeRefused(f"eth_sendRawTransaction: invalid transaction: {error}", code=-32602) from error


def _read_cheap(raw: str) -> tuple[str, str, dict[str, Any]]:
    text = bytes.fromhex(raw[len(_CHEAP) :])
    told = json.loads(text)
    return told["from"], "0x" + hashlib.sha256(text).hexdigest(), told


@lru_cache(maxsize=1024)
def _read_real(raw: str) -> tuple[str, str, dict[str, Any]]:
    """Recovering the sender takes half a millisecond, and the same bytes come again and again."""
    from eth_account import Account
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from eth_utils.crypto import keccak
    from hexbytes import HexBytes
    from rlp.exceptions import RLPException

    data = HexBytes(raw)
    try:
        told = TypedTransaction.from_bytes(data).as_dict()
    except RLPException as error:
        raise ValueError(str(error)) from error
    fields = {name: int(told[name]) for name in ("chainId", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas")}
    texts = {"to": "0x" + bytes(told["to"]).hex(), "data": "0x" + bytes(told["data"]).hex()}
    return Account.recover_transaction(data).lower(), "0x" + keccak(data).hex(), {**fields, **texts}
