"""The client's name against OFAC's list of specially designated nationals."""

from __future__ import annotations

from executor.compliance.kyc.provider import Answer, Limits, Provider, Sources, Subject, ask_names


def ask(subject: Subject, sources: Sources, limits: Limits) -> Answer:
    """Raises Unavailable or BadInput where the list is not there."""
    return ask_names(PROVIDER.name, sources.index("ofac", lambda: sources.folder().ofac), subject, limits)


PROVIDER = Provider(
    "sanctions:ofac",
    "Nobody may deal with those who are on OFAC's list of specially designated nationals.",
    ask,
    lambda sources: str(sources.folder().ofac.version),
)
