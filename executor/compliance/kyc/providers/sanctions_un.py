"""The client's name against the consolidated list of the United Nations."""

from __future__ import annotations

from executor.compliance.kyc.provider import Answer, Limits, Provider, Sources, Subject, ask_names


def ask(subject: Subject, sources: Sources, limits: Limits) -> Answer:
    """Raises Unavailable or BadInput where the list is not there."""
    return ask_names(PROVIDER.name, sources.index("un", lambda: sources.folder().un), subject, limits)


PROVIDER = Provider(
    "sanctions:un",
    "Nobody may deal with those who are on the consolidated list of the United Nations.",
    ask,
    lambda sources: str(sources.folder().un.version),
)
