"""A firm and two clients for tests: ALICE is a legal person of Germany, BOB with two wallets a natural one of Singapore."""

from __future__ import annotations

from datetime import date

from executor.compliance.parties import FIRM, Address, Birth, Parties, Party
from tests.assets.ledger.trades import ALICE, BOB

FIRM_WALLET, BOBS_OTHER = "0x" + "6" * 40, "0x" + "7" * 40
FIRM_LEI, CLIENT_LEI = "506700GE1G29325QX363", "HWUPKR0MPOU8FGXBT394"
PLACE = Address("1 Sample Street", "00001", "Sampleford", "DE")

PARTIES = Parties(
    Party(FIRM, "legal", "FR", "FR", "1", PLACE, (FIRM_WALLET,), name="Sample Firm", lei=FIRM_LEI, authorised_in="FR"),
    (
        Party("C1", "legal", "DE", "DE", "2", PLACE, (ALICE,), name="Sample GmbH", lei=CLIENT_LEI),
        Party(
            "C2", "natural", "SG", "SG", "3", PLACE, (BOB, BOBS_OTHER), first_name="Robin", surname="Sampleton", nationality="SG",
            birth=Birth(date(1980, 1, 2), "Sampleford", "SG"),
        ),
    ),
)  # fmt: skip
