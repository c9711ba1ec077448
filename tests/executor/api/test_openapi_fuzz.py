"""The API against its own description: whatever is sent, right or wrong, every answer is one that the description promises.

Requests are made by schemathesis from the description, in its words and against them, and sent over HTTP to a running service with a
journal. GREKKO_FUZZ_EXAMPLES is how many are drawn for each route (20 by default) beside those that cover every keyword once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from executor.api import Role
from tests.executor.api.asking import Opened, bearing
from tests.executor.trading_floor import champion, hand_over

EXAMPLES = os.environ.get("GREKKO_FUZZ_EXAMPLES", "20")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


class Served:
    """A service on a loopback port, in a thread of its own."""

    def __init__(self, opened: Opened) -> None:
        self._server = uvicorn.Server(uvicorn.Config(opened.app, host="127.0.0.1", port=0, log_level="error", access_log=False))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started and time.monotonic() < until:
            time.sleep(0.01)
        (socket,) = self._server.servers[0].sockets
        return f"http://127.0.0.1:{socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=20)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    under = tmp_path_factory.mktemp("fuzzed")
    hand_over(under / "executor", champion(under / "bundles"))
    with Served(Opened(under / "executor", agents=["technical"])) as url:
        yield url


def test_every_answer_is_one_that_the_description_promises(address: str, tmp_path: Path) -> None:
    (authorization,) = bearing(Role.ADMIN).items()
    arguments = ["run", f"{address}/openapi.json", "--header", ": ".join(authorization), "--checks", ",".join(CHECKS)]
    arguments += [
        "--phases",
        "examples,coverage,fuzzing,stateful",
        "--max-examples",
        EXAMPLES,
        "--seed",
        "7",
        "--no-shrink",
        "--warnings",
        "off",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "generated" in done.stdout and "passed" in done.stdout, done.stdout
