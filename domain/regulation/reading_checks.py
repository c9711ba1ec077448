"""What must hold of a rulebook beyond its shape: expressions compile, ids are told once, lists and columns exist, claims are modest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.problems import BadInput
from domain.regulation.calendar import check_calendar, check_deadline
from domain.regulation.expression_grammar import closest
from domain.regulation.expressions import compile_expression, is_condition
from domain.regulation.identifiers import CHECKS
from domain.regulation.rulebook import Field, Format, Jurisdiction, Limit, Node, Report, Rulebook
from domain.regulation.schema_claims import claim_fault, status_fault
from domain.regulation.yaml_tree import Fault, Place, path_of

Steps = list[str | int]
Lists = Mapping[str, tuple[str, ...]]
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_COUNTRY = re.compile(r"[A-Z]{2}")
# minute, hour, day of the month, month, day of the week (0 and 7 are Sunday)
_CRON = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_CRON_PART = re.compile(r"(\*|([0-9]{1,2})(-([0-9]{1,2}))?)(/([0-9]{1,2}))?")


def check_rulebook(rulebook: Rulebook, tree: Place) -> Iterator[Fault]:
    """What is wrong, with the place in the files."""
    checker = _Checker(tree, {**rulebook.codelists, **rulebook.lists}, rulebook.codelists)
    for name in sorted(set(rulebook.codelists) & set(rulebook.lists)):
        yield checker.fault(["lists", name], f"a code list is called {name} too; give this one another name.")
    for code, place in rulebook.jurisdictions.items():
        yield from checker.jurisdiction(place, ["jurisdictions", code])
    slugs: dict[str, str] = {}
    for report in rulebook.reports.values():
        other = slugs.setdefault(report.slug, report.id)
        if other != report.id:
            yield checker.fault(_steps_of(report), f"its name as a table would be that of {other}; give it another name.")


def cron_fault(cron: str) -> str | None:
    """None when the text is a schedule of five fields, else the reason."""
    parts = cron.split()
    if len(parts) != 5:
        return f"{cron!r} has {len(parts)} fields; write minute, hour, day, month and weekday, such as 0 6 * * *."
    for part, (name, least, most) in zip(parts, _CRON, strict=True):
        for one in part.split(","):
            found = _CRON_PART.fullmatch(one)
            numbers = [int(told) for told in (found[2], found[4]) if told] if found else []
            if not found or any(not least <= number <= most for number in numbers) or numbers != sorted(numbers) or found[6] in ("0", "00"):
                return f"{one!r} is no {name}; write *, a number from {least} to {most}, a range a-b or a step */n."
    return None


def _steps_of(report: Report) -> Steps:
    code, regime, name = report.id.split(".")
    return ["jurisdictions", code, "regimes", regime, "reports", name]


class _Checker:
    def __init__(self, tree: Place, lists: Lists, codelists: Lists) -> None:
        self.tree, self.lists, self.codelists = tree, lists, codelists
        self.ids: dict[str, str] = {}

    def fault(self, steps: Steps, sentence: str) -> Fault:
        place = self.tree.at(steps)
        return Fault(place.file, place.line, path_of(steps), sentence)

    def jurisdiction(self, place: Jurisdiction, steps: Steps) -> Iterator[Fault]:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]{1,19}", place.code):
            yield self.fault(steps, "the code of a jurisdiction is capital letters, such as EU or SG.")
        yield from self._members([*steps, "countries"], place.countries, _COUNTRY, "a country is two capital letters, such as DE.")
        try:
            ZoneInfo(place.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield self.fault([*steps, "timezone"], f"{place.timezone!r} is no time zone; write one such as Europe/Paris or UTC.")
        if place.holidays is not None and (fault := check_calendar(place.holidays)):
            yield self.fault([*steps, "holidays"], fault)
        for index, limit in enumerate(place.limits):
            yield from self._limit(limit, [*steps, "limits", index])
        for index, rule in enumerate(place.retention):
            if rule.extend_on_request_to is not None and rule.extend_on_request_to < rule.years:
                where: Steps = [*steps, "retention", index, "extend_on_request_to"]
                yield self.fault(where, f"it is shorter than the {rule.years} years; write the longest time in all.")
        if place.kyc and place.kyc.review_from > place.kyc.threshold:
            yield self.fault([*steps, "kyc", "review_from"], "it is above the threshold; a person looks at scores below a hit.")
        for regime in place.regimes.values():
            for report in regime.reports.values():
                yield from self._report(report, _steps_of(report))

    def _limit(self, limit: Limit, steps: Steps) -> Iterator[Fault]:
        yield from self._once(limit.id, steps)
        if limit.metric.endswith("_usd"):
            if limit.most is None or limit.members:
                yield self.fault(steps, f"{limit.metric} is a maximum; write most in dollars, and no members.")
            return
        members = self.tree.at([*steps, "members"])
        if limit.most is not None or not isinstance(members.told, list) or not members.told:
            yield self.fault(steps, f"{limit.metric} is about members; write members, and no most.")
        elif limit.metric == "client_residence":
            yield from self._members([*steps, "members"], limit.members, _COUNTRY, "a country is two capital letters, such as IR.")
        else:
            yield from self._members([*steps, "members"], limit.members, _ADDRESS, "an address is 0x and 40 hexadecimal digits.")

    def _members(self, steps: Steps, members: Iterable[str], pattern: re.Pattern[str], fix: str) -> Iterator[Fault]:
        for one in members:
            if one.startswith("@"):
                yield self.fault(steps, f"there is no list {one}; {closest(one[1:], list(self.lists))}")
            elif not pattern.fullmatch(one):
                yield self.fault(steps, f"{one!r} is among them; {fix}")

    def _once(self, name: str, steps: Steps) -> Iterator[Fault]:
        """Ids of rules, conditions and limits are told once in the whole rulebook: a finding names nothing else."""
        place = self.tree.at(steps)
        before = self.ids.setdefault(name, f"{place.file}, line {place.line}")
        if before != f"{place.file}, line {place.line}":
            yield self.fault([*steps, "id"], f"{name} is an id already, of {before}; ids are told once.")

    def _report(self, report: Report, steps: Steps) -> Iterator[Fault]:
        if report.timing.deadline is not None and (fault := check_deadline(report.timing.deadline)):
            yield self.fault([*steps, "timing", "deadline"], fault)
        if fault := cron_fault(report.timing.cron):
            yield self.fault([*steps, "timing", "cron"], fault)
        fields = {one.id: one for one in report.every_field()}
        for name, form in report.formats.items():
            yield from self._format(form, [*steps, "formats", name], fields.values())
        for tree, nodes in (("tree", report.tree), ("nil_tree", report.nil_tree)):
            for index, node in enumerate(nodes):
                yield from self._node(node, [*steps, tree, index], report)
        for index, condition in enumerate(report.eligibility):
            where: Steps = [*steps, "eligibility", index]
            yield from self._once(condition.id, where)
            yield from self._condition([*where, "test"], condition.test)
        for index, rule in enumerate(report.rules):
            where = [*steps, "rules", index]
            yield from self._once(rule.id, where)
            yield from self._condition([*where, "when"], rule.when)
            yield from self._condition([*where, "then"], rule.then)
            if rule.field and rule.field not in fields:
                yield self.fault([*where, "field"], f"the report has no field {rule.field}; {closest(rule.field, list(fields))}")

    def _format(self, form: Format, steps: Steps, fields: Iterable[Field]) -> Iterator[Fault]:
        if fault := status_fault(form.schema, form.schema_status):
            yield self.fault([*steps, "schema_status"], fault)
        if fault := claim_fault(form.claim, form.schema_status):
            yield self.fault([*steps, "claim"], fault)
        for index, extension in enumerate(form.extensions):
            if fault := status_fault(extension.schema, extension.schema_status):
                yield self.fault([*steps, "extensions", index, "schema_status"], fault)
        if form.name == "xml" and not (form.root and form.namespace):
            yield self.fault(steps, "an XML document has a root and a namespace; write both.")
        names = {one.name for one in fields}
        for index, column in enumerate(form.columns):
            if column not in names:
                yield self.fault([*steps, "columns", index], f"no field is called {column}; {closest(column, list(names))}")

    def _node(self, node: Node, steps: Steps, report: Report) -> Iterator[Fault]:
        yield from self._path([*steps, "at"], node.at, report)
        for index, field in enumerate(node.fields):
            yield from self._field(field, [*steps, "fields", index], report)
        for index, child in enumerate(node.children):
            yield from self._node(child, [*steps, "children", index], report)

    def _field(self, field: Field, steps: Steps, report: Report) -> Iterator[Fault]:
        told = [name for name in ("source", "const", "expr", "agg") if getattr(field, name) is not None]
        if len(told) != 1:
            found = " and ".join(told) or "none"
            yield self.fault(steps, f"its value comes from {found}; write exactly one of source, const, expr and agg.")
        yield from self._path([*steps, "path"], field.path or "", report)
        yield from self._expression([*steps, "expr"], field.expr)
        yield from self._condition([*steps, "when"], field.when)
        if found := re.match(r"\w+\((\d+),(\d+)", field.format):
            total, fraction = int(found[1]), int(found[2])
            if not 0 <= fraction <= total or total == 0:
                yield self.fault(
                    [*steps, "format"], f"{field.format} has {fraction} of {total} digits after the point; write total, then fraction."
                )
        if field.validate and field.validate.startswith("@"):
            if field.validate[1:] not in self.codelists:
                fix = closest(field.validate[1:], list(self.codelists))
                yield self.fault([*steps, "validate"], f"there is no code list {field.validate}; {fix}")
        elif field.validate and field.validate not in CHECKS:
            yield self.fault([*steps, "validate"], f"there is no check {field.validate}; {closest(field.validate, list(CHECKS))}")

    def _path(self, steps: Steps, path: str, report: Report) -> Iterator[Fault]:
        """Prefixes are those of the XML format, and {action} needs the report's words."""
        form = report.formats.get("xml")
        known = {*(form.namespaces if form else ()), *(one.prefix for one in form.extensions)} if form else set()
        for step in path.split("/"):
            prefix, colon, _ = step.rpartition(":")
            if colon and prefix.lstrip("@") not in known:
                yield self.fault(steps, f"there is no prefix {prefix}; {closest(prefix, sorted(known))}")
        if "{action}" in path and not report.lifecycle.words:
            yield self.fault(steps, "{action} stands for the report's word for an action; write them under lifecycle.words.")

    def _condition(self, steps: Steps, text: str | None) -> Iterator[Fault]:
        faults = list(self._expression(steps, text))
        yield from faults
        if text is not None and not faults and not is_condition(text):
            yield self.fault(steps, f"{text!r} is a value, not a condition; compare it with something.")

    def _expression(self, steps: Steps, text: str | None) -> Iterator[Fault]:
        try:
            if text is not None:
                compile_expression(text, lists=self.lists)
        except BadInput as problem:
            yield self.fault(steps, problem.message[0].lower() + problem.message[1:])
