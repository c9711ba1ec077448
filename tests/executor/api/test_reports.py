"""Reports over HTTP: the bytes that were written, for an admin alone, and answers that say what there is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from executor.api import Role
from executor.compliance.report_shelf import Written
from executor.service import ExecutorService
from tests.executor.api.asking import asked
from tests.executor.compliance.test_report_shelf import CSV, ID, XML, put


@pytest.fixture
def served(service: ExecutorService) -> ExecutorService:
    """A service with two reports of MiCA and one of Singapore."""
    for one in (ID, "EU.MiCA.orders", "SG.PSN02.transfers"):
        put(service.reports, report_id=one)
    put(service.reports, Written("xml", b"<Later/>", "carrier", "…"), period="2026-01-20")
    return service


def got(service: ExecutorService, path: str, role: Role | None = Role.ADMIN, **headers: str) -> httpx.Response:
    return asked(
        service, "GET", f"/report/{path}", role, **({"headers": {**headers, "Authorization": f"Bearer {'a' * 20}"}} if headers else {})
    )


def test_a_report_is_served_byte_for_byte_with_its_hash(served: ExecutorService):
    answer = got(served, "miCA?date=2026-01-19&format=xml&report=transactions")
    assert (answer.status_code, answer.content) == (200, XML.content)
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["etag"] == f'"{hashlib.sha256(XML.content).hexdigest()}"'
    assert answer.headers["content-disposition"] == f'attachment; filename="{ID}_2026-01-19.xml"'
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("private, no-cache", "nosniff")
    assert got(served, f"{ID.lower()}?date=2026-01-19&format=csv").content == CSV.content
    assert got(served, "eu.mica.transactions").content == b"<Later/>"
    assert got(served, "PSN02").content == XML.content


def test_a_copy_that_is_still_the_same_is_not_sent_again(served: ExecutorService):
    etag = got(served, "PSN02").headers["etag"]
    same = got(served, "PSN02", **{"If-None-Match": f'"other", W/{etag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert got(served, "PSN02", **{"If-None-Match": '"other"'}).status_code == 200


def test_a_name_that_means_several_is_answered_with_their_links(served: ExecutorService):
    answer = got(served, "eu?date=2026-01-19&format=xml")
    assert answer.status_code == 300
    told = {one["report_id"]: one for one in answer.json()["reports"]}
    assert sorted(told) == ["EU.MiCA.orders", ID]
    assert told[ID]["dates"] == ["2026-01-19", "2026-01-20"]
    assert asked(served, "GET", told[ID]["link"], Role.ADMIN).content == XML.content
    assert got(served, "EU").json()["reports"][0]["link"] == "/report/EU.MiCA.orders"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("CARF?date=2026-01-19", "No report goes by CARF; there are: EU.MiCA.orders"),
        ("PSN02?date=2026-02-01", "was not written for 2026-02-01; it was for 2026-01-19"),
        ("PSN02?format=json", "has no json; it was written as csv, xml"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(served: ExecutorService, path: str, says: str):
    answer = got(served, path)
    assert (answer.status_code, answer.json()["error"]) == (404, "UnknownReport")
    assert says in answer.json()["message"]


def test_only_compliance_and_an_admin_read_reports(served: ExecutorService):
    statuses = [got(served, "PSN02", role).status_code for role in (None, Role.VIEWER, Role.TRADER, Role.COMPLIANCE, Role.ADMIN)]
    assert statuses == [401, 403, 403, 200, 200]


@pytest.mark.parametrize("path", ["..%2F..%2Fsecret", "%2e%2e/secret", "EU?report=../x", "EU?date=2026-13-01", "EU?format=exe"])
def test_nothing_beside_the_reports_can_be_asked_for(served: ExecutorService, path: str, folder: Path):
    (folder.parent / "secret").write_text("secret")
    answer = got(served, path)
    assert answer.status_code in (404, 422) and "secret" not in answer.text.replace("..%2F..%2Fsecret", "")


def test_a_forged_file_is_an_error_of_ours_and_not_an_answer(served: ExecutorService):
    next(served.reports.folder.glob("sg_*/*/transactions.xml")).write_bytes(b"<Forged/>")
    answer = got(served, "PSN02?format=xml")
    assert (answer.status_code, answer.json()["error"]) == (500, "Broken")
