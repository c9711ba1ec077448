"""The three files that a desk names, as short as they may be: a rulebook with one limit, a German and a Singaporean client, a list."""

from __future__ import annotations

from pathlib import Path

from executor.desk_sections import ComplianceSettings

LISTED = "0x" + "66" * 20
REGULATIONS = """\
version: 1
jurisdictions:
  EU:
    name: European Union
    authority: ESMA
    countries: [DE, FR]
    limits:
      - id: EU-POL-1
        basis: internal_policy
        metric: order_usd
        most: "5000"
        on_breach: ["alert:slack", "alert:email"]
        text: The firm sells no more for an EU client at once.
        doc_ref: {body: Grekko, corpus: policy-2026, segment: section 4, verified: false}
  SG: {name: Singapore, authority: MAS, countries: [SG]}
"""
PARTY = """\
  - id: {id}
    kind: natural
    first_name: Erika
    surname: Beispiel
    nationality: {country}
    birth: {{date: 1980-01-02, city: Musterstadt, country: {country}}}
    residence: {country}
    tax_residence: {country}
    tin: "1"
    address: {{street: Beispielweg 1, postcode: "1", city: Musterstadt, country: {country}}}
    wallets: []
"""
PARTIES = """\
firm:
  name: Grekko Demo Markets SAS (fictional)
  lei: FICT00GREKKODEMO0005
  authorised_in: FR
  residence: FR
  tax_residence: FR
  tin: "1"
  address: {street: 1 rue de l'Exemple, postcode: "75000", city: Paris, country: FR}
  wallets: []
clients:
"""


def written(folder: Path, *listed: str) -> ComplianceSettings:
    """The files in this folder. Everybody in them is fictional."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "regulations.yaml").write_text(REGULATIONS)
    (folder / "parties.yaml").write_text(PARTIES + PARTY.format(id="C1", country="DE") + PARTY.format(id="C2", country="SG"))
    (folder / "lists").mkdir(exist_ok=True)
    (folder / "lists" / "bad.txt").write_text("\n".join((LISTED, *listed)) + "\n")
    return ComplianceSettings(folder / "regulations.yaml", folder / "parties.yaml", folder / "lists")
