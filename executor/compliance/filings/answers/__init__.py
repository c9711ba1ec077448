"""What authorities answer with, read into one value: ISO 20022 auth.031 status advice and the OECD's CARF status message."""

from executor.compliance.filings.answers.reading import MOST_BYTES, AnswerReader, Schemas

__all__ = ["MOST_BYTES", "AnswerReader", "Schemas"]
