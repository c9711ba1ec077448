"""Anvil, the local Ethereum node, as a process that this module starts, speaks to and always ends.

Mining is by hand: a block appears when `mine` says so, with the time and base fee it is given, so the same calls give the same
block hashes every time.
"""

from __future__ import annotations

import atexit
import ctypes
import http.client
import itertools
import json
import platform
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from domain.problems import Broken, Refused, Unavailable

ROOT = Path(__file__).resolve().parents[3]
CHAIN_ID = 31337
# The phrase every development node knows: its keys are public, so they must never hold anything.
MNEMONIC = "test test test test test test test test test test test junk"
GWEI = 10**9
START_TIMEOUT_SECONDS = 20.0


class NodeRefused(Refused):
    """The node answered a request with an error."""


def find_anvil(node_modules: Path | None = None) -> Path:
    """The anvil binary: from the npm packages, else from PATH. Raises Unavailable, saying how to get one."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine().lower())
    packaged = (node_modules or ROOT / "node_modules") / "@foundry-rs" / f"anvil-{platform.system().lower()}-{machine}" / "bin" / "anvil"
    if packaged.is_file():
        return packaged
    on_path = shutil.which("anvil")
    if on_path is None:
        raise Unavailable("There is no anvil here: run `npm ci`, or put anvil on the PATH.", looked_at=str(packaged))
    return Path(on_path)


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    """Runs in the child before anvil starts: ask Linux to end it when we are killed and can clean up no more."""
    if platform.system() == "Linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


class Anvil:
    """A running local chain. Use it as a context manager; it also ends with the interpreter."""

    def __init__(self, *, start_timestamp: int, accounts: int = 40, binary: Path | None = None, kept_states: int = 64) -> None:
        self.port = free_port()
        self._ids = itertools.count(1)
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        command = [str(binary or find_anvil()), "--host", "127.0.0.1", "--port", str(self.port), "--quiet", "--no-mining"]
        command += ["--order", "fifo", "--timestamp", str(start_timestamp), "--chain-id", str(CHAIN_ID), "--mnemonic", MNEMONIC]
        # Old states are dropped, not written to disk: a recording needs blocks and logs, a reorg only the last few states.
        command += ["--accounts", str(accounts), "--balance", "1000000", "--prune-history", str(kept_states)]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=nothing, stderr=nothing, stdin=nothing, preexec_fn=_end_with_parent)
        atexit.register(self.close)
        self._wait_until_it_answers()
        self.accounts: list[str] = [address.lower() for address in self.rpc("eth_accounts")]

    @property
    def url(self) -> str:
        """Where JSON-RPC is served over HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the node."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the node; safe to call twice."""
        atexit.unregister(self.close)
        self._connection.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise Unavailable(f"anvil ended at once with exit code {self._process.returncode}.", port=self.port)
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.5).close()
                return
            except OSError:
                time.sleep(0.02)
        self.close()
        raise Unavailable(f"anvil did not answer within {START_TIMEOUT_SECONDS:.0f} seconds.", port=self.port)

    def rpc(self, method: str, *params: Any) -> Any:
        """The result of one JSON-RPC call; raises NodeRefused with the node's own words."""
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)})
        self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(self._connection.getresponse().read())
        if "error" in answer:
            error = answer["error"]
            raise NodeRefused(f"{method}: {error.get('message')}", method=method, code=error.get("code"), data=error.get("data"))
        return answer["result"]

    def send(
        self,
        sender: str,
        to: str | None,
        data: bytes,
        *,
        gas_limit: int,
        nonce: int | None = None,
        priority_fee: int = GWEI,
        max_fee: int = 10_000 * GWEI,
    ) -> str:
        """Put a transaction of an unlocked account into the pool; returns its hash. It runs when a block is mined."""
        transaction = {"from": sender, "data": "0x" + data.hex(), "gas": hex(gas_limit)}
        transaction |= {"maxFeePerGas": hex(max_fee), "maxPriorityFeePerGas": hex(priority_fee)}
        if to is not None:
            transaction["to"] = to
        if nonce is not None:
            transaction["nonce"] = hex(nonce)
        return self.rpc("eth_sendTransaction", transaction)

    def mine(self, *, timestamp: int, base_fee: int) -> None:
        """Mine one block of everything in the pool, with this time (unix seconds) and base fee (wei)."""
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
        self.rpc("evm_setNextBlockTimestamp", timestamp)
        self.rpc("evm_mine")

    def block_number(self) -> int:
        """The number of the newest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def receipt(self, transaction_hash: str) -> dict[str, Any]:
        """What became of a transaction; raises Broken when it is in no block."""
        found = self.rpc("eth_getTransactionReceipt", transaction_hash)
        if found is None:
            raise Broken(f"Transaction {transaction_hash} is in no block.", transaction_hash=transaction_hash)
        return found

    def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        """The answer of a read-only call at the newest block."""
        request = {"to": to, "data": "0x" + data.hex()} | ({"from": sender} if sender else {})
        return bytes.fromhex(self.rpc("eth_call", request, "latest")[2:])

    def roll_back(self, depth: int) -> None:
        """Forget the newest `depth` blocks and everything in the pool: the next block mined starts another branch."""
        self.rpc("anvil_rollback", depth)
        self.rpc("anvil_dropAllTransactions")
