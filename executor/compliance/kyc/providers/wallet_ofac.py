"""The client's wallets against the sanctioned addresses of the list folder, exactly."""

from __future__ import annotations

from executor.compliance.kyc.provider import Answer, Limits, Provider, Sources, Subject


def ask(subject: Subject, sources: Sources, limits: Limits) -> Answer:
    """Raises Unavailable or BadInput where the list is not there, BadInput for what is no address."""
    listed = sources.folder().addresses
    if not subject.addresses:
        return Answer(PROVIDER.name, "not_asked", "no wallet is known", listed.version)
    for address in subject.addresses:
        entry = listed.find(address)
        if entry is not None:
            return Answer(PROVIDER.name, "hit", f"{address} is listed", listed.version, 1.0, entry, {"address": address, "entry": entry})
    return Answer(PROVIDER.name, "clear", f"none of {len(subject.addresses)} wallets is listed", listed.version, 0.0)


PROVIDER = Provider(
    "wallet:ofac",
    "An address that is on the list stays on it whatever name its owner gives.",
    ask,
    lambda sources: sources.folder().addresses.version,
)
