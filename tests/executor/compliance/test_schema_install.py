"""Installing schemas takes the pinned file or none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from domain.problems import BadInput
from executor.compliance.schema_folder import SchemaFolder, official_schemas
from executor.compliance.schema_install import GIVE_FROM, install

HEADER = "iso20022/head.002.001.01.xsd"
STATUS = "oecd_carf/CARFStatusMessageXML_v1.1.xsd"


class Mirror(ThreadingHTTPServer):
    """A server on this machine that has the schemas, and misbehaves as it is told: `answers` by path, else the file."""

    folder: Path
    answers: dict[str, tuple[int, dict[str, str], bytes]]


class Answering(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        if path in self.server.answers:
            status, headers, body = self.server.answers[path]
        else:
            file = self.server.folder / path.removeprefix("elsewhere/")
            status, headers, body = (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # the reader may have had enough
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(shared_schemas: Path) -> Iterator[Mirror]:
    server = Mirror(("127.0.0.1", 0), Answering)
    server.folder, server.answers = shared_schemas, {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(mirror: Mirror) -> str:
    return f"http://127.0.0.1:{mirror.server_port}"


def test_all_schemas_come_from_a_folder_and_a_second_time_nothing_is_done(shared_schemas: Path, tmp_path: Path):
    first = install(tmp_path, str(shared_schemas))
    assert sorted(first.taken) == sorted(official_schemas()) and not first.missing
    assert all(SchemaFolder(tmp_path).path(name).is_file() for name in official_schemas())
    again = install(tmp_path, None)
    assert len(again.already) == 23 and not again.taken and not again.missing


def test_all_schemas_come_over_the_network(mirror: Mirror, tmp_path: Path):
    heard = []
    done = install(tmp_path, address(mirror), told=lambda schema, what: heard.append((schema.name, what)))
    assert len(done.taken) == 23
    assert heard[0] == ("iso20022/auth.016.001.03.xsd", "installed") and len(heard) == 23


def test_a_schema_brings_the_files_that_it_imports(mirror: Mirror, tmp_path: Path):
    assert install(tmp_path, address(mirror), [STATUS]).taken == [STATUS, "oecd_carf/isocsmtypes_v1.1.xsd"]


def test_without_an_origin_each_file_says_what_to_do(tmp_path: Path):
    done = install(tmp_path, None, [HEADER])
    assert done.missing == {HEADER: GIVE_FROM} and list(tmp_path.iterdir()) == []


def test_what_is_not_had_is_listed_and_the_others_are_installed(mirror: Mirror, tmp_path: Path):
    mirror.answers[HEADER] = (404, {}, b"")
    done = install(tmp_path, address(mirror))
    assert len(done.taken) == 22 and "404" in done.missing[HEADER]


def test_a_file_with_another_hash_never_takes_its_place(mirror: Mirror, tmp_path: Path):
    size = official_schemas()[HEADER].bytes
    mirror.answers[HEADER] = (200, {}, b"x" * size)
    assert "SHA-256" in install(tmp_path, address(mirror), [HEADER]).missing[HEADER]
    assert list(tmp_path.rglob("*")) == []


def test_a_wrong_file_that_lies_there_is_replaced_by_the_right_one(mirror: Mirror, tmp_path: Path):
    (tmp_path / "iso20022").mkdir()
    (tmp_path / HEADER).write_bytes(b"old")
    assert install(tmp_path, address(mirror), [HEADER]).taken == [HEADER]
    assert [file.name for file in (tmp_path / "iso20022").iterdir()] == ["head.002.001.01.xsd"]


def test_an_endless_answer_is_cut_off(mirror: Mirror, tmp_path: Path):
    mirror.answers[HEADER] = (200, {}, b"x" * 5_000_000)
    assert "longer than" in install(tmp_path, address(mirror), [HEADER]).missing[HEADER]


def test_a_redirect_on_the_same_scheme_is_followed(mirror: Mirror, tmp_path: Path):
    mirror.answers[HEADER] = (302, {"Location": f"/elsewhere/{HEADER}"}, b"")
    assert install(tmp_path, address(mirror), [HEADER]).taken == [HEADER]


@pytest.mark.parametrize("onward", ["ftp://127.0.0.1/x", "file:///etc/passwd", "https://127.0.0.1:1/x", "http://example.org/x"])
def test_a_redirect_to_another_scheme_or_off_this_machine_over_http_is_not_followed(mirror: Mirror, tmp_path: Path, onward: str):
    mirror.answers[HEADER] = (302, {"Location": onward}, b"")
    assert "sends on to" in install(tmp_path, address(mirror), [HEADER]).missing[HEADER]


def test_a_ring_of_redirects_ends(mirror: Mirror, tmp_path: Path):
    mirror.answers[HEADER] = (302, {"Location": f"/{HEADER}"}, b"")
    assert "more than 5 times" in install(tmp_path, address(mirror), [HEADER]).missing[HEADER]


def test_nobody_answering_is_told_as_missing(tmp_path: Path):
    assert "did not answer" in install(tmp_path, "http://127.0.0.1:1", [HEADER]).missing[HEADER]


@pytest.mark.parametrize("origin", ["http://example.org/schemas", "ftp://example.org", "/no/such/folder"])
def test_an_origin_that_is_no_folder_and_not_https_is_refused(tmp_path: Path, origin: str):
    with pytest.raises(BadInput):
        install(tmp_path, origin)


def test_a_name_that_nobody_knows_is_refused_before_anything_is_fetched(shared_schemas: Path, tmp_path: Path):
    with pytest.raises(BadInput, match="No schema goes by"):
        install(tmp_path, str(shared_schemas), [HEADER, "iso20022/none.xsd"])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_in_the_folder_is_told_as_missing(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert "cannot be read" in install(tmp_path / "into", str(tmp_path / "empty"), [HEADER]).missing[HEADER]


def test_a_folder_that_cannot_be_written_is_told_as_missing(shared_schemas: Path, tmp_path: Path):
    (tmp_path / "iso20022").write_text("a file where the folder should be")
    assert "cannot be written" in install(tmp_path, str(shared_schemas), [HEADER]).missing[HEADER]
