"""Wallet addresses against a list, exactly: the whole address or nothing, and no letter case for those of Ethereum and its like.

A mixed-case address says by its capitals (EIP-55) whether it was copied right. One that was not is refused, because screening
another address than the one meant would answer about nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.problems import BadInput
from executor.compliance.screening.entries import ListVersion, SetAside, bytes_of, refuse_what_is_no_list, sha256_of

_EVM = re.compile(r"0[xX][0-9a-fA-F]{40}")
# Base58 (Bitcoin, Tron …) minds the case; bech32 (bc1…, ltc1…) does not.
_OTHER = re.compile(r"[0-9A-Za-z]{20,120}")
_BECH32 = re.compile(r"[a-zA-Z]{1,10}1[02-9ac-hj-np-zAC-HJ-NP-Z]{25,90}")


@dataclass(frozen=True, slots=True)
class AddressList:
    """Addresses nobody may deal with, each with the entry it stands in, and the versions of the lists it was made from."""

    entries: Mapping[str, str]
    versions: tuple[ListVersion, ...]

    @staticmethod
    def of(entries: Iterable[tuple[str, str]], versions: Iterable[ListVersion]) -> AddressList:
        """From pairs of address and entry. A list's own capitals are not held against it."""
        return AddressList({_key(address): entry for address, entry in entries}, tuple(versions))

    def find(self, address: str) -> str | None:
        """The entry in which the address stands (`ofac_eth.txt line 7`, `ofac 26137`), or None.

        Raises BadInput for what is not an address, or has capitals that are no checksum.
        """
        return self.entries.get(checked_address(address))

    @property
    def version(self) -> str:
        """All versions in one line, as it is stored with a decision."""
        return ", ".join(map(str, self.versions))


def checked_address(address: str) -> str:
    """The address as it is looked up: lowercase for Ethereum and its like. Raises BadInput as `find` does."""
    told = address.strip()
    if _EVM.fullmatch(told):
        digits = told[2:]
        if digits not in (digits.lower(), digits.upper()):
            from eth_utils.address import to_checksum_address

            if to_checksum_address(f"0x{digits.lower()}")[2:] != digits:
                raise BadInput(
                    f"The capitals of {told} are no checksum (EIP-55): a digit is wrong, or write it in small letters.", field="address"
                )
        return f"0x{digits.lower()}"
    if told[:2].lower() == "0x" or not _OTHER.fullmatch(told):
        raise BadInput(f"{told[:60]!r} is no address: write 0x and 40 hexadecimal digits, or another chain's address.", field="address")
    return _key(told)


def read_addresses(path: Path) -> tuple[list[tuple[str, str]], ListVersion, tuple[SetAside, ...]]:
    """A plain list: one address a line, `#` starts a comment. Raises BadInput when it is missing or holds no addresses."""
    content = bytes_of(path)
    found: list[tuple[str, str]] = []
    set_aside: list[SetAside] = []
    for number, raw in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if _EVM.fullmatch(line) or (_OTHER.fullmatch(line) and line[:2].lower() != "0x"):
            found.append((line, f"{path.name} line {number}"))
        else:
            set_aside.append(SetAside(path.name, number, f"{line[:60]!r} is no address"))
    refuse_what_is_no_list(path, len(found), set_aside)
    digest = sha256_of(content)
    return found, ListVersion(path.stem, f"sha256:{digest[:12]}", digest, len(found), len(set_aside)), tuple(set_aside)


def _key(address: str) -> str:
    if _EVM.fullmatch(address):
        return f"0x{address[2:].lower()}"
    return address.lower() if _BECH32.fullmatch(address) else address
