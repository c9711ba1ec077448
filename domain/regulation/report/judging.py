"""Which rows a report tells, which it does not and why, and which it may not because something in them is wrong.

Each row ends in one outcome. Eligibility decides first, in its order; then each field that the row would fill is checked; then the rules.
A row with an error is blocked as a whole: a report is never half right. Sums are made of the rows that are left, and the counts of the
blocked stand in the header, so a blocked row does not change a sum in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from domain.problems import BadInput
from domain.regulation.expressions import columns_of
from domain.regulation.report.agreement import differing, mixed, paths
from domain.regulation.report.documents import FINDINGS, OUTCOMES, Heading
from domain.regulation.report.field_values import FieldReader, plain
from domain.regulation.report.grouping import GROUP, grouped, groups_in
from domain.regulation.report.judged import KEY, ROW, Judged, Outcome
from domain.regulation.report.levels import Level, read_levels
from domain.regulation.rulebook import ACTIONS, Action, DocRef, Field, Node, Report, Rulebook

CHUNK = 20_000


def judge(report: Report, rows: pl.DataFrame, rulebook: Rulebook, heading: Heading | None = None) -> Judged:
    """The outcome of every row. `heading` is needed where an expression names a value of it, such as `heading.period_start`.

    Raises BadInput when a column that the report reads is not there, or holds what cannot be exact.
    """
    return _Judge(report, rulebook, heading).judge(rows)


def row_keys(report: Report, rows: pl.DataFrame) -> pl.Series:
    """What outcomes and findings call each row: the columns of the source's key as the report would tell them.

    Raises BadInput when one of them is not there.
    """
    missing = [name for name in report.source.key if name not in rows.columns]
    if missing:
        raise BadInput(f"The rows of {report.id} have no column {missing[0]!r}, which is part of their key.", field=missing[0])
    named = DocRef("", "")
    parts = [plain(rows[name], Field(name, name, named)).rename(name) for name in report.source.key]
    return pl.DataFrame(parts).select(pl.concat_str(pl.all().fill_null(""), separator="|"))[:, 0]


class _Judge:
    def __init__(self, report: Report, rulebook: Rulebook, heading: Heading | None) -> None:
        self.report = report
        self.reader = FieldReader({**rulebook.codelists, **rulebook.lists})
        self.heading = heading.columns() if heading else {}
        self.outcomes: list[pl.DataFrame] = []
        self.findings: list[pl.DataFrame] = []

    def judge(self, rows: pl.DataFrame) -> Judged:
        frame = self._prepared(rows)
        eligible = self._eligible(self._with_one_key(frame))
        results = self._rules(eligible)
        told = self._expanded(eligible)
        actions: list[Action] = [action for action in ACTIONS if (told["action"] == action).any()]
        levels = read_levels(self.report.tree, self.report.lifecycle, actions)
        for start in range(0, told.height, CHUNK):
            self._fields(levels, told.slice(start, CHUNK))
        self._document_fields(levels)
        told = self._without_blocked(told)
        for message, fields in mixed(levels, told):
            self._find_of_document(message, fields)
        told = self._agreed(levels, told)
        told = self._sums(levels, told)
        outcomes = self._outcomes(frame)
        kept = outcomes.filter(pl.col("outcome") == "reported")[ROW]
        findings = pl.concat(self.findings) if self.findings else FINDINGS.to_frame()
        return Judged(
            self.report,
            told.drop(self.heading),
            outcomes.drop(ROW),
            findings,
            self.reader,
            rows,
            kept,
            eligible[KEY],
            results,
        )

    def _prepared(self, rows: pl.DataFrame) -> pl.DataFrame:
        added = [row_keys(self.report, rows).alias(KEY), pl.int_range(rows.height, eager=True).alias(ROW)]
        added += [pl.lit("NEW").alias("action")] if "action" not in rows.columns else [pl.col("action").cast(pl.String).fill_null("NEW")]
        added += [pl.lit(None, pl.String).alias("corrects")] if "corrects" not in rows.columns else []
        read = self._read() - set(self.heading)
        if read <= {*rows.columns, "action", "corrects"}:  # else the whole, so that who is told of a missing column hears what there is
            rows = rows.select(name for name in rows.columns if name in read)
        return rows.with_columns(*added, *(pl.lit(value.item(), dtype=value.dtype).alias(name) for name, value in self.heading.items()))

    def _read(self) -> set[str]:
        """The columns that anything in the report reads: what else the rows hold would only be copied along."""
        nodes = [*self.report.tree, *self.report.nil_tree]
        told = {*self.report.source.key, "action", "corrects", *(name for node in nodes for name in _keys(node))}
        for one in (one for node in nodes for one in node.every_field()):
            told |= self.reader.needs(one) | self.reader.places(one)
        for text in (text for rule in self.report.rules for text in (rule.when, rule.then) if text):
            told |= columns_of(text)
        return told.union(*(columns_of(condition.test) for condition in self.report.eligibility))

    def _with_one_key(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows whose key and action are their own, and known."""
        source = self.report.doc_ref
        # Rows of a table that stands beside the report's own have only the columns of the key that are theirs.
        lacking = pl.all_horizontal if self.report.source.beside else pl.any_horizontal
        keyless = frame.select(lacking(pl.col(name).is_null() for name in self.report.source.key))[:, 0]
        self._block(frame.filter(keyless), "source.key", self.report.source.key[0], "it has no key", source)
        strange = ~frame["action"].is_in(ACTIONS)
        self._block(frame.filter(strange & ~keyless), "source.action", "action", f"its action is none of {', '.join(ACTIONS)}", source)
        twice = frame.select(pl.struct(KEY, "action").is_duplicated())[:, 0]
        self._block(frame.filter(twice & ~keyless & ~strange), "source.key", self.report.source.key[0], "another row has its key", source)
        wrong = keyless | strange | twice
        return frame.filter(~wrong) if wrong.any() else frame

    def _eligible(self, frame: pl.DataFrame) -> pl.DataFrame:
        left = frame
        for condition in self.report.eligibility:
            holds = self.reader.holds(condition.test, left)
            out = left.filter(~holds)
            if out.height:
                self._outcome(out, "not_reportable", condition.reason, condition.id, "", condition.doc_ref)
                left = left.filter(holds)
        return left

    def _rules(self, eligible: pl.DataFrame) -> dict[str, pl.Series]:
        results: dict[str, pl.Series] = {}
        fields = {one.id: one for one in self.report.every_field()}
        for rule in self.report.rules:
            asked = self.reader.holds(rule.when, eligible) if rule.when else pl.repeat(True, eligible.height, eager=True)
            failed = asked & ~self.reader.holds(rule.then, eligible)
            results[rule.id] = asked.cast(pl.Int8) + failed.cast(pl.Int8)
            if not failed.any():
                continue
            about = fields.get(rule.field)
            value = None
            if about is not None and about.source in eligible.columns and about.source:
                value = plain(eligible[about.source], about) if not eligible[about.source].dtype.is_float() else None
            self._find(eligible, failed, rule.id, rule.severity, rule.field, value, rule.text, rule.doc_ref)
            if rule.severity == "error":
                self._outcome(eligible.filter(failed), "blocked", rule.text, rule.id, rule.field, rule.doc_ref, order=2)
        return results

    def _expanded(self, eligible: pl.DataFrame) -> pl.DataFrame:
        becomes = self.report.lifecycle.becomes
        if not any(action in becomes for action in eligible["action"].unique()):
            return eligible
        told = {action: list(becomes.get(action, (action,))) for action in ACTIONS}
        return eligible.with_columns(pl.col("action").replace_strict(told, return_dtype=pl.List(pl.String))).explode("action")

    def _fields(self, levels: Level, chunk: pl.DataFrame) -> None:
        for level in levels.every():
            for use in level.uses:
                if use.field.agg is not None or self.reader.waits(use.field, chunk):
                    continue
                if level.number == 0 and (use.field.const is not None or (use.field.source or "").startswith("heading.")):
                    continue
                rows = chunk if use.on == levels.on else chunk.filter(pl.col("action").is_in(use.on))
                if rows.height:
                    self._check(use.field, rows)

    def _check(self, one: Field, rows: pl.DataFrame) -> None:
        if one.const is not None and not one.when and not self.reader.read(one, rows.head(1)).faults:
            return
        told = self.reader.read(one, rows)
        for fault in told.faults:
            value = None if told.raw.dtype.is_float() else plain(told.raw, one)
            self._fault(one, rows, fault.rows, fault.check, fault.message, value)

    def _fault(self, one: Field, rows: pl.DataFrame, bad: pl.Series, check: str, message: str, value: pl.Series | None) -> None:
        reason = f"{one.name}: {message}"
        self._find(rows, bad, f"{one.id}:{check}", "error", one.id, value, reason, one.doc_ref)
        self._outcome(rows.filter(bad), "blocked", reason, f"{one.id}:{check}", one.id, one.doc_ref, order=1)

    def _document_fields(self, levels: Level) -> None:
        """Constants and values of the heading that the document has once: what is wrong with them is no row's fault."""
        once = pl.DataFrame(self.heading).with_columns(pl.lit(None, pl.String).alias(KEY))
        if not self.heading:
            return
        for use in levels.uses:
            if (use.field.source or "").startswith("heading.") and not use.field.when and not self.reader.waits(use.field, once):
                told = self.reader.read(use.field, once)
                for fault in told.faults:
                    reason = f"{use.field.name}: {fault.message}"
                    self._find(
                        once,
                        fault.rows,
                        f"{use.field.id}:{fault.check}",
                        "error",
                        use.field.id,
                        plain(told.raw, use.field),
                        reason,
                        use.field.doc_ref,
                    )

    def _without_blocked(self, told: pl.DataFrame) -> pl.DataFrame:
        blocked = [part[ROW] for part in self.outcomes if part.height and part["outcome"][0] == "blocked"]
        return told.filter(~pl.col(ROW).is_in(pl.concat(blocked).unique().implode())) if blocked else told

    def _find_of_document(self, kinds: str, fields: Sequence[Field]) -> None:
        first = fields[0]
        once = pl.DataFrame({KEY: [None]}, schema={KEY: pl.String})
        ids = ", ".join(one.id for one in fields)
        reason = f"the rows are {kinds}, and the document has one place for what {ids} say of each: report them apart"
        self._find(once, pl.Series([True]), f"{first.id}:mixed", "error", ids, pl.Series([kinds]), reason, first.doc_ref)

    def _agreed(self, levels: Level, told: pl.DataFrame) -> pl.DataFrame:
        """The rows of groups that agree. A record tells the first of its rows: where another differs in a field that must be there, the
        group is blocked, for nobody knows which is right; in a field that may be missing it is a warning."""
        for use, rows, differs in differing(levels, told, self.reader):
            one = use.field
            values = self.reader.read(one, rows, checked=False).texts
            if one.card == "1..1":
                self._fault(one, rows, differs, "differs", "the rows of its group differ in it, and a record tells one value", values)
            else:
                reason = f"{one.name}: the rows of its group differ in it, and the record tells the first of them"
                self._find(rows, differs, f"{one.id}:differs", "warn", one.id, values, reason, one.doc_ref)
        return self._without_blocked(told)

    def _sums(self, levels: Level, told: pl.DataFrame) -> pl.DataFrame:
        """The rows whose groups' sums can be told. A group that cannot is blocked whole, which may change the groups above it."""
        added = [(level, use) for level in levels.every() for use in level.uses if (use.field.agg or "").startswith("sum:")]
        settled = not added
        while not settled:
            settled = True
            for level, path in paths(levels):
                sums = [use for use in level.uses if (use.field.agg or "").startswith("sum:")]
                if not sums:
                    continue
                rows = grouped(told, path)
                for use in sums:
                    there = rows.filter(pl.col("action").is_in(use.on))
                    result = self.reader.sums(use.field, there, there[GROUP], groups_in(rows))
                    for fault in result.faults:
                        groups = fault.rows.arg_true()
                        bad = there[GROUP].is_in(groups.cast(there[GROUP].dtype).implode())
                        values = result.raw.gather(there[GROUP])
                        self._fault(use.field, there, bad, fault.check, fault.message, values)
                        settled = False
                if not settled:
                    told = self._without_blocked(told)
                    break
        return told

    def _block(self, rows: pl.DataFrame, rule: str, one: str, reason: str, doc_ref: DocRef) -> None:
        if rows.height:
            self._find(rows, pl.repeat(True, rows.height, eager=True), rule, "error", one, None, reason, doc_ref)
            self._outcome(rows, "blocked", reason, rule, one, doc_ref)

    def _outcome(self, rows: pl.DataFrame, outcome: Outcome, reason: str, rule: str, one: str, doc_ref: DocRef, order: int = 0) -> None:
        told = {"outcome": outcome, "reason": reason, "rule_id": rule, "field_id": one, "doc_ref": str(doc_ref)}
        self.outcomes.append(
            rows.select(pl.col(ROW), *(pl.lit(value, pl.String).alias(name) for name, value in told.items()), pl.lit(order).alias("order"))
        )

    def _find(
        self,
        rows: pl.DataFrame,
        bad: pl.Series,
        rule: str,
        severity: str,
        one: str,
        value: pl.Series | None,
        message: str,
        doc_ref: DocRef,
    ) -> None:
        told = {"report_id": self.report.id, "rule_id": rule, "severity": severity, "field_id": one, "message": message}
        told |= {"doc_ref": str(doc_ref)}
        values = pl.repeat(None, rows.height, dtype=pl.String, eager=True) if value is None else value.cast(pl.String)
        self.findings.append(
            rows.select(pl.col(KEY).alias("row_key"), values.alias("value"))
            .filter(bad)
            .with_columns(*(pl.lit(text, pl.String).alias(name) for name, text in told.items()), pl.lit(doc_ref.verified).alias("verified"))
            .select(list(FINDINGS))
        )

    def _outcomes(self, frame: pl.DataFrame) -> pl.DataFrame:
        every = frame.select(ROW, pl.col(KEY).alias("row_key"))
        if not self.outcomes:
            firsts = pl.DataFrame(schema={ROW: pl.Int64(), **{name: OUTCOMES[name] for name in list(OUTCOMES)[1:]}})
        else:
            firsts = (
                pl.concat(self.outcomes).sort("order", maintain_order=True).unique(ROW, keep="first", maintain_order=True).drop("order")
            )
        joined = every.join(firsts, on=ROW, how="left", maintain_order="left")
        return joined.with_columns(pl.col("outcome").fill_null("reported")).select(ROW, *OUTCOMES)


def _keys(node: Node) -> Iterator[str]:
    yield from node.group_by
    for child in node.children:
        yield from _keys(child)
