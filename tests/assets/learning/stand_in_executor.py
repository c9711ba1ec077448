"""A stand-in for a running executor: a real HTTP server that speaks its models API and does not decide anything.

It knows the shelf, keys, states and roles as the executor does. Faults are set by the test: answers that get lost after the work was
done, refusals, states that never end. The real executor is tried against the same door in tests of its own package.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "an-admin-of-the-test"
STAGES = ("ACCEPTED", "VERIFYING", "WARMING", "SHIFTING", "DRAINING", "DONE")


@dataclass
class StandInExecutor:
    """What it was asked, and what is in force. `lose` answers are dropped after the work, `busy` ones refused before it."""

    folder: Path | None = None
    url: str = ""
    champion: dict[str, Any] = field(default_factory=lambda: {"name": "handed", "version": "1", "bundle_sha256": "0" * 64})
    previous: dict[str, Any] | None = None
    operations: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    lose: int = 0
    busy: int = 0
    fail_with: list[tuple[str, str]] = field(default_factory=list)
    stays: str | None = None
    replies: list[tuple[int, bytes]] = field(default_factory=list)
    seconds_told: bool = True

    def answer(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append((method, path))
        if self.replies:
            return self.replies.pop(0)
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "NotAllowed", "message": "Send the admin's token."}
        if self.busy:
            self.busy -= 1
            return 503, {"error": "ActivationUnderWay", "message": "Another activation is draining."}
        if (method, path) == ("GET", "/models"):
            return 200, {"champion": self.champion, "challenger": None, "previous": self.previous}
        if (method, path) == ("POST", "/models/rollback"):
            return self._back(body["reason"])
        if (method, path) == ("POST", "/models/activate"):
            return self._activate(headers.get("Idempotency-Key"), body)
        found = [one for one in self.operations if path == f"/models/operations/{one['operation_id']}"]
        if not found:
            return 404, {"error": "UnknownModel", "message": "There is no such activation."}
        return 200, self._moved_on(found[0])

    def _activate(self, key: str, wish: dict[str, Any]) -> tuple[int, Any]:
        if key in self.keys:
            return 202, self.keys[key]
        pointer = (self.folder / "models" / wish["name"] / f"{wish['version']}.json") if self.folder else None
        if pointer is not None and not pointer.is_file():
            return 404, {"error": "UnknownModel", "message": f"There is no {wish['name']} {wish['version']} on the shelf."}
        if pointer is not None and json.loads(pointer.read_text())["bundle"] != wish["bundle_sha256"]:
            return 422, {"error": "BadInput", "message": "That is another bundle."}
        made = {**wish, "operation_id": f"activation-{len(self.operations) + 1}", "state": "ACCEPTED", "reason": None}
        self.operations.append(made)
        self.keys[key] = made
        return 202, made

    def _moved_on(self, operation: dict[str, Any]) -> dict[str, Any]:
        """One state further at each look."""
        state = operation["state"]
        if state in ("DONE", "FAILED", "ROLLED_BACK") or state == self.stays:
            return operation
        if state == "VERIFYING" and self.fail_with:
            operation["check"], operation["reason"] = self.fail_with.pop(0)
            operation["state"] = "FAILED"
            return operation
        operation["state"] = STAGES[STAGES.index(state) + 1]
        if operation["state"] == "DRAINING":
            self.previous, self.champion = self.champion, {name: operation[name] for name in ("name", "version", "bundle_sha256")}
        if operation["state"] == "DONE" and self.seconds_told:
            operation["seconds"] = {"verifying": 0.5, "warming": 0.25, "shifting": 0.125, "pause": 0.00001, "draining": 0.125}
        return operation

    def _back(self, reason: str) -> tuple[int, Any]:
        if self.previous is None:
            return 409, {"error": "ActivationConflict", "message": "There is nothing to roll back to."}
        for one in self.operations:
            if one["bundle_sha256"] == self.champion["bundle_sha256"]:
                one["state"], one["reason"] = "ROLLED_BACK", reason
        self.champion, self.previous = self.previous, None
        return 200, {"operation_id": "rollback-9", "generation": 9, "champion": self.champion}


@contextmanager
def serving(executor: StandInExecutor) -> Iterator[StandInExecutor]:
    """It listens on a free port of this machine until the end."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, told = executor.answer(self.command, self.path, self.headers, body)
            if executor.lose and self.command == "POST":
                executor.lose -= 1
                self.close_connection = True
                return
            content = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    executor.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield executor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
