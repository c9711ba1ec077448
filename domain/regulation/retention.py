"""How long a record is kept, and where: the retention rules of the rulebook applied to a record's own dates.

All days are UTC calendar days and `until` is the last day on which the record is kept: it may go on the day after, never before.
A rule whose event has not happened keeps the record without an end, and so does having no rule at all: what nobody has decided is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.problems import BadInput
from domain.regulation.rulebook import DocRef, RetentionRule, Rulebook

RECORD_DATE, SWAP_TERMINATION, RELATIONSHIP_END = "record_date", "swap_final_termination", "relationship_end"
START_EVENTS = (RECORD_DATE, SWAP_TERMINATION, RELATIONSHIP_END)
# Where no rule says how long a record must be at hand, the house keeps it hot as long as 17 CFR 45.2 asks of swaps after their end.
HOUSE_HOT_YEARS = 2


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A retention rule with the jurisdiction it comes from; `rule_id` is EU-RET-1 for the first rule of the EU's block."""

    jurisdiction: str
    rule_id: str
    rule: RetentionRule


@dataclass(frozen=True, slots=True)
class Extension:
    """An authority's request to keep records longer: `years` in all, from the rule's own start. `reference` is the letter's."""

    jurisdiction: str
    record_class: str
    years: int
    requested_on: date
    reference: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: while it stands nothing it covers is deleted, whatever the date. It has no end, somebody releases it.

    `first` and `last` are the record days it covers, None for open.
    """

    id: str
    record_class: str
    reason: str
    first: date | None = None
    last: date | None = None

    def covers(self, record_class: str, first: date, last: date) -> bool:
        """Whether any record of that class between those days is under it."""
        return (
            self.record_class == record_class and (self.first is None or last >= self.first) and (self.last is None or first <= self.last)
        )


@dataclass(frozen=True, slots=True)
class Term:
    """What one rule asks of one record. `until` is None while the rule's event has not happened."""

    applied: AppliedRule
    until: date | None
    extended_by: tuple[Extension, ...] = ()

    @property
    def doc_ref(self) -> DocRef:
        """The article that asks for it."""
        return self.applied.rule.doc_ref

    def __str__(self) -> str:
        asked = f"{self.applied.rule_id} ({self.doc_ref})"
        if self.until is None:
            return f"{asked}: no end yet, {self.applied.rule.start} has not happened"
        longer = f", extended by {', '.join(one.reference for one in self.extended_by)}" if self.extended_by else ""
        return f"{asked}: until {self.until.isoformat()}{longer}"


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a record is kept: the longest of its terms, and the holds on it."""

    terms: tuple[Term, ...]
    holds: tuple[Hold, ...] = ()

    @property
    def until(self) -> date | None:
        """The last day by the rules alone, holds apart; None where there is no end yet."""
        days = [term.until for term in self.terms]
        return None if not days or None in days else max(day for day in days if day is not None)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The rules that were asked."""
        return tuple(term.applied.rule_id for term in self.terms)

    def may_go(self, today: date) -> bool:
        """Whether the record may be deleted on that day."""
        return not self.holds and self.until is not None and today > self.until

    def why(self, today: date) -> str:
        """Why the record is still kept on that day, or by which rules it may go."""
        if self.holds:
            return "; ".join(f"legal hold {hold.id}: {hold.reason}" for hold in self.holds)
        if not self.terms:
            return "no retention rule names this class of record, so it is kept"
        standing = [term for term in self.terms if term.until is None or today <= term.until]
        told = "; ".join(str(term) for term in standing or self.terms)
        return told if standing else f"past every term: {told}"


@dataclass(frozen=True, slots=True)
class Access:
    """How fast a record must be at hand. `hot_until` is the last day in the hot tier, None for as long as it is kept; after it the
    record must be had within `within_business_days` (None where no rule names a number)."""

    hot_until: date | None
    within_business_days: int | None

    def is_hot(self, today: date) -> bool:
        """Whether the record must still be at hand at once."""
        return self.hot_until is None or today <= self.hot_until


@dataclass(frozen=True, slots=True)
class Requests:
    """What people asked for beyond the rules: extensions by authorities, and legal holds."""

    extensions: tuple[Extension, ...] = ()
    holds: tuple[Hold, ...] = field(default=())


