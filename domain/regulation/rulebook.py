"""The rulebook: jurisdiction → regime → report, and what each of them asks, as values read from `regulations.yaml`.

Nothing here is legal advice, and each reference to a law says whether somebody has read it: `DocRef.verified`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SchemaStatus = Literal["official", "carrier", "own_from_public_table", "none"]
FormatName = Literal["xml", "csv", "json"]
Severity = Literal["error", "warn"]
Action = Literal["NEW", "AMEND", "CORRECT", "CANCEL"]
Period = Literal["day", "month", "quarter", "calendar_year"]
Basis = Literal["law", "internal_policy"]

ACTIONS: tuple[Action, ...] = ("NEW", "AMEND", "CORRECT", "CANCEL")


@dataclass(frozen=True, slots=True)
class DocRef:
    """Where a rule comes from: `corpus` is the act or standard, `segment` the article, field or page in it.

    `verified` is true only where somebody has read that segment; a reference placed by comparison or from memory is not.
    """

    corpus: str
    segment: str = ""
    body: str = ""
    verified: bool = False
    note: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.body, self.corpus, self.segment) if part)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of eligibility: a row for which `test` (an expression) is not true is not reported, `reason` says why."""

    id: str
    test: str
    reason: str
    doc_ref: DocRef
    line: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a report.

    Exactly one of `source` (column of the row), `const`, `expr` (expression) and `agg` (`count`, or `sum:column` over the group) gives
    it. `path` places it in XML, relative to its node, slash between elements, `prefix:Name` for another namespace; `json` places it in
    JSON, dot between keys; None leaves it out there. `name` is its column in CSV.

    `format` is `text`, `integer`, `decimal(total,fraction)`, `units(total,fraction,decimals_column)` for base units, `datetime_us`,
    `datetime_s`, `date` or `boolean`. `clean` is applied to text: `alnum`, `strip_0x`, `upper`. `length` is the longest text.
    `validate` names a check of `domain/regulation/identifiers` (`lei`, `dti`, `isin`, `uti`, `mic`, `country`, `currency`), or a code
    list of the rulebook as `@name`. `card` is `1..1` or `0..1`: a row without a value of a `1..1` field (whose `when` holds) is
    blocked. `when` is an expression: the field is there only in rows where it holds. `map` replaces values. `attributes` are XML
    attributes: a column, or `=text` for a constant.
    """

    id: str
    name: str
    doc_ref: DocRef
    source: str | None = None
    const: str | None = None
    expr: str | None = None
    agg: str | None = None
    path: str | None = None
    json: str | None = None
    format: str = "text"
    clean: tuple[str, ...] = ()
    length: int | None = None
    validate: str | None = None
    card: Literal["1..1", "0..1"] = "1..1"
    when: str | None = None
    map: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the document that fields hang on. With `group_by` there is one for each group of rows, else one in all.

    `at` is its path in XML below the parent node (`{action}` in it becomes the report's word for the row's action), `json` its key in
    JSON (a list where it is grouped). `on` are the actions of the rows it takes; none named takes all.
    """

    at: str = ""
    json: str | None = None
    group_by: tuple[str, ...] = ()
    on: tuple[Action, ...] = ()
    fields: tuple[Field, ...] = ()
    children: tuple[Node, ...] = ()
    line: int = 0

    def every_field(self) -> Iterator[Field]:
        """The fields of this node and of those below it."""
        yield from self.fields
        for child in self.children:
            yield from child.every_field()


@dataclass(frozen=True, slots=True)
class Extension:
    """Elements of another namespace inside the document, which their own schema describes."""

    prefix: str
    namespace: str
    schema: str
    schema_status: SchemaStatus


