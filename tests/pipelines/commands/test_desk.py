"""`grekko desk`: from an example to a signed desk file with a keystore of its own."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from domain.problems import BadInput
from executor.desk_file import load_desk_file
from executor.desk_signature import check_signature
from pipelines.commands.desk import desk
from tests.executor.desk_files import DESK, desk_text
from tests.executor.signers.keys import KEY_HEX, PASSWORD, traces

KEYSTORE_DESK = DESK.replace("key: {environment: GREKKO_PRIVATE_KEY}", "key: {keystore: key.json}")


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GREKKO_PRIVATE_KEY", "GREKKO_KEYSTORE_PASSWORD", "GREKKO_KEYSTORE_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "desk.yaml").write_text(KEYSTORE_DESK)
    return tmp_path / "desk.yaml"


def run(*arguments: object, **environment: str) -> Result:
    result = CliRunner().invoke(desk, [str(one) for one in arguments], env=environment)
    assert traces(result.output) == []
    return result


def why(result: Result) -> str:
    assert isinstance(result.exception, BadInput), result.exception
    return result.exception.message


def test_the_example_is_a_desk_file_that_simulates(tmp_path: Path):
    path = tmp_path / "desk.yaml"
    assert run("example", "--to", path).exit_code == 0
    assert path.read_text() == run("example").stdout
    loaded = load_desk_file(path)
    assert loaded.mode == "simulate"
    assert loaded.limits.max_rejects == 10
    assert "name a new file" in why(run("example", "--to", path))
    assert run("check", path).exit_code == 0


def test_a_check_tells_what_is_in_force_and_no_secret(path: Path):
    path.write_text(KEYSTORE_DESK.replace("http://127.0.0.1:8545", "https://node.example/v3/hush").replace("mode: live", "mode: paper"))
    result = run("check", path, "--json")
    told = json.loads(result.stdout)
    assert (told["mode"], told["node"], told["limits"]["max_slippage_bps"]) == ("paper", "node.example", 50)
    assert "hush" not in result.output
    assert "max_slippage_bps" in run("check", path).stdout


def test_a_check_names_what_is_wrong(path: Path):
    path.write_text(DESK.replace("max_slippage_bps", "max_slipage_bps"))
    assert "did you mean max_slippage_bps" in why(run("check", path))


def test_a_check_for_live_lists_all_that_is_missing(path: Path):
    path.write_text(desk_text("paper"))
    result = run("check", path, "--live")
    assert result.exit_code == 1
    assert "write mode: live" in result.stdout and "is not signed" in result.stdout
    path.write_text(KEYSTORE_DESK.replace("  max_rejects: 10\n", ""))
    missing = json.loads(run("check", path, "--live", "--json").stdout)["missing_for_live"]
    assert ["max_rejects" in missing[0], "grekko desk keystore" in missing[1], "not signed" in missing[2]] == [True] * 3


def test_from_a_new_keystore_to_a_signed_file(path: Path):
    made = run("keystore", "--out", path.with_name("key.json"), "--json", GREKKO_KEYSTORE_PASSWORD=PASSWORD)
    address = json.loads(made.stdout)["address"]
    assert stat.S_IMODE(path.with_name("key.json").stat().st_mode) == 0o600
    assert run("check", path, "--live").exit_code == 1
    signed = run("sign", path, GREKKO_KEYSTORE_PASSWORD=PASSWORD)
    assert address in signed.stdout
    assert run("check", path, "--live").exit_code == 0
    check_signature(path.read_bytes(), path, 1, address)


def test_a_keystore_takes_a_key_that_is_there_and_asks_for_a_password(tmp_path: Path):
    out = tmp_path / "key.json"
    result = CliRunner().invoke(
        desk, ["keystore", "--out", str(out), "--from-environment"], env={"GREKKO_PRIVATE_KEY": KEY_HEX}, input=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert result.exit_code == 0, result.exception
    assert traces(result.output) == []
    assert out.exists()
    assert "GREKKO_PRIVATE_KEY" in why(run("keystore", "--out", tmp_path / "other", "--from-environment"))


def test_only_a_live_file_that_is_complete_is_signed(path: Path):
    path.write_text(desk_text("paper"))
    assert "only a file that says mode: live" in why(run("sign", path))
    path.write_text(KEYSTORE_DESK.replace("  max_rejects: 10\n", ""))
    assert "not ready for live" in why(run("sign", path))
    assert not path.with_name("desk.yaml.sig").exists()


def test_a_key_of_the_environment_signs_for_development(path: Path):
    path.write_text(DESK)
    assert run("sign", path, GREKKO_PRIVATE_KEY=KEY_HEX).exit_code == 0
    assert run("check", path, "--live").exit_code == 0
