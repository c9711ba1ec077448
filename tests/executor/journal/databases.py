"""A PostgreSQL server of our own for a test: on a socket and a free port of this machine, without passwords, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


def binaries() -> Path | None:
    """Where PostgreSQL's server lies, if it is installed and can be started by us."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        return None
    return found[-1].parent


class Server:
    """A running server. `url` reaches it; `kill` ends it as a power cut would, `start` brings it back."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def initialise(self) -> None:
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", str(self.folder / "log"), "-w", "start")
        for _ in range(50):
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL to the server and all its sessions."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in [pid, *map(int, children)]:
            os.kill(process, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop", check=False)

    def _run(self, program: str, *args: str, check: bool = True) -> None:
        # The server refuses to run as root.
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, str(self._programs / program), *args], check=check, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def postgres() -> Iterator[Server]:
    """A fresh server for as long as the context lasts."""
    programs = binaries()
    assert programs is not None
    # Sockets have short names, and the server's user must be able to enter: not below a test's own folder.
    folder = Path(tempfile.mkdtemp(prefix="grekko-pg-", dir="/tmp"))
    server = Server(folder, programs)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
