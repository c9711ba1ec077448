"""Nothing is live unless the file, the command line and the owner of the key say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.problems import BadInput, GuardRefused
from executor.desk_file import load_desk_file
from executor.desk_signature import sign_desk_file, text_to_sign
from executor.guards.limits_watch import signature_path
from executor.modes import Standing, missing_for_live, mode_in_force, take_position
from executor.signers import LocalSigner, write_keystore
from executor.signers.local import Secret
from tests.executor.desk_files import DESK, desk_text
from tests.executor.signers.keys import KEY_HEX, PASSWORD, key, traces, with_locals


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "desk.yaml").write_text(DESK)
    sign(tmp_path / "desk.yaml")
    return tmp_path / "desk.yaml"


def sign(path: Path, chain_id: int = 1, signer: LocalSigner | None = None) -> None:
    sign_desk_file(path.read_bytes(), path, chain_id, signer or LocalSigner(key(), None))


def position(path: Path, live: bool = True, **environment: str) -> Standing:
    return take_position(load_desk_file(path, {}), environment or {"GREKKO_PRIVATE_KEY": KEY_HEX}, live=live)


def test_a_signed_file_a_flag_and_a_key_are_live(path: Path):
    standing = position(path)
    assert standing.mode == "live" and standing.signer is not None and standing.approve is not None
    standing.approve(path.read_bytes())
    with pytest.raises(BadInput, match="changed after it was signed"):
        standing.approve(path.read_bytes() + b"\n")
    with pytest.raises(GuardRefused, match="for chain 2"):
        standing.signer.sign(
            {
                "chainId": 2,
                "nonce": 0,
                "to": "0x" + "55" * 20,
                "data": "0x12345678",
                "value": 0,
                "gas": 1,
                "maxFeePerGas": 1,
                "maxPriorityFeePerGas": 1,
            }
        )


@pytest.mark.parametrize("mode", ["simulate", "paper"])
def test_other_modes_look_at_no_key(path: Path, mode: str):
    path.write_text(desk_text(mode))
    environment = {"GREKKO_PRIVATE_KEY": KEY_HEX}
    assert take_position(load_desk_file(path, {}), environment, live=False) == Standing(mode, None, None)  # type: ignore[arg-type]
    assert environment["GREKKO_PRIVATE_KEY"] == KEY_HEX
    with pytest.raises(BadInput, match=f"says mode: {mode}"):
        mode_in_force(load_desk_file(path, {}), live=True)


def test_a_live_file_without_the_flag_is_refused_and_does_not_become_paper(path: Path):
    with pytest.raises(BadInput, match="also needs --live"):
        position(path, live=False)


def test_a_file_that_changed_after_it_was_signed_does_not_trade(path: Path):
    path.write_text(DESK.replace("max_slippage_bps: 50", "max_slippage_bps: 51"))
    with pytest.raises(BadInput, match="changed after it was signed") as refused:
        position(path)
    assert refused.value.facts["signed_sha256"] != refused.value.facts["sha256"]
    sign(path)
    assert position(path).mode == "live"


def test_a_signature_on_an_older_version_is_refused(path: Path):
    old = signature_path(path).read_text()
    path.write_text(DESK + "# newer\n")
    sign(path)
    signature_path(path).write_text(old)
    with pytest.raises(BadInput, match="changed after it was signed"):
        position(path)


def test_only_the_key_that_trades_signs(path: Path):
    sign(path, signer=LocalSigner(Secret(b"\x01" * 32), None))
    with pytest.raises(BadInput, match="was signed by 0x"):
        position(path)


def test_a_signature_for_another_chain_does_not_hold(path: Path):
    sign(path, chain_id=5)
    with pytest.raises(BadInput, match="signed for chain 5"):
        position(path)


@pytest.mark.parametrize("told", [None, "", "[]", "{}", "[" * 3_000, '{"signature": "0x00"}', "x" * 5_000])
def test_what_is_no_signature_is_refused(path: Path, told: str | None):
    signature_path(path).unlink() if told is None else signature_path(path).write_text(told)
    with pytest.raises(BadInput, match="grekko desk sign"):
        position(path)


def test_a_signature_that_is_nobody_s_is_refused(path: Path):
    told = signature_path(path).read_text()
    at = told.index('"signature": "0x') + len('"signature": "0x')
    for nonsense in ("f" * 130, "0" * 130):
        signature_path(path).write_text(told[:at] + nonsense + told[at + 130 :])
        with pytest.raises(BadInput, match="signed by nobody"):
            position(path)


def test_a_file_that_changes_while_it_is_read_does_not_trade(path: Path):
    desk = load_desk_file(path, {})
    path.write_text(DESK + "# newer\n")
    sign(path)
    with pytest.raises(BadInput, match="changed while it was being read"):
        take_position(desk, {"GREKKO_PRIVATE_KEY": KEY_HEX}, live=True)


def test_the_signature_says_what_it_allows():
    assert text_to_sign("ab", 1) == "I let Grekko trade live with this key on chain 1, as the desk file with sha256 ab says."


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("  max_notional_per_order_usd: 2500\n", "an order of USDC: set limits.max_notional_per_order_usd"),
        ("  max_notional_per_day_usd: 10000\n", "a day of WETH, USDC"),
        ("  max_loss_per_day_usd: 100\n", "a day's losses of WETH, USDC"),
        ("  max_rejects: 10\n", "set limits.max_rejects"),
        ('gas:\n  budgets: {"*": 0.02 ETH}\n', "gas.budgets"),
        ("key: {environment: GREKKO_PRIVATE_KEY}\n", "no key"),
    ],
)
def test_live_asks_for_every_brake(path: Path, line: str, says: str):
    assert line in DESK
    path.write_text(DESK.replace(line, ""))
    assert [sentence for sentence in missing_for_live(load_desk_file(path, {})) if says in sentence]
    with pytest.raises(BadInput, match="not ready for live"):
        position(path)


def test_live_asks_for_a_router(path: Path):
    path.write_text(DESK.replace("limits:\n", "limits:\n  allowed_routers: []\n"))
    assert missing_for_live(load_desk_file(path, {})) == [
        "No router is named, so nothing could be called: name one under venues, or split_router."
    ]


def test_a_keystore_trades_with_its_password(path: Path):
    address = write_keystore(path.with_name("key.json"), Secret(PASSWORD.encode()), key(), scrypt_n=2)
    path.write_text(DESK.replace("key: {environment: GREKKO_PRIVATE_KEY}", "key: {keystore: key.json}"))
    sign(path)
    standing = position(path, GREKKO_KEYSTORE_PASSWORD=PASSWORD)
    assert standing.signer is not None and standing.signer.address == address
    with pytest.raises(BadInput) as refused:
        position(path, GREKKO_KEYSTORE_PASSWORD="something else")
    assert traces(with_locals(refused.value)) == []
