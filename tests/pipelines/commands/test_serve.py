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
from executor.api import Role
from executor.journal import read_rows
from pipelines.cli import app
from pipelines.commands import serve as command
from tests.executor.trading_floor import champion, hand_over

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "a-token-of-enough-characters"
# What must never be in the executor's process: the registry, the trainer, the orchestrator, the chain client.
FOREIGN = ("mlflow", "sklearn", "skl2onnx", "dagster", "web3", "great_expectations", "pandas", "assets", "models")
FOREIGN += ("eth_account", "confluent_kafka", "psycopg")


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
        request = urllib.request.Request(f"http://127.0.0.1:{port}/orders", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert (answer.status, json.load(answer)["state"]) == (201, "simulated")
    finally:
        process.terminate()
        _, told = process.communicate(timeout=20)
    assert TOKEN not in told
    assert "Model v1 decides swaps" in told
    assert "Mode: simulate (nothing is signed and nothing can be sent)." in told
    assert f"Journal: {home / 'executor' / 'journal.sqlite'}." in told
    kinds = [row.entry.kind for row in read_rows(home / "executor" / "journal.sqlite")]
    assert kinds == ["journal_begun", "intent", "routed", "simulated"]


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
        "from executor.assembly import simulation\n"
        f"service = simulation(Path({str(home / 'executor')!r}))\n"
        "executor.api.create_app(service, executor.api.Tokens.made_up())\n"
        "service.swap('WETH', 'USDC', 10**18)\n"
        "service.route('WETH', 'USDC', 10**18)\n"
        f"print([name for name in {FOREIGN!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


def test_the_executor_reads_no_pickle_and_touches_keys_in_one_place_only() -> None:
    keys = {"signers/local.py", "signers/keystore.py", "desk_signature.py", "virtual/transactions.py"}
    for source in (ROOT / "executor").rglob("*.py"):
        text, place = source.read_text(), source.relative_to(ROOT / "executor").as_posix()
        assert "import pickle" not in text, place
        assert "from eth_account" not in text or place in keys, f"{place} handles keys; let a signer do it"


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
    for name in ("", "_VIEWER", "_TRADER", "_ADMIN"):
        monkeypatch.delenv(f"GREKKO_TOKEN{name}", raising=False)
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


def test_live_needs_a_desk_file(home: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    with pytest.raises(BadInput, match="--live needs --desk FILE"):
        command.serve(home=home, live=True)
    assert started == {}


def test_the_older_name_of_the_trader_s_token_still_works(home: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    command.serve(home=home)
    assert started["application"].state.tokens.role_of(TOKEN) is Role.TRADER


@pytest.fixture
def desk_file(tmp_path: Path) -> Path:
    """The example that ships, in a folder of its own."""
    place = tmp_path / "desk" / "desk.yaml"
    place.parent.mkdir()
    place.write_text((ROOT / "executor" / "desk_example.yaml").read_text())
    return place


def test_a_desk_file_says_the_mode_and_what_is_guarded(home: Path, desk_file: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    simulated = CliRunner().invoke(app, ["serve", "--home", str(home), "--desk", str(desk_file)])
    assert "Mode: simulate" in simulated.output, simulated.output
    desk_file.write_text(desk_file.read_text().replace("mode: simulate", "mode: paper"))
    paper = CliRunner().invoke(app, ["serve", "--home", str(home), "--desk", str(desk_file)])
    assert "Mode: paper (it follows the chain, no key is loaded and nothing can be sent)." in paper.output, paper.output
    assert "max_slippage_bps" in paper.output
    assert started["application"].state.service.mode == "paper"


def test_live_is_never_started_by_one_word_alone(home: Path, desk_file: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    with pytest.raises(BadInput, match="--live was given"):
        command.serve(home=home, desk=desk_file, live=True)
    desk_file.write_text(desk_file.read_text().replace("mode: simulate", "mode: live"))
    with pytest.raises(BadInput, match="also needs --live"):
        command.serve(home=home, desk=desk_file)
    assert started == {}


def test_a_journal_s_address_is_told_without_its_password() -> None:
    assert command._place_of("postgresql://grekko:secret@db.example/desk") == "postgresql://db.example/desk"


def test_agents_are_named_by_the_flag_and_set_by_the_environment(home: Path, started: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    monkeypatch.setenv("GREKKO_AGENT_WEIGHTS", "redis://:secret@127.0.0.1:9/0")
    nobody = CliRunner().invoke(app, ["serve", "--home", str(home)])
    assert nobody.exit_code == 0 and "Agents:" not in nobody.output
    result = CliRunner().invoke(app, ["serve", "--home", str(home), "--agents", "technical,onchain,macro,news"])
    assert result.exit_code == 0, result.output
    assert "Agents: technical, onchain, macro, news may be asked and send nothing" in result.output
    assert "secret" not in result.output and "weights: redis://127.0.0.1/0" in result.output
    every = CliRunner().invoke(app, ["serve", "--home", str(home), "--agents", "all"])
    assert every.exit_code == 0 and "Agents: all" in every.output
    for wrong, why in (("nobody", "no agent nobody"), ("news,news", "each once")):
        with pytest.raises(BadInput, match=why):
            command.serve(home=home, agents=wrong)
    monkeypatch.setenv("GREKKO_AGENT_WEIGHTS", "everywhere")
    with pytest.raises(BadInput, match="redis://"):
        command.serve(home=home, agents="news")


@pytest.mark.parametrize("mode", ["simulate", "paper"])
def test_a_desk_file_may_name_the_agents_and_the_flag_goes_before_it(
    home: Path, desk_file: Path, started: dict, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("GREKKO_TOKEN", TOKEN)
    desk_file.write_text(desk_file.read_text().replace("mode: simulate", f"mode: {mode}") + "\nagents: {names: [macro]}\n")
    told = CliRunner().invoke(app, ["serve", "--home", str(home), "--desk", str(desk_file)])
    assert "Agents: macro may be asked and send nothing" in told.output, told.output
    told = CliRunner().invoke(app, ["serve", "--home", str(home), "--desk", str(desk_file), "--agents", "news"])
    assert "Agents: news" in told.output and "macro" not in told.output
