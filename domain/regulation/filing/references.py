"""References of messages and of the records in them: the same filing gives the same reference, and no two filings share one.

A reference is made of what the message is (firm, report, period, format, which filing of the period, which version of it), so after a
crash the same message has the same reference, and a changed one has another. ISO 20022 takes 140 characters (MsgRptIdr and
OrgnlRcrdId of auth.031 are Max140Text), the OECD's CARF 170 for a message (StringMin1Max170_Type) and 200 for a record.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date

from domain.problems import BadInput

LONGEST_MESSAGE = 120  # leaves room for the number of a record within 140
_ALLOWED = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True, slots=True, order=True)
class FilingKey:
    """What is filed: a report for a period, both days included, in a format."""

    report_id: str
    period_start: date
    period_end: date
    format: str

    def filing_id(self, number: int) -> str:
        """The id of the `number`th filing of the period: 0 is the first, later ones correct it."""
        return f"{self.report_id}/{self.period_start}/{self.period_end}/{self.format}/{number}"

    @classmethod
    def of(cls, filing_id: str) -> tuple[FilingKey, int]:
        """Key and number of a filing id. Raises BadInput when it is none."""
        try:
            report_id, start, end, format_, number = filing_id.split("/")
            return cls(report_id, date.fromisoformat(start), date.fromisoformat(end), format_), int(number)
        except ValueError as error:
            raise BadInput(f"{filing_id!r} is no filing's id; it looks like REPORT/FROM/TO/FORMAT/NUMBER.", field="filing_id") from error


def message_reference(firm: str, key: FilingKey, number: int, version: int) -> str:
    """The reference of a version of a filing, at most 120 characters of letters, digits, dot and hyphen.

    A name that had to be changed or cut keeps a hash of what it was, so that two firms or reports never meet in one reference.
    """
    told = f"{firm}-{key.report_id}-{key.format}"
    end = f"-{key.period_start:%Y%m%d}-{key.period_end:%Y%m%d}-{number}-{version}"
    name = _ALLOWED.sub("", told)
    longest = LONGEST_MESSAGE - len(end)
    if name != told or len(name) > longest:
        digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        name = f"{name[: longest - 17]}.{digest}"
    return name + end


def record_reference(message: str, place: int) -> str:
    """The reference of the record at a place (from 1) of a message."""
    return f"{message}-{place}"
