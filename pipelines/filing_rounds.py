"""What the filing desk of a home makes and sends: which periods are to be filed on a day, and a round over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial

from assets.compliance.preparing import LakePreparation, filed_format
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.regulation.calendar import Filing as DueFiling
from domain.regulation.calendar import Span, filing_calendar, is_business_day, period_of
from domain.regulation.filing import Filing
from domain.regulation.rulebook import Report, Rulebook
from executor.compliance.filings.desk import FilingDesk
from executor.compliance.filings.door import RegulatorDoor
from executor.compliance.filings.due import Missed, of_begun, ready, tell_missed
from executor.compliance.filings.rounds import Rounds, weekdays
from executor.compliance.parties import Parties
from executor.compliance.schema_folder import SchemaFolder
from pipelines.home import Home

YEAR, QUARTER = timedelta(days=366), timedelta(days=92)


def periods_to_file(report: Report, rulebook: Rulebook, today: date) -> list[Span]:
    """The periods of a report that are over and not past their day, and always the newest that is over, oldest first."""
    newest = period_of(report.timing.period, today)
    if newest.last >= today:
        newest = period_of(report.timing.period, newest.first - timedelta(days=1))
    due = ready(_calendar(report, rulebook, today, today + YEAR), today)
    return sorted({newest, *(one.period for one in due)})


def _calendar(report: Report, rulebook: Rulebook, first: date, last: date) -> list[DueFiling]:
    return [one for one in filing_calendar(rulebook, first, last) if one.report_id == report.id]


@dataclass(frozen=True)
class FilingRoom:
    """Everything that is needed to file from the lake of a home."""

    home: Home
    rulebook: Rulebook
    parties: Parties
    desk: FilingDesk

    @cached_property
    def _schemas(self) -> SchemaFolder:
        return SchemaFolder()

    def draft(self, report: Report, span: Span) -> Filing | None:
        """Makes and checks the document of a period and sends nothing. Raises BadInput while the period is not over."""
        today = self.desk.clock.now().date()
        if span.last >= today:
            raise BadInput(f"{span.name} is not over on {today}; what is drafted now would lack the rest of it.", field="date")
        return Rounds(self.desk, None).draft(self._prepared(report, span))

    def round(self, today: date, door: RegulatorDoor | None) -> list[Missed]:
        """Does what is left to do for every report; without a door up to the check. Returns what was missed, of reports begun before.

        A report without a deadline is kept and given on request: it is made and checked, and sent by `grekko filings submit` alone.
        """
        reports = list(self.rulebook.reports.values())
        calendar = of_begun(filing_calendar(self.rulebook, today - QUARTER, today), self.desk.store.filings)
        # Told before anything is begun: what this round files too late was missed all the same.
        missed = tell_missed(self.desk, calendar, {filed_format(one) for one in reports}, today)
        for report in reports:
            self._rounds(report, door if report.timing.deadline else None).run(self._preparations(report, today))
        return missed

    def _rounds(self, report: Report, door: RegulatorDoor | None) -> Rounds:
        holidays, answer = self.rulebook.jurisdictions[report.jurisdiction].holidays, report.acknowledgement
        counted = partial(is_business_day, holidays) if holidays else weekdays
        return Rounds(self.desk, door, timeout_business_days=answer.timeout_business_days if answer else 2, is_business_day=counted)

    def _preparations(self, report: Report, today: date) -> Iterable[LakePreparation]:
        return [self._prepared(report, span) for span in periods_to_file(report, self.rulebook, today)]

    def _prepared(self, report: Report, span: Span) -> LakePreparation:
        warehouse = Warehouse(lake=str(self.home.lake))
        return LakePreparation(report, self.rulebook, span, warehouse, self.parties, self._schemas, self.desk.clock.now())
