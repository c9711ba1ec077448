"""A rulebook with three jurisdictions, and clients who are nobody."""

from __future__ import annotations

from domain.regulation.rulebook import Jurisdiction, KycChain, Rulebook

EU = KycChain(("sanctions:un", "sanctions:ofac", "pep:register", "country:fatf", "wallet:ofac"), 0.85, 0.75, 365, "ivms101.2023", "0")
MAS = KycChain(("sanctions:un", "country:fatf", "wallet:ofac"), 0.80, 0.70, 180, "ivms101.2023", "1500")
US = KycChain(("sanctions:ofac", "wallet:ofac"), 0.90, 0.80, 365)
RULEBOOK = Rulebook(
    1,
    {
        "EU": Jurisdiction("EU", "European Union", "ESMA", ("DE", "FR"), kyc=EU),
        "SG": Jurisdiction("SG", "Singapore", "MAS", ("SG",), kyc=MAS),
        "US": Jurisdiction("US", "United States", "CFTC", ("US",), kyc=US),
        "OECD": Jurisdiction("OECD", "OECD", "OECD", ("DE", "FR", "CH")),
    },
)
