"""The local node does what it is told and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.problems import Broken, Unavailable
from executor.chain.local import anvil
from executor.chain.local.anvil import GWEI, ROOT, Anvil, NodeRefused, find_anvil
from tests.executor.chain.local.conftest import GENESIS


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_block_has_the_time_and_the_base_fee_it_was_given(node):
    node.mine(timestamp=GENESIS + 1200, base_fee=33 * GWEI)
    block = node.rpc("eth_getBlockByNumber", "latest", False)
    assert int(block["timestamp"], 16) == GENESIS + 1200
    assert int(block["baseFeePerGas"], 16) == 33 * GWEI


def test_transactions_run_in_the_order_they_were_sent_whatever_they_tip(node):
    first, second = node.accounts[:2]
    sent = [
        node.send(first, second, b"", gas_limit=30_000, priority_fee=GWEI),
        node.send(second, first, b"", gas_limit=30_000, priority_fee=9 * GWEI),
    ]
    node.mine(timestamp=GENESIS + 2400, base_fee=GWEI)
    assert node.rpc("eth_getBlockByNumber", "latest", False)["transactions"] == sent


def test_rolling_back_forgets_blocks_and_what_was_in_them(node):
    before = node.rpc("eth_getBlockByNumber", "latest", False)
    lost = node.send(node.accounts[0], node.accounts[1], b"", gas_limit=30_000)
    node.mine(timestamp=GENESIS + 3600, base_fee=GWEI)
    node.roll_back(1)
    assert node.rpc("eth_getBlockByNumber", "latest", False)["hash"] == before["hash"]
    with pytest.raises(Broken, match="is in no block"):
        node.receipt(lost)


def test_the_nodes_own_words_come_with_its_refusal(node):
    with pytest.raises(NodeRefused, match="eth_noSuchThing") as refusal:
        node.rpc("eth_noSuchThing")
    assert refusal.value.facts["code"] == -32601


def test_closing_ends_the_process_and_can_be_done_twice(node_modules):
    with Anvil(start_timestamp=GENESIS, accounts=1) as short_lived:
        assert is_running(short_lived.pid)
        assert short_lived.url.startswith("http://127.0.0.1:")
    short_lived.close()
    assert not is_running(short_lived.pid)


def test_a_node_does_not_outlive_a_killed_parent(node_modules):
    script = (
        "import os, signal\n"
        "from executor.chain.local.anvil import Anvil\n"
        f"node = Anvil(start_timestamp={GENESIS}, accounts=1)\n"
        "print(node.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    pid = int(parent.stdout)
    for _ in range(100):
        if not is_running(pid):
            return
        time.sleep(0.02)
    os.kill(pid, 15)
    pytest.fail("anvil went on after its parent was killed")


def test_a_node_that_will_not_end_is_killed(node_modules, monkeypatch):
    stubborn = Anvil(start_timestamp=GENESIS, accounts=1)
    monkeypatch.setattr(stubborn._process, "terminate", lambda: None)
    real_wait = stubborn._process.wait

    def wait(timeout: float | None = None) -> int:
        return real_wait(0.01 if timeout else None)

    monkeypatch.setattr(stubborn._process, "wait", wait)
    stubborn.close()
    assert not is_running(stubborn.pid)


def test_a_binary_that_ends_at_once_is_reported(tmp_path):
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(Unavailable, match="exit code 3"):
        Anvil(start_timestamp=GENESIS, binary=broken)


def test_a_binary_that_never_listens_is_ended(tmp_path, monkeypatch):
    silent = tmp_path / "anvil"
    silent.write_text("#!/bin/sh\nexec sleep 30\n")
    silent.chmod(0o755)
    monkeypatch.setattr(anvil, "START_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(Unavailable, match="did not answer"):
        Anvil(start_timestamp=GENESIS, binary=silent)


def test_without_the_packages_anvil_is_looked_for_on_the_path(tmp_path, monkeypatch):
    binary = tmp_path / "anvil"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_anvil(tmp_path / "node_modules") == binary
    binary.unlink()
    with pytest.raises(Unavailable, match="npm ci"):
        find_anvil(Path(tmp_path / "node_modules"))
