"""The sample reports with their schemas, read once."""

from __future__ import annotations

import pytest

from domain.regulation.rulebook import Report, Rulebook
from tests.domain.regulation.report.sample import FILES, Folder, read_sample, report


@pytest.fixture(scope="session")
def book() -> Rulebook:
    return read_sample()


@pytest.fixture(scope="session")
def trade_report(book: Rulebook) -> Report:
    return report(book, "trades")


@pytest.fixture(scope="session")
def client_report(book: Rulebook) -> Report:
    return report(book, "clients")


@pytest.fixture(scope="session")
def schemas() -> Folder:
    return Folder(FILES)
