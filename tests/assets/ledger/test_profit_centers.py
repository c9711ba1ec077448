"""Profit centres: whose wallet is whose, and a file that is wrong says where."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assets.ledger.profit_centers import SHIPPED, UNASSIGNED, center_names, load_profit_centers
from domain.problems import BadInput

ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20
GOOD = f"""profit_centers:
  Arbitrage:
    description: Closes gaps.
    wallets:
      - {ALICE}
    strategies: [arbitrage]
  Empty: {{}}
"""


def written(folder: Path, text: str) -> Path:
    (folder / "centers.yaml").write_text(text)
    return folder / "centers.yaml"


def test_the_shipped_file_names_the_three_centres_and_the_rest():
    assert center_names() == ["Arbitrage", "Trend-Following", "DeFi-Yield", UNASSIGNED]
    centers = load_profit_centers(SHIPPED)
    assert len(centers.of_wallet) == 8 and all(wallet == wallet.lower() for wallet in centers.of_wallet)


def test_a_wallet_belongs_to_its_centre_however_it_is_written(tmp_path: Path):
    centers = load_profit_centers(written(tmp_path, GOOD.replace(ALICE, '"' + ALICE.upper().replace("0X", "0x") + '"')))
    assert centers.center_of(ALICE.upper()) == "Arbitrage"
    assert centers.center_of(BOB) == centers.center_of(None) == UNASSIGNED
    assert pl.DataFrame({"w": [ALICE, BOB]}).select(centers.of_wallets(pl.col("w")))["w"].to_list() == ["Arbitrage", UNASSIGNED]


def test_an_unquoted_address_is_an_address_not_a_number(tmp_path: Path):
    assert load_profit_centers(written(tmp_path, GOOD)).of_wallet == {ALICE: "Arbitrage"}


def test_a_strategy_decides_before_the_wallet(tmp_path: Path):
    centers = load_profit_centers(written(tmp_path, GOOD))
    assert centers.center_of(BOB, strategy="arbitrage") == "Arbitrage"
    assert centers.center_of(ALICE, strategy="unheard_of") == "Arbitrage"
    assert centers.descriptions == {"Arbitrage": "Closes gaps.", "Empty": ""}


def test_without_any_wallet_everybody_is_unassigned(tmp_path: Path):
    centers = load_profit_centers(written(tmp_path, "profit_centers: {}\n"))
    assert centers.names == [UNASSIGNED]
    assert pl.DataFrame({"w": [ALICE]}).select(centers.of_wallets(pl.col("w")))["w"].to_list() == [UNASSIGNED]


def test_the_setting_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GREKKO_CENTERS", str(written(tmp_path, GOOD)))
    assert center_names() == ["Arbitrage", "Empty", UNASSIGNED]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1, profit_centers: the file must be a mapping"),
        ("profit_centers: []\n", "line 1, profit_centers: profit_centers must be a mapping"),
        ("centers: {}\n", "must have the one key profit_centers"),
        (GOOD + "  Unassigned: {}\n", "line 8, Unassigned: the centre Unassigned is what all others belong to; leave it out"),
        (GOOD + "  Arbitrage: {}\n", "line 8, Arbitrage: the centre Arbitrage stands here twice; merge the two"),
        (GOOD.replace("strategies", "strategy"), "line 6, Arbitrage.strategy: a centre has description, wallets, strategies"),
        (GOOD.replace(ALICE, "0x12"), "line 5, Arbitrage.wallets: '0x12' is no address; write 0x and 40"),
        (GOOD.replace("[arbitrage]", "arbitrage"), "line 6, Arbitrage.strategies: this must be a list"),
        (GOOD.replace("[arbitrage]", "[[arbitrage]]"), "line 6, Arbitrage.strategies: a name or text is expected here"),
        (
            GOOD.replace("Empty: {}", f"Empty: {{wallets: [{ALICE}]}}"),
            f"line 7, Empty.wallets: the wallet {ALICE} belongs to Arbitrage already",
        ),
        (GOOD.replace("Empty: {}", "Empty: 7"), "line 7, Empty: Empty must be a mapping"),
        ("profit_centers: [\n", "this is not YAML"),
        ("profit_centers: \x01\n", "this is not YAML"),
    ],
)
def test_a_wrong_file_says_the_line_the_field_and_the_fix(tmp_path: Path, text: str, says: str):
    with pytest.raises(BadInput) as problem:
        load_profit_centers(written(tmp_path, text))
    assert says in problem.value.message


def test_a_missing_file_names_the_setting(tmp_path: Path):
    with pytest.raises(BadInput, match="set GREKKO_CENTERS to the file of profit centres"):
        load_profit_centers(tmp_path / "nowhere.yaml")
