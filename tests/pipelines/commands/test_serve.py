"""`grekko serve`: up quickly, on this machine only, with nothing loaded that it does not need."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.problems import BadInput
from pipelines.cli import app
from pipelines.commands import serve as command
from tests.executor.trading_floor import champion, hand_over

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "a-token-of-enough-characters"
# What must never be in the executor's process: the registry, the trainer, the orchestrator, the chain client.
FOREIGN = ("mlflow", "sklearn", "skl2onnx", "dagster", "web3", "great_expectations", "pandas", "assets", "models")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    hand_over(tmp_path / "executor", champion(tmp_path / "bundles"))
    return tmp_path


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_started_service_answers_and_simulates_a_swap(home: Path) -> None:
    port = a_free_port()
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "GREKKO_TOKEN": TOKEN}
    arguments = [sys.executable, "-m", "pipelines.cli", "serve", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(arguments, cwd=home, env=settings, stderr=subprocess.PIPE, text=True)
    try:
        health = json.loads(_until_it_answers(f"http://127.0.0.1:{port}/health", process))
        assert health["status"] == "ok"
        body = json.dumps({"sell": "WETH", "buy": "USDC", "amount_in": "1000000000000000000"}).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/swap", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["sent"] is False
    finally:
        process.terminate()
        _, told = process.communicate(timeout=20)
    assert TOKEN not in told
    assert "Model v1 decides" in told


def _until_it_answers(address: str, process: subprocess.Popen) -> bytes:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.read()
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(f"no answer; the process says: {process.stderr.read() if process.stderr else ''}")


def test_the_executor_s_process_holds_no_trainer_no_registry_and_no_orchestrator(home: Path) -> None:
    script = (
        "import sys, pipelines.cli, executor.api, uvicorn\n"
        "from pathlib import Path\n"
        "from executor.service import ExecutorService\n"
        f"service = ExecutorService(Path({str(home / 'executor')!r}))\n"
        "executor.api.create_app(service, 't' * 16)\n"
        "service.swap('WETH', 'USDC', 10**18)\n"
        f"print([name for name in {FOREIGN!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


def test_the_executor_s_own_code_never_reads_a_pickle_or_a_key() -> None:
    for source in (ROOT / "executor").glob("*.py"):
        text = source.read_text()
        assert "import pickle" not in text and "private_key" not in text and "eth_account" not in text, source


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What uvicorn would have been started with."""
    told: dict = {}

    def run(application, **options) -> None:
        told.update(options, application=application)

    import uvicorn

    monkeypatch.setattr(uvicorn, "run", run)
    return told


def test_without_a_token_one_is_made_up_and_shown_once(home: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GREKKO_TOKEN", raising=False)
    result = CliRunner().invoke(app, ["serve", "--home", str(home)])
    assert result.exit_code == 0, result.output
    assert result.output.count("shown this once") == 1
    assert (started["host"], started["port"]) == ("127.0.0.1", 8642)


def test_another_address_than_this_machine_s_must_be_meant(home: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    with pytest.raises(BadInput, match="--allow-remote"):
        command.serve(home=home, host="0.0.0.0")
    assert started == {}
    command.serve(home=home, host="0.0.0.0", allow_remote=True)
    assert started["host"] == "0.0.0.0"


def test_a_token_that_can_be_guessed_is_refused(home: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", "short")
    with pytest.raises(BadInput, match="16 characters"):
        command.serve(home=home)


def test_a_home_without_a_handover_says_so_and_serves_anyway(tmp_path: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    monkeypatch.setenv("GREKKO_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 0
    assert "Not ready" in result.output and "grekko demo" in result.output
    assert started["application"] is not None
