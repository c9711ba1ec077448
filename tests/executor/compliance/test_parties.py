"""The file of parties: who owns which wallet, what a report may join, and errors that say the line and the fix."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from domain.problems import BadInput
from executor.compliance.parties import SHIPPED, load_parties
from executor.compliance.parties_reading import MOST_BYTES

A, B = ("0x" + digit * 40 for digit in "ab")
FILE = f"""firm:
  name: Firm
  lei: HWUPKR0MPOU8FGXBT394
  authorised_in: FR
  residence: FR
  tax_residence: FR
  tin: "1"
  address: {{street: s, postcode: "1", city: c, country: FR}}
  wallets: ["{B}"]
clients:
  - id: C1
    kind: natural
    first_name: Søren
    surname: Ek
    birth: {{date: 1970-02-03, city: Aarhus, country: DK}}
    nationality: DK
    residence: SG
    tax_residence: US
    tin: "2"
    address: {{street: s, postcode: "1", city: c, country: SG}}
    wallets: [{A.upper().replace("X", "x")}]
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "parties.yaml"
        path.write_text(text)
        return path

    return write


def test_a_wallet_has_the_owner_that_the_file_names(written):
    parties = load_parties(written(FILE))
    assert parties.of_wallet(A) is parties.clients[0]
    assert parties.of_wallet(A.upper().replace("X", "x")) is parties.clients[0]
    assert parties.of_wallet(B) is parties.firm
    assert parties.of_wallet("0x" + "c" * 40) is None
    assert parties.client("C1") is parties.clients[0]
    assert (parties.client("FIRM"), parties.client("C2")) == (parties.firm, None)


def test_what_a_report_joins_is_one_row_for_each_party(written):
    people = load_parties(written(FILE)).people()
    assert people["client_id"].to_list() == ["FIRM", "C1"]
    assert all(name == "client_id" or name.startswith("person_") for name in people.columns)
    client = people.row(1, named=True)
    assert (client["person_name"], client["person_birth_date"], client["person_tax_residence"]) == ("Søren Ek", date(1970, 2, 3), "US")
    assert (client["person_national_id"], client["person_national_id_scheme"]) == ("DK19700203SORENEK###", "CONCAT")
    assert people.row(0, named=True)["person_national_id"] is None


def test_a_number_that_a_state_gave_goes_before_one_made_of_the_name(written):
    text = FILE.replace("    residence: SG", "    national_id: {scheme: CCPT, value: X12}\n    residence: SG")
    assert load_parties(written(text)).clients[0].identified_by() == ("DKX12", "CCPT")


def test_headings_are_told_the_firm(written):
    facts = load_parties(written(FILE)).firm_facts()
    assert (facts["lei"], facts["name"], facts["authorised_in"], facts["country"]) == ("HWUPKR0MPOU8FGXBT394", "Firm", "FR", "FR")


def test_the_shipped_file_says_that_it_is_fictional_and_its_wallets_are_those_of_the_profit_centres(monkeypatch):
    monkeypatch.delenv("GREKKO_PARTIES", raising=False)
    parties = load_parties()
    assert "EVERYTHING IN THIS FILE IS FICTIONAL" in SHIPPED.read_text()
    assert all(party.lei is None or party.lei.startswith("FICT") for party in parties)
    centres = yaml.safe_load((SHIPPED.parent / "profit_centers.yaml").read_text())["profit_centers"]
    ours = [wallet for centre in centres.values() for wallet in centre["wallets"]]
    assert [wallet for wallet in ours if parties.of_wallet(wallet) is None] == []
    assert {"DE", "SG", "US", "FR"} <= {party.residence for party in parties.clients}
    assert {party.kind for party in parties.clients} == {"legal", "natural"}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("lei: HWUPKR0MPOU8FGXBT394", "lei: HWUPKR0MPOU8FGXBT395", 3, "firm.lei: 'HWUPKR0MPOU8FGXBT395' is no LEI"),
        ("nationality: DK", "nationality: XX", 16, "clients[0].nationality: 'XX' is no country"),
        ("1970-02-03", "1970-02-30", 15, "clients[0].birth.date: '1970-02-30' is no day"),
        ("kind: natural", "kind: both", 12, "'both' is none of legal, natural"),
        ("id: C1", 'id: "a name"', 11, "clients[0].id: 'a name' is not a pseudonym"),
        ("id: C1", "id: FIRM", 11, "the id FIRM is taken already"),
        ("surname: Ek", "surname: Эк", 14, "clients[0].surname: The surname 'Эк' has letters that are not Latin"),
        ("surname: Ek", "surname: ''", 14, "clients[0].surname: text is expected here"),
        ("surname: Ek", "surname: [Ek]", 14, "clients[0].surname: text is expected here"),
        ('tin: "2"', 'tin: "2"\n    shoe_size: "9"', 20, "clients[0].shoe_size: there is no such field here; there are id, kind"),
        ('tin: "2"', 'tin: "2"\n    tin: "3"', 20, "clients[0].tin: the field stands here twice"),
        ("    residence: SG\n", "", 11, "clients[0]: residence must be given"),
        (f'["{B}"]', f'["{A}"]', 21, "belongs to FIRM already; a wallet has one owner"),
        (f'["{B}"]', '["0x12"]', 9, "'0x12' is no address"),
        (f'["{B}"]', "none", 9, "firm.wallets: this must be a list of addresses"),
        ("address: {street: s, ", "address: {", 8, "firm.address: street must be given"),
        ("firm:\n", "firm: []\nx:\n", 3, "the file.x: there is no such field here"),
        ("birth: {date", "birth: [date", 15, "not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_line_field_and_fix(written, old, new, line, says):
    assert old in FILE
    with pytest.raises(BadInput) as refused:
        load_parties(written(FILE.replace(old, new, 1)))
    assert says in refused.value.message
    assert f"line {line}" in refused.value.message


def test_clients_are_a_list_and_each_has_its_own_id(written):
    head, one = FILE.split("clients:\n")
    with pytest.raises(BadInput, match="the id C1 is taken already"):
        load_parties(written(FILE + one.replace("a" * 40, "c" * 40).replace("A" * 40, "C" * 40)))
    with pytest.raises(BadInput, match="write each client after a dash"):
        load_parties(written(head + "clients: {}\n"))
    with pytest.raises(BadInput, match="must be a mapping"):
        load_parties(written(head + "clients: [C1]\n"))
    with pytest.raises(BadInput, match=r"line 1, the file: this must be a mapping"):
        load_parties(written(""))


def test_a_file_that_is_not_there_or_too_large_or_repeats_itself_is_refused(written, tmp_path, monkeypatch):
    monkeypatch.setenv("GREKKO_PARTIES", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(BadInput, match="set GREKKO_PARTIES"):
        load_parties()
    with pytest.raises(BadInput, match="bytes"):
        load_parties(written("#" * (MOST_BYTES + 1)))
    with pytest.raises(BadInput, match="aliases"):
        load_parties(written("firm: &f {a: b}\nclients: [*f]\n"))
