"""Real keys, and what somebody else may do with one of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RealSigner:
    """A key, signing for real."""

    def __init__(self, key: bytes) -> None:
        from eth_account import Account

        self._account = Account.from_key(key)
        self.address = self._account.address.lower()

    def sign(self, transaction: Mapping[str, Any]) -> tuple[str, str]:
        from eth_utils.address import to_checksum_address

        signed = self._account.sign_transaction({**transaction, "to": to_checksum_address(transaction["to"])})
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()


NOBODY = "0x" + "0" * 39 + "1"


def foreign_transaction(key: bytes, chain_id: int, nonce: int) -> str:
    """A transaction of the same key that no journal knows, raw."""
    fees = {"maxFeePerGas": 1000 * 10**9, "maxPriorityFeePerGas": 500 * 10**9}
    transfer = {"type": 2, "chainId": chain_id, "nonce": nonce, "to": NOBODY, "data": "0x", "value": 0, "gas": 21_000}
    return RealSigner(key).sign({**transfer, **fees})[0]
