"""Signers: they sign what their policy allows and nothing else, and their key is nowhere to be seen."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys import KeyAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Broken, GuardRefused
from executor.signers import EnvironmentSigner, KeystoreSigner, LocalSigner, SigningPolicy, keystore_address, write_keystore
from executor.signers.keystore import password_from
from executor.signers.local import Secret
from tests.executor.signers.keys import KEY_HEX, PASSWORD, ROUTER, key, traces, with_locals

ADDRESS = Account.from_key(bytes.fromhex(KEY_HEX)).address.lower()
POLICY = SigningPolicy(1, frozenset((ROUTER,)), 10**16)
SWAP: dict[str, Any] = {
    "type": 2,
    "chainId": 1,
    "nonce": 3,
    "to": ROUTER,
    "data": "0x12345678",
    "value": 0,
    "gas": 200_000,
    "maxFeePerGas": 50 * 10**9,
    "maxPriorityFeePerGas": 10**9,
}
CANCEL = {**SWAP, "to": ADDRESS, "data": "0x", "gas": 21_000}
HALF_OF_THE_CURVE = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@pytest.fixture
def signer() -> LocalSigner:
    return LocalSigner(key(), POLICY)


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    write_keystore(tmp_path / "key.json", Secret(PASSWORD.encode()), key(), scrypt_n=2)
    return tmp_path / "key.json"


@pytest.mark.parametrize("transaction", [SWAP, CANCEL, {name: value for name, value in SWAP.items() if name != "type"}])
def test_a_swap_and_a_cancellation_are_signed_by_its_address(signer: LocalSigner, transaction: dict[str, Any]):
    raw, tx_hash = signer.sign(transaction)
    assert Account.recover_transaction(raw).lower() == signer.address == ADDRESS
    assert raw.startswith("0x02") and len(tx_hash) == 66
    assert signer.sign(transaction) == (raw, tx_hash)  # the same meaning gives the same bytes


def test_signatures_are_low_and_made_by_libsecp256k1(signer: LocalSigner):
    assert type(KeyAPI().backend).__name__ == "CoinCurveECCBackend"
    for nonce in range(16):
        signed = Account.sign_transaction({**SWAP, "nonce": nonce, "to": "0x" + "55" * 20}, bytes.fromhex(KEY_HEX))
        assert signed.s <= HALF_OF_THE_CURVE
        assert signer.sign({**SWAP, "nonce": nonce})[0] == "0x" + bytes(signed.raw_transaction).hex()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"chainId": 2}, "for chain 2"),
        ({"value": 1}, "ether"),
        ({"value": True}, "ether"),
        ({"to": "0x" + "66" * 20}, "no router"),
        ({"to": None}, "no address"),
        ({"to": ADDRESS, "data": "0x12345678"}, "cancellation"),
        ({"data": "0x"}, "without saying what"),
        ({"data": "0x123"}, "0x text"),
        ({"data": b"1234"}, "0x text"),
        ({"data": "0x" + "00" * 200_000}, "0x text"),
        ({"gas": 10**7}, "could cost"),
        ({"maxFeePerGas": 10**12}, "could cost"),
        ({"maxPriorityFeePerGas": 51 * 10**9}, "tip"),
        ({"nonce": -1}, "nonce"),
        ({"nonce": "3"}, "nonce"),
        ({"nonce": True}, "nonce"),
        ({"gas": 2.5}, "gas"),
        ({"type": 0}, "type 2"),
        ({"accessList": []}, "accessList too much"),
        ({"authorizationList": []}, "authorizationList too much"),
    ],
)
def test_what_the_policy_does_not_allow_is_not_signed(signer: LocalSigner, changed: dict[str, Any], why: str):
    with pytest.raises(GuardRefused, match=why) as refused:
        signer.sign({**SWAP, **changed})
    assert refused.value.facts["rule"] == "signer_policy"


def test_gas_may_cost_the_most_and_not_a_wei_more(signer: LocalSigner):
    most = {**SWAP, "gas": POLICY.max_cost_wei // 10**9, "maxFeePerGas": 10**9}
    signer.sign(most)
    with pytest.raises(GuardRefused, match="could cost"):
        signer.sign({**most, "gas": most["gas"] + 1})


def test_nothing_may_be_missing(signer: LocalSigner):
    for name in set(SWAP) - {"type"}:
        with pytest.raises(GuardRefused, match=f"{name} missing"):
            signer.sign({one: value for one, value in SWAP.items() if one != name})


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8) | st.just([])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*SWAP, "gasPrice", "accessList"]), VALUES, max_size=4))
def test_for_any_transaction_what_is_signed_keeps_the_policy(changed: dict[str, Any]):
    signer, told = LocalSigner(key(), POLICY), {**SWAP, **changed}
    try:
        signer.sign(told)
    except GuardRefused:
        return
    assert told["chainId"] == 1 and told["value"] == 0 and told["to"] in (ROUTER, ADDRESS)
    assert told["gas"] * told["maxFeePerGas"] <= POLICY.max_cost_wei


def test_the_key_is_nowhere_to_be_seen(signer: LocalSigner, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    shown = [repr(signer), str(signer), f"{signer}", repr(vars(signer)), repr(signer._key), str(signer._key), str(dir(signer._key))]
    signer.sign(SWAP)
    signer.approve("a text")
    assert traces(" ".join(shown) + caplog.text) == []
    for copies in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            copies(signer._key)


def test_no_traceback_shows_the_key_even_with_its_variables(signer: LocalSigner, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(GuardRefused) as refused:
        signer.sign({**SWAP, "chainId": 2})
    assert traces(with_locals(refused.value)) == []
    # A library that chokes on the transaction, with the key in its frames.
    monkeypatch.setattr(Account, "sign_transaction", choking)
    with pytest.raises(Broken) as broken:
        signer.sign(SWAP)
    assert traces(with_locals(broken.value)) == []


def choking(transaction: dict[str, Any], private_key: bytes) -> None:
    raise ValueError(f"cannot sign with {private_key!r}")


def test_what_is_no_key_is_refused_without_being_repeated():
    for told in (b"", b"\x00" * 32, b"\xff" * 32, bytes.fromhex(KEY_HEX)[:31], bytes.fromhex(KEY_HEX) + b"\x00"):
        with pytest.raises(BadInput) as refused:
            LocalSigner(Secret(told), POLICY)
        assert traces(with_locals(refused.value)) == []


def test_without_a_policy_only_texts_are_signed():
    signer = LocalSigner(key(), None)
    with pytest.raises(Broken):
        signer.sign(SWAP)
    assert Account.recover_message(encode_defunct(text="yes"), signature=signer.approve("yes")).lower() == ADDRESS


# --- the environment


def test_the_environment_s_key_is_taken_out_of_it(caplog: pytest.LogCaptureFixture):
    environment = {"GREKKO_PRIVATE_KEY": f"0x{KEY_HEX}\n", "OTHER": KEY_HEX}
    assert EnvironmentSigner.open(environment, POLICY).address == ADDRESS
    assert "GREKKO_PRIVATE_KEY" not in environment
    assert "development" in caplog.text and traces(caplog.text) == []
    assert EnvironmentSigner.open(environment, POLICY, "OTHER").address == ADDRESS


@pytest.mark.parametrize("told", [KEY_HEX[:-1], KEY_HEX + "zz", "not a key", KEY_HEX[:-2]])
def test_a_mistyped_key_is_refused_without_being_repeated(told: str):
    with pytest.raises(BadInput) as refused:
        EnvironmentSigner.open({"GREKKO_PRIVATE_KEY": told}, POLICY)
    assert told not in with_locals(refused.value)


def test_an_environment_without_a_key_says_so():
    with pytest.raises(BadInput, match="GREKKO_PRIVATE_KEY"):
        EnvironmentSigner.open({}, POLICY)


# --- keystores


def test_a_keystore_opens_with_its_password_and_only_its_owner_reads_it(keystore: Path):
    signer = KeystoreSigner.open(keystore, Secret(PASSWORD.encode()), POLICY)
    assert signer.address == ADDRESS == keystore_address(keystore)
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600
    assert traces(keystore.read_text()) == []


def test_a_new_key_is_drawn_for_each_keystore(tmp_path: Path):
    addresses = {write_keystore(tmp_path / f"{n}", Secret(PASSWORD.encode()), scrypt_n=2) for n in range(3)}
    assert len(addresses) == 3


def test_a_keystore_is_as_hard_to_guess_as_those_of_wallets(tmp_path: Path):
    write_keystore(tmp_path / "key.json", Secret(PASSWORD.encode()))
    params = json.loads((tmp_path / "key.json").read_text())["crypto"]["kdfparams"]
    assert (params["n"], params["r"]) == (262_144, 8)


def test_a_wrong_password_is_refused_and_neither_is_repeated(keystore: Path):
    for password in ("wrong " + PASSWORD, "\udcff"):
        with pytest.raises(BadInput, match="the password is wrong") as refused:
            KeystoreSigner.open(keystore, Secret(password.encode("utf-8", "surrogateescape")), POLICY)
        assert traces(with_locals(refused.value)) == []


def change(path: Path, **told: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))


def test_a_keystore_that_is_none_is_refused(keystore: Path, tmp_path: Path):
    whole = json.loads(keystore.read_text())
    broken = [KEY_HEX, "[]", "[" * 9_000, json.dumps({**whole, "version": 1}), json.dumps({**whole, "crypto": 3}), "x" * 20_000]
    for params in ({"n": 2**40, "r": 8, "p": 1}, {"n": 0}, {"n": "2"}, None):
        broken.append(json.dumps({**whole, "crypto": {**whole["crypto"], "kdfparams": params}}))
    for told in broken:
        keystore.write_text(told)
        with pytest.raises(BadInput) as refused:
            KeystoreSigner.open(keystore, Secret(PASSWORD.encode()), POLICY)
        assert KEY_HEX not in str(refused.value.to_json())
    with pytest.raises(BadInput, match="grekko desk keystore"):
        KeystoreSigner.open(tmp_path / "none", Secret(b""), POLICY)


def test_a_keystore_of_another_address_than_it_says_is_refused(keystore: Path):
    change(keystore, address="00" * 20)
    with pytest.raises(BadInput, match="find out which"):
        KeystoreSigner.open(keystore, Secret(PASSWORD.encode()), POLICY)
    change(keystore, address=7)
    assert KeystoreSigner.open(keystore, Secret(PASSWORD.encode()), POLICY).address == ADDRESS
    change(keystore, crypto={"kdfparams": {}, "cipher": "x"})
    with pytest.raises(BadInput, match="does not open"):
        KeystoreSigner.open(keystore, Secret(PASSWORD.encode()), POLICY)


def test_a_keystore_is_never_written_over_and_wants_a_long_password(keystore: Path, tmp_path: Path):
    for path, password, why in (
        (keystore, PASSWORD.encode(), "there already"),
        (tmp_path / "a" / "b", PASSWORD.encode(), "cannot be written"),
        (tmp_path / "c", b"short", "shorter than 12"),
        (tmp_path / "c", b"\xff" * 20, "not UTF-8"),
    ):
        with pytest.raises(BadInput, match=why):
            write_keystore(path, Secret(password), scrypt_n=2)


def test_the_password_comes_from_the_environment_a_file_or_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    environment = {"GREKKO_KEYSTORE_PASSWORD": PASSWORD}
    assert password_from(environment).reveal() == PASSWORD.encode()
    assert environment == {}
    (tmp_path / "password").write_text(PASSWORD + "\n")
    assert password_from({"GREKKO_KEYSTORE_PASSWORD_FILE": str(tmp_path / "password")}).reveal() == PASSWORD.encode()
    with pytest.raises(BadInput, match="cannot be read"):
        password_from({"GREKKO_KEYSTORE_PASSWORD_FILE": str(tmp_path / "none")})
    with pytest.raises(BadInput, match="set GREKKO_KEYSTORE_PASSWORD"):
        password_from({})
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)
    assert password_from({}, ask=True).reveal() == PASSWORD.encode()
