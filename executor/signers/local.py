"""A key in this process: what the keystore's and the environment's signers have in common once they have read theirs.

The key is nowhere where a log, a traceback or a picture of the memory of one frame would show it: not in `repr`, not among the
attributes of a signer, and no error of the library that saw it leaves this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from domain.problems import BadInput, Broken
from executor.signers.policy import SigningPolicy

ORDER_OF_THE_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Secret:
    """Bytes that nobody prints."""

    __slots__ = ("_told",)

    def __init__(self, told: bytes) -> None:
        self._told: Callable[[], bytes] = lambda: told

    def reveal(self) -> bytes:
        """The bytes, for whoever signs with them."""
        return self._told()

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied or stored")


class LocalSigner:
    """Signs with a key that it holds. `policy` None signs no transaction at all, only the approval of a desk file."""

    def __init__(self, key: Secret, policy: SigningPolicy | None) -> None:
        """Raises BadInput when the bytes are no key."""
        self._address = "nobody"
        if len(key.reveal()) != 32 or not 0 < int.from_bytes(key.reveal(), "big") < ORDER_OF_THE_CURVE:
            raise BadInput("This is not a private key: it must be 32 bytes, 64 hexadecimal digits. It is not repeated here.", field="key")
        self._key = key
        self._policy = policy
        self._address = _address_of(key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address})"

    @property
    def address(self) -> str:
        """Whose key it is, lowercase 0x text."""
        return self._address

    def sign(self, transaction: Mapping[str, Any]) -> tuple[str, str]:
        """The raw transaction and its hash, both 0x text. Raises GuardRefused for what the policy does not allow."""
        if self._policy is None:
            raise Broken("This signer was opened to approve a desk file; it signs no transactions.")
        self._policy.check(transaction, self._address)
        signed = _signed(self._key, transaction)
        if signed is None:
            raise Broken("The library that signs refused a transaction that the policy allows; look at its version.", field="transaction")
        return signed

    def approve(self, text: str) -> str:
        """A signature over a text as wallets sign texts (EIP-191), 0x text; it can never be one over a transaction."""
        from eth_account import Account
        from eth_account.messages import encode_defunct

        return "0x" + bytes(Account.sign_message(encode_defunct(text=text), self._key.reveal()).signature).hex()


def _address_of(key: Secret) -> str:
    from eth_account import Account

    return str(Account.from_key(key.reveal()).address).lower()


def _signed(key: Secret, transaction: Mapping[str, Any]) -> tuple[str, str] | None:
    """None when the library refused: its error is dropped here, because its frames hold the key."""
    from eth_account import Account
    from eth_utils.address import to_checksum_address

    told = {**transaction, "type": 2, "to": to_checksum_address(transaction["to"])}
    try:
        signed = Account.sign_transaction(told, key.reveal())
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()
