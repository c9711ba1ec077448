"""Which mode the executor runs in. Nothing is live by default: the file must say so, the command line must, and the key's owner must."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, MutableMapping
from typing import NamedTuple

from domain.problems import BadInput
from executor.desk_file import DeskFile, content_of
from executor.desk_signature import check_signature
from executor.orders import Mode
from executor.signers import EnvironmentSigner, KeystoreSigner, LocalSigner, SigningPolicy
from executor.signers.keystore import password_from


class Standing(NamedTuple):
    """The mode in force, and in live mode the signer, and what raises BadInput for bytes of the desk file that its key did not sign."""

    mode: Mode
    signer: LocalSigner | None = None
    approve: Callable[[bytes], None] | None = None


def mode_in_force(desk: DeskFile, *, live: bool) -> Mode:
    """The file's mode, where the flag `--live` agrees with it. Raises BadInput when one says live and the other does not."""
    if desk.mode == "live" and not live:
        raise BadInput(
            f"{desk.path.name} says mode: live, which also needs --live on the command line; add it, or write mode: paper.", field="mode"
        )
    if live and desk.mode != "live":
        raise BadInput(
            f"--live was given and {desk.path.name} says mode: {desk.mode}; write mode: live and sign the file, or leave --live out.",
            field="mode",
        )
    return desk.mode


def missing_for_live(desk: DeskFile) -> list[str]:
    """What a desk file must say before it may trade live and does not, a sentence each."""
    limits, missing = desk.limits, []
    tokens = limits.allowed_tokens or frozenset(desk.tokens)
    for what, in_dollars, in_amounts in (
        ("an order", "max_notional_per_order_usd", "max_per_order"),
        ("a day", "max_notional_per_day_usd", "max_per_day"),
        ("a day's losses", "max_loss_per_day_usd", "max_loss_per_day"),
    ):
        unlimited = [token for token in sorted(tokens) if getattr(limits.amount_limits(token), in_amounts) is None]
        if getattr(limits, in_dollars) is None and unlimited:
            names = ", ".join(desk.tokens[token].symbol for token in unlimited)
            missing.append(f"Nothing limits {what} of {names}: set limits.{in_dollars}, or {in_amounts} in limits.amounts.")
    if limits.max_rejects is None:
        missing.append("Nothing stops the desk when its orders bounce: set limits.max_rejects.")
    if not limits.allowed_routers:
        missing.append("No router is named, so nothing could be called: name one under venues, or split_router.")
    if "*" not in desk.gas.budgets:
        missing.append("Gas has no budget: set gas.budgets with `*` for every market that is not named.")
    if desk.key is None:
        missing.append("There is no key: set key to {keystore: path}.")
    return missing


def take_position(desk: DeskFile, environment: MutableMapping[str, str], *, live: bool) -> Standing:
    """The mode, and in live mode the signer, once everything that live asks for is there. In other modes no key is looked at.

    Raises BadInput saying what is missing.
    """
    mode = mode_in_force(desk, live=live)
    if mode != "live":
        return Standing(mode)
    if missing := missing_for_live(desk):
        raise BadInput(f"{desk.path.name} is not ready for live. {' '.join(missing)}", field="limits", missing=missing)
    signer = open_signer(desk, environment, policy_of(desk))
    check_approval(desk, signer.address)
    return Standing(mode, signer, lambda content: check_signature(content, desk.path, desk.chain_id, signer.address))


def check_approval(desk: DeskFile, address: str) -> None:
    """Raises BadInput when the desk file, as it was read, is not signed by the key of this address, or changed since it was read."""
    content = content_of(desk.path)
    check_signature(content, desk.path, desk.chain_id, address)
    if hashlib.sha256(content).hexdigest() != desk.sha256:
        raise BadInput(f"{desk.path.name} changed while it was being read; start again.", field="file")


def policy_of(desk: DeskFile) -> SigningPolicy:
    """What the signer of this desk puts its name to."""
    return SigningPolicy(desk.chain_id, desk.limits.allowed_routers or frozenset(), desk.gas.max_cost_wei)


def open_signer(desk: DeskFile, environment: MutableMapping[str, str], policy: SigningPolicy | None, *, ask: bool = False) -> LocalSigner:
    """The signer that the file's `key` names; with `ask` a missing password is asked at the terminal. Raises BadInput."""
    if desk.key is None:
        raise BadInput(f"{desk.path.name} names no key; set key to {{keystore: path}}.", field="key")
    if desk.key.keystore is not None:
        return KeystoreSigner.open(desk.key.keystore, password_from(environment, ask=ask), policy)
    return EnvironmentSigner.open(environment, policy, desk.key.environment or "")
