"""The file of token codes: by chain and address, each with its source; our own tokens stand in for known ones on the local chain only."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.chain import tokens
from assets.compliance import token_identifiers
from assets.compliance.known_dtis import COLUMNS, known_dtis, load_known_dtis
from assets.compliance.pairs import QUOTES
from assets.compliance.token_identifiers import identified
from assets.warehouse import Warehouse
from domain.problems import BadInput
from executor.chain.recording import Recording
from tests.assets.ledger.trades import rows

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
WETH, OTHER = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "0x" + "d" * 40
HEADER = ",".join(COLUMNS)
KNOWN = f"{HEADER}\n1,{WETH},V2N9ZRBHG,WETH,,register,2026-04-24,true\n"


@pytest.fixture(scope="module")
def registry() -> dict:
    if not SHARED.is_dir():
        pytest.skip(f"the registry is not here: {SHARED} does not exist")
    return json.loads((SHARED / "schemas" / "reference" / "dti_registry.json").read_text())


def test_every_shipped_code_is_in_the_registry_under_the_name_the_file_tells(registry):
    shipped = load_known_dtis().filter(pl.col("dti_basis") == "registry")
    assert shipped.height == 12
    for token in shipped.iter_rows(named=True):
        assert token["registry_name"] in registry[token["dti"]]["informative"]["short_names"], token
    assert shipped["dti"].n_unique() == shipped.height
    assert set(QUOTES) <= set(shipped["dti"])
    assert shipped["verified"].all() and shipped["chain_id"].unique().to_list() == [1]


def test_the_tokens_of_the_shipped_recording_stand_in_for_known_ones_and_say_so(shipped_recording):
    held = Recording.open(shipped_recording).tokens().rename({"address": "token"}).with_columns(chain_id=pl.lit(31337, pl.Int64))
    found = identified(held, load_known_dtis())
    assert found["dti"].null_count() == 0
    assert found["dti_basis"].unique().to_list() == ["stand_in"]
    assert dict(found.select("symbol", "dti").iter_rows())["WETH"] == "V2N9ZRBHG"
    assert found["stands_in_for"].str.starts_with("1:0x").all()


def test_a_symbol_on_another_address_or_chain_has_no_code_and_says_why():
    held = rows(
        tokens.TABLE,
        *({"chain_id": chain, "token": token, "symbol": "WETH", "decimals": 18} for chain, token in ((1, WETH), (1, OTHER), (137, WETH))),
    )
    found = token_identifiers.TABLE.conform(identified(held, known_dtis(KNOWN)))
    assert found.select("chain_id", "dti").rows() == [(1, "V2N9ZRBHG"), (1, None), (137, None)]
    assert found["dti_reason"].to_list()[1] == f"No DTI is known for the contract {OTHER} on chain 1; a symbol such as WETH proves none."
    assert found["quote_rank"].to_list() == [3, None, None]
    assert found.row(0, named=True)["source_day"] == date(2026, 4, 24)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chain,address\n", "line 1: the columns must be chain_id,address"),
        (KNOWN.replace("1,0x", "one,0x"), "line 2, chain_id: 'one' is no number of a chain"),
        (KNOWN.replace("0xc", "0xC"), "line 2, address"),
        (KNOWN.replace("V2N9ZRBHG", "V2N9ZRBHH"), "line 2, dti: 'V2N9ZRBHH' is no DTI"),
        (KNOWN.replace("V2N9ZRBHG", ""), "line 2, dti: give a DTI, or what the token stands in for"),
        (KNOWN.replace("WETH,,", f"WETH,1:{OTHER},"), "line 2, dti: give a DTI, or what the token stands in for, and not both"),
        (KNOWN.replace("true", "perhaps"), "line 2, verified"),
        (KNOWN.replace("2026-04-24", "yesterday"), "line 2, source_day"),
        (KNOWN.replace(",true", ""), "line 2, row: there must be 8 values"),
        (KNOWN + KNOWN.splitlines()[1] + "\n", "line 3, address: 1:0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2 stands here twice"),
        (KNOWN + f"137,{OTHER},,W,1:{WETH},ours,2026-04-24,true\n", "line 3, stands_in_for: only a token of the local chain 31337"),
        (KNOWN + f"31337,{OTHER},,W,1:{OTHER},ours,2026-04-24,true\n", "line 3, stands_in_for: no token 1:0xdddd"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_line_and_field(text, says):
    with pytest.raises(BadInput) as refused:
        known_dtis(text)
    assert says in refused.value.message


def test_another_file_is_named_by_the_setting(tmp_path, monkeypatch):
    (tmp_path / "dtis.csv").write_text(KNOWN)
    monkeypatch.setenv("GREKKO_DTIS", str(tmp_path / "dtis.csv"))
    assert load_known_dtis()["dti"].to_list() == ["V2N9ZRBHG"]
    monkeypatch.setenv("GREKKO_DTIS", str(tmp_path / "nowhere.csv"))
    with pytest.raises(BadInput, match="set GREKKO_DTIS"):
        load_known_dtis()


def test_the_promises_hold_until_a_code_is_wrong_or_a_stand_in_is_on_a_public_chain(tmp_path):
    warehouse = Warehouse(lake=str(tmp_path))
    held = rows(tokens.TABLE, *({"chain_id": 1, "token": token, "symbol": "W", "name": "W", "decimals": 18} for token in (WETH, OTHER)))
    good = identified(held, known_dtis(KNOWN))
    warehouse.replace(tokens.TABLE, held)

    def kept() -> tuple[bool, bool]:
        right, public = (
            token_identifiers.every_token_has_a_right_code_or_a_reason,
            token_identifiers.nothing_stands_in_for_a_token_on_a_public_chain,
        )
        return right(warehouse=warehouse).passed, public(warehouse=warehouse).passed

    warehouse.replace(token_identifiers.TABLE, good)
    assert kept() == (True, True)
    for spoilt in (
        good.tail(1),
        good.with_columns(dti_reason=pl.lit(None, pl.String())),
        good.with_columns(dti=pl.col("dti").str.replace("G$", "H")),
    ):
        warehouse.replace(token_identifiers.TABLE, spoilt)
        assert kept() == (False, True)
    warehouse.replace(token_identifiers.TABLE, good.with_columns(dti_basis=pl.lit("stand_in")))
    assert kept() == (True, False)
