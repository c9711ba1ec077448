"""The life of what is filed with an authority: states, references, corrections and answers, as values."""

from domain.regulation.filing.answer import Answer, Refusal, Verdict
from domain.regulation.filing.corrections import Change, HeldRecord, RecordMessage, decide, digest_of, held_after, told_as
from domain.regulation.filing.lifecycle import Event, Filing, State, Version
from domain.regulation.filing.references import FilingKey, message_reference, record_reference

__all__ = [
    "Answer",
    "Change",
    "Event",
    "Filing",
    "FilingKey",
    "HeldRecord",
    "RecordMessage",
    "Refusal",
    "State",
    "Verdict",
    "Version",
    "decide",
    "digest_of",
    "held_after",
    "message_reference",
    "record_reference",
    "told_as",
]
