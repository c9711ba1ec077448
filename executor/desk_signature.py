"""The signature of a desk file: the owner of the trading key says that this very file may trade with it.

It lies beside the file (`desk.yaml.sig`) and is over the hash of its bytes. Whoever changes a letter needs the key again, so a
changed file cannot be used with a key by somebody who does not hold it.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from domain.problems import BadInput
from executor.guards.limits_watch import signature_path
from executor.signers.local import LocalSigner

MAX_BYTES = 4 * 1024
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")


def text_to_sign(sha256: str, chain_id: int) -> str:
    """What the signature says, readable in a wallet."""
    return f"I let Grekko trade live with this key on chain {chain_id}, as the desk file with sha256 {sha256} says."


def sign_desk_file(content: bytes, path: Path, chain_id: int, signer: LocalSigner) -> Path:
    """Writes the signature of the file's bytes beside it; returns where."""
    sha256 = hashlib.sha256(content).hexdigest()
    document = {
        "sha256": sha256,
        "chain_id": chain_id,
        "address": signer.address,
        "signature": signer.approve(text_to_sign(sha256, chain_id)),
    }
    where = signature_path(path)
    temporary = where.with_name(where.name + ".new")
    temporary.write_text(json.dumps(document, indent=2) + "\n")
    temporary.replace(where)
    return where


def check_signature(content: bytes, path: Path, chain_id: int, address: str | None) -> None:
    """Raises BadInput with the reason when these bytes of the file at `path` were not signed by the key of `address` for this chain.

    `address` None takes any key's, for whoever only looks and has no key at hand.
    """
    where, again = signature_path(path), f"look at the file, then `grekko desk sign {path.name}`"
    try:
        with where.open("rb") as file:
            told = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path.name} is not signed: {where.name} cannot be read ({error.strerror}); {again}.", field="signature") from error
    document = _document(told)
    if document is None:
        raise BadInput(f"{where.name} is not a signature of a desk file; {again}.", field="signature")
    sha256 = hashlib.sha256(content).hexdigest()
    if document["sha256"] != sha256:
        raise BadInput(
            f"{path.name} was changed after it was signed; {again}.", field="signature", signed_sha256=document["sha256"], sha256=sha256
        )
    if document["chain_id"] != str(chain_id):
        raise BadInput(f"{path.name} was signed for chain {document['chain_id']} and is for {chain_id}; {again}.", field="signature")
    signed_by = _signed_by(document["signature"], text_to_sign(sha256, chain_id))
    if signed_by is None or (address is not None and signed_by != address.lower()):
        raise BadInput(
            f"{path.name} was signed by {signed_by or 'nobody'} and the key that would trade is {address or 'another'}'s; {again} with it.",
            field="signature",
            signed_by=signed_by,
            address=address,
        )


def _document(told: bytes) -> dict[str, str] | None:
    try:
        document = json.loads(told) if len(told) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    found = {name: str(document.get(name)) for name in ("sha256", "chain_id", "signature")}
    return found if _SIGNATURE.fullmatch(found["signature"]) else None


def _signed_by(signature: str, text: str) -> str | None:
    """Whose key made it; None where it is nobody's."""
    from eth_account import Account
    from eth_account.messages import encode_defunct
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    try:
        return str(Account.recover_message(encode_defunct(text=text), signature=signature)).lower()
    except (BadSignature, ValidationError, ValueError):
        return None
