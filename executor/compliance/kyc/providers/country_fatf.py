"""The client's countries against the two lists of the Financial Action Task Force, as they stood on the day."""

from __future__ import annotations

from executor.compliance.kyc.fatf import load_fatf
from executor.compliance.kyc.provider import Answer, Limits, Outcome, Provider, Sources, Subject

_OUTCOMES: dict[str, Outcome] = {"call_for_action": "hit", "increased_monitoring": "review"}


def ask(subject: Subject, sources: Sources, limits: Limits) -> Answer:
    """A country under a call for action is a hit; for one under increased monitoring a person looks."""
    lists = load_fatf()
    version = lists.version(sources.day)
    if not subject.countries:
        return Answer(PROVIDER.name, "not_asked", "no country is known", version)
    found = [state for country in subject.countries if (state := lists.state_of(country, sources.day)) is not None]
    if not found:
        return Answer(PROVIDER.name, "clear", f"{', '.join(subject.countries)} on neither list", version, 0.0)
    worst = min(found, key=lambda state: state.listed)
    told = {
        "country": worst.country,
        "listed": worst.listed,
        "valid_from": worst.valid_from.isoformat(),
        "source": worst.source,
        "checked": worst.checked,
    }
    reason = f"{worst.country} is under {worst.listed.replace('_', ' ')} since {worst.valid_from}"
    return Answer(PROVIDER.name, _OUTCOMES[worst.listed], reason, version, 1.0, f"fatf {worst.country}", told)


PROVIDER = Provider(
    "country:fatf",
    "Dealing with residents of countries whose controls fail asks for more than the usual care, or for none at all.",
    ask,
    lambda sources: load_fatf().version(sources.day),
)