@dataclass(frozen=True, slots=True)
class Format:
    """How a report is written in one format. `schema` is a path below the schema folder (`own/…` are those that Grekko ships).

    `claim` is the sentence that may be said of a valid document, and no more. For XML: `root`, `namespace`, `namespaces` by prefix, and
    `attributes` of the root. For JSON: `records` is the JSON Schema's name of what is checked: `document`, or `each` record by itself.
    For CSV: `columns` are the names of fields in order, empty for all.
    `checked_only` marks a form that exists to check the structure and is not the one that is filed.
    """

    name: FormatName
    schema: str | None
    schema_status: SchemaStatus
    claim: str
    root: str = ""
    namespace: str = ""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[Extension, ...] = ()
    columns: tuple[str, ...] = ()
    records: Literal["document", "each"] = "document"
    checked_only: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over the rows of a report: where `when` holds, `then` must. `field` is the id of the field it is about.

    An error blocks the row: it is left out of the document and reported as blocked. A warning is kept beside it.
    """

    id: str
    then: str
    text: str
    doc_ref: DocRef
    field: str = ""
    when: str | None = None
    severity: Severity = "error"
    line: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """When a report is made and due. `deadline` is text: `T+1bd` (business days after the period's end), `+5m` (calendar months after
    it), `05-31` (that day of the next year) or None where it is kept and sent on request. `cron` is when its schedule ticks."""

    period: Period
    cron: str
    deadline: str | None = None
    doc_ref: DocRef | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What happens to a record after it was reported. `words` are the report's names of the actions, for `{action}` in paths.

    `becomes` are actions that are told as others, such as CORRECT as CANCEL and then NEW. `nil` says whether a period without a
    reportable row is reported (as an empty document) or not at all.
    """

    words: Mapping[Action, str] = field(default_factory=dict)
    becomes: Mapping[Action, tuple[Action, ...]] = field(default_factory=dict)
    nil: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer of the authority: its message, how many business days it may take, and what is done about a refusal."""

    message: str
    timeout_business_days: int = 2
    on_nack: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a report: a table of the group `compliance`, and the columns that identify a row.

    `beside` are tables whose rows are judged too, so that each of them gets its reason: the spot swaps beside the derivatives.
    """

    table: str
    key: tuple[str, ...]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One report of a regime; `id` is JURISDICTION.REGIME.name, such as EU.MiCA.transactions. `record` is its class for retention."""

    id: str
    title: str
    source: Source
    timing: Timing
    formats: Mapping[FormatName, Format]
    tree: tuple[Node, ...]
    doc_ref: DocRef
    record: str = "report"
    eligibility: tuple[Condition, ...] = ()
    rules: tuple[Rule, ...] = ()
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    nil_tree: tuple[Node, ...] = ()
    acknowledgement: Acknowledgement | None = None
    line: int = 0

    @property
    def jurisdiction(self) -> str:
        """Its jurisdiction's code."""
        return self.id.split(".")[0]

    @property
    def regime(self) -> str:
        """Its regime's name."""
        return self.id.split(".")[1]

    @property
    def slug(self) -> str:
        """The id as a name of an asset or a folder: eu_mica_transactions."""
        return self.id.replace(".", "_").replace("-", "_").lower()

    def every_field(self) -> Iterator[Field]:
        """All fields, in the order of the file."""
        for node in self.tree:
            yield from node.every_field()

    def references(self) -> list[DocRef]:
        """Every legal reference of the report: fields, rules, conditions, timing and its own."""
        told = [self.doc_ref, *(one.doc_ref for one in self.every_field()), *(one.doc_ref for one in self.rules)]
        told += [one.doc_ref for one in self.eligibility]
        return told + ([self.timing.doc_ref] if self.timing.doc_ref else [])

    @property
    def unverified(self) -> int:
        """How many of its references nobody has read."""
        return sum(not one.verified for one in self.references())


@dataclass(frozen=True, slots=True)
class Regime:
    """A body of law with its reports."""

    name: str
    corpus: tuple[str, ...]
    reports: Mapping[str, Report]


@dataclass(frozen=True, slots=True)
class AccessTier:
    """Until when records must be at hand: `tier` hot (at once) or cold (within `within_business_days`)."""

    until_years: int | None
    tier: Literal["hot", "cold"]
    within_business_days: int | None = None


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How long records of these classes are kept, in years from an event (`record_date`, `swap_final_termination`, `relationship_end`).

    `extend_on_request_to` is the longest an authority may ask for.
    """

    records: tuple[str, ...]
    years: int
    doc_ref: DocRef
    start: str = "record_date"
    extend_on_request_to: int | None = None
    access: tuple[AccessTier, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """What an order may not go beyond for clients of a jurisdiction.

    `metric` is one of `order_usd`, `day_usd`, `position_usd` (`most` is the maximum, in dollars as text), `restricted_tokens`,
    `restricted_pools` (`members` are addresses, or `@list` of the rulebook), or `client_residence` (`members` are the countries that
    are not served). `basis` says whether the law or the firm sets it. `on_breach` is what happens besides the refusal: `alert:slack`,
    `alert:email`.
    """

    id: str
    basis: Basis
    metric: str
    text: str
    doc_ref: DocRef
    most: str | None = None
    members: tuple[str, ...] = ()
    on_breach: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class KycChain:
    """Who is asked about a client, in order: `kind:list`, such as `sanctions:ofac`, `pep:register`, `country:fatf`, `wallet:ofac`.

    A score of `threshold` or more is a hit, from `review_from` on a person looks. `refresh_days` is how long a decision holds.
    """

    providers: tuple[str, ...]
    threshold: float
    review_from: float
    refresh_days: int
    travel_rule_standard: str | None = None
    travel_rule_minimum: str | None = None
    doc_ref: DocRef | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """A place with its own rules. `countries` are those it covers (ISO 3166-1 alpha-2); `holidays` names its calendar for business days."""

    code: str
    name: str
    authority: str
    countries: tuple[str, ...]
    timezone: str = "UTC"
    holidays: str | None = None
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    retention: tuple[RetentionRule, ...] = ()
    limits: tuple[Limit, ...] = ()
    kyc: KycChain | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All jurisdictions by code, and the lists they share. `rates` are declared rates of a currency per dollar, with their day."""

    version: int
    jurisdictions: Mapping[str, Jurisdiction]
    codelists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def reports(self) -> dict[str, Report]:
        """Every report by id."""
        return {
            report.id: report
            for place in self.jurisdictions.values()
            for regime in place.regimes.values()
            for report in regime.reports.values()
        }

    def of_country(self, country: str) -> list[Jurisdiction]:
        """The jurisdictions that cover a country."""
        return [place for place in self.jurisdictions.values() if country in place.countries]
