"""Whose trade it is, in columns that name no person: id, kind, countries and the public LEI of who owns the wallet."""

from __future__ import annotations

import polars as pl

from domain.schemas import FLAG, TEXT, Column
from executor.compliance.parties import FIRM, Parties

# The same columns in every table that knows for whom something was done.
OWNER = (
    Column(
        "client_id",
        TEXT,
        f"Who it was for, by pseudonym: a client, or {FIRM} for the firm itself; null when nobody of ours.",
        nullable=True,
    ),
    Column("client_kind", TEXT, "legal or natural.", nullable=True),
    Column("client_country", TEXT, "Country of residence (ISO 3166-1).", nullable=True),
    Column("client_tax_residence", TEXT, "Country of tax residence (ISO 3166-1).", nullable=True),
    Column("client_lei", TEXT, "LEI of a legal person; it is public.", nullable=True),
    Column(
        "client_national_id",
        TEXT,
        "Always empty in the lake, because such a code tells name and day of birth; reports join person_national_id.",
        nullable=True,
    ),
    Column("firm_lei", TEXT, "LEI of the firm."),
    Column("capacity", TEXT, "DEAL for itself, AOTC for a client; null when nobody of ours.", nullable=True),
    Column("executed_by_firm", FLAG, "True when the wallet belongs to the firm or a client."),
    Column("decentralised_without_intermediary", FLAG, "True when it does not: nobody we know stands between the wallet and the pool."),
)


def with_owner(rows: pl.DataFrame, parties: Parties, wallet: str = "wallet") -> pl.DataFrame:
    """The rows with the columns of OWNER, by whose wallet the column `wallet` names."""
    owned = [
        {
            wallet: address,
            "client_id": party.id,
            "client_kind": party.kind,
            "client_country": party.residence,
            "client_tax_residence": party.tax_residence,
            "client_lei": party.lei,
        }
        for party in parties
        for address in party.wallets
    ]
    names = [wallet, *(column.name for column in OWNER[:5])]
    owners = pl.DataFrame(owned, schema=dict.fromkeys(names, pl.String()))
    ours = pl.col("client_id").is_not_null()
    return rows.join(owners, on=wallet, how="left", maintain_order="left").with_columns(
        client_national_id=pl.lit(None, pl.String()),
        firm_lei=pl.lit(parties.firm.lei, pl.String()),
        capacity=pl.when(pl.col("client_id") == FIRM).then(pl.lit("DEAL")).when(ours).then(pl.lit("AOTC")),
        executed_by_firm=ours,
        decentralised_without_intermediary=~ours,
    )