def rules_for(rulebook: Rulebook, record_classes: Iterable[str]) -> tuple[AppliedRule, ...]:
    """Every retention rule of every jurisdiction that names one of these classes of record, in the order of the rulebook."""
    wanted = set(record_classes)
    return tuple(
        AppliedRule(place.code, f"{place.code}-RET-{number}", rule)
        for place in rulebook.jurisdictions.values()
        for number, rule in enumerate(place.retention, start=1)
        if wanted & set(rule.records)
    )


def kept(
    record_classes: Sequence[str],
    events: Mapping[str, date],
    rules: Sequence[AppliedRule],
    requests: Requests = Requests(),
    *,
    first: date | None = None,
) -> Kept:
    """How long a record of these classes is kept: the longest that any rule asks, extended where an authority asked for it.

    `events` are the days on which its events happened, `record_date` always among them; for a batch they are those of its last record,
    and `first` is the record date of its first. An extension counts only where it is allowed, see `allowed_extension`.
    """
    day = events[RECORD_DATE]
    terms = tuple(_term(one, record_classes, events, requests.extensions) for one in rules)
    holds = tuple(hold for hold in requests.holds if any(hold.covers(one, first or day, day) for one in record_classes))
    return Kept(terms, holds)


def access(events: Mapping[str, date], rules: Sequence[AppliedRule], house_hot_years: int = HOUSE_HOT_YEARS) -> Access:
    """In which tier a record must be: hot as long as any rule asks for it, at least `house_hot_years` from the record's date."""
    hot_days: list[date | None] = [years_after(events[RECORD_DATE], house_hot_years)]
    within = []
    for one in rules:
        start = events.get(one.rule.start)
        for tier in one.rule.access:
            if tier.tier == "hot":
                hot_days.append(None if start is None or tier.until_years is None else years_after(start, tier.until_years))
            elif tier.within_business_days is not None:
                within.append(tier.within_business_days)
    return Access(None if None in hot_days else max(day for day in hot_days if day is not None), min(within, default=None))


def allowed_extension(extension: Extension, rules: Sequence[AppliedRule], events: Mapping[str, date] | None = None) -> None:
    """Raises BadInput where the request goes beyond what the law lets an authority ask: no such rule, more or fewer years, too late.

    With the record's `events` it is also held to its day: it must come before the rule's own years are over.
    """
    told = f"{extension.reference}: {extension.jurisdiction} cannot have {extension.record_class} kept {extension.years} years"
    named = [one.rule for one in rules if one.jurisdiction == extension.jurisdiction and extension.record_class in one.rule.records]
    longest = max((rule.extend_on_request_to or 0 for rule in named), default=0)
    if not longest:
        raise BadInput(f"{told}: no retention rule there can be extended on request.", field="jurisdiction")
    if extension.years > longest:
        raise BadInput(f"{told}: the longest it may ask for is {longest}.", field="years", most=longest)
    if not any(rule.years < extension.years for rule in named if rule.extend_on_request_to):
        raise BadInput(f"{told}: they are kept at least as long without it, and nothing is ever shortened.", field="years")
    if events is not None and not any(_in_time(extension, rule, events) for rule in named if rule.extend_on_request_to):
        raise BadInput(f"{told}: it asked on {extension.requested_on.isoformat()}, after the rule's own years were over.", field="on")


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes 1 March where there is none, so that nothing is kept a day too short."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def _term(applied: AppliedRule, record_classes: Sequence[str], events: Mapping[str, date], extensions: Sequence[Extension]) -> Term:
    rule = applied.rule
    start = events.get(rule.start)
    counting = tuple(
        one
        for one in extensions
        if one.jurisdiction == applied.jurisdiction
        and one.record_class in rule.records
        and one.record_class in record_classes
        and rule.years < one.years <= (rule.extend_on_request_to or 0)
        and _in_time(one, rule, events)
    )
    if start is None:
        return Term(applied, None, counting)
    return Term(applied, years_after(start, max([rule.years, *(one.years for one in counting)])), counting)


def _in_time(extension: Extension, rule: RetentionRule, events: Mapping[str, date]) -> bool:
    start = events.get(rule.start)
    return start is None or extension.requested_on <= years_after(start, rule.years)
