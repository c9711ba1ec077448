"""What a signer puts its name to: the last line, drawn from the desk file once at the start, whatever the rest of the desk decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.problems import GuardRefused

RULE = "signer_policy"
FIELDS = frozenset({"type", "chainId", "nonce", "to", "data", "value", "gas", "maxFeePerGas", "maxPriorityFeePerGas"})
_NUMBERS = ("chainId", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas")
_DATA, _ADDRESS = re.compile(r"0x([0-9a-fA-F]{2})*"), re.compile(r"0x[0-9a-fA-F]{40}")
# Longer than any plan's call.
MOST_DATA = 128 * 1024


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """Calls to these routers, and empty transactions to oneself, on one chain, that send no ether along and cost no more gas than this."""

    chain_id: int
    routers: frozenset[str]
    max_cost_wei: int

    def check(self, transaction: Mapping[str, Any], address: str) -> None:
        """Raises GuardRefused for anything else that somebody wants `address` to sign."""
        unknown = set(transaction) - FIELDS
        missing = FIELDS - {"type"} - set(transaction)
        if unknown or missing:
            raise _refused(f"a transaction has {', '.join(sorted(unknown or missing))} {'too much' if unknown else 'missing'}", "fields")
        if transaction.get("type", 2) != 2:
            raise _refused("only transactions of type 2 (EIP-1559) are signed", "type")
        for name in _NUMBERS:
            if type(transaction[name]) is not int or not 0 <= transaction[name] < 2**128:
                raise _refused(f"{name} must be a whole number", name)
        if transaction["chainId"] != self.chain_id:
            raise _refused(
                f"it is for chain {transaction['chainId']} and the key is for {self.chain_id}",
                "chainId",
            )
        if type(transaction["value"]) is not int or transaction["value"] != 0:
            raise _refused("it would send ether along; the desk trades the wrapped token", "value", 0, str(transaction["value"]))
        self._check_call(transaction["to"], transaction["data"], address)
        if transaction["maxPriorityFeePerGas"] > transaction["maxFeePerGas"]:
            raise _refused("its tip is more than its whole fee", "maxPriorityFeePerGas")
        cost = transaction["gas"] * transaction["maxFeePerGas"]
        if cost > self.max_cost_wei:
            raise _refused(
                f"it could cost {cost} wei of gas and the most is {self.max_cost_wei}; wait for lower fees, or raise gas.max_cost",
                "gas",
                str(self.max_cost_wei),
                str(cost),
            )

    def _check_call(self, to: Any, data: Any, address: str) -> None:
        if not isinstance(to, str) or not _ADDRESS.fullmatch(to):
            raise _refused("it is to no address; contracts are not created here", "to")
        if not isinstance(data, str) or len(data) > 2 * MOST_DATA or not _DATA.fullmatch(data):
            raise _refused("its data is not 0x text of whole bytes", "data")
        if to.lower() == address.lower():
            if data != "0x":
                raise _refused("a transaction to oneself is a cancellation and carries no data", "data")
        elif to.lower() not in self.routers:
            raise _refused(f"it calls {to}, which is no router of this desk", "to", len(self.routers), to)
        elif len(data) < 10:
            raise _refused("it calls a router without saying what", "data")


def _refused(why: str, field: str, limit: Any = None, value: Any = None) -> GuardRefused:
    return GuardRefused(RULE, f"the signer does not sign this: {why}.", field=field, limit=limit, value=value, unit=field)
