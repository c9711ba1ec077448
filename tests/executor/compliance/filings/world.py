"""A small world for filings: records that change, documents that the official schemas accept, a clock that is moved by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from lxml import etree

from domain.problems import BadInput
from domain.regulation.filing import FilingKey, RecordMessage, Refusal, decide, digest_of, told_as
from executor.compliance.filings.answers import AnswerReader
from executor.compliance.filings.desk import FilingDesk
from executor.compliance.filings.rounds import Rounds
from executor.compliance.filings.signing import Ed25519Signer
from executor.compliance.filings.simulated_regulator import SimulatedRegulator
from executor.compliance.filings.store import FilingStore

FIRM = "5299000FICTIONALLE40"  # a fictional firm
MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ISO_016 = "urn:iso:std:iso:20022:tech:xsd:auth.016.001.03"
CARF = "urn:oecd:ties:carf:v1"
STF = "urn:oecd:ties:carfstf:v5"


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = MONDAY) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def move(self, **by: float) -> None:
        self._now += timedelta(**by)


class SharedSchemas:
    """The official schemas in ../shared/schemas, each file read once from there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        path = self.root / name
        if not path.is_file():
            raise BadInput(f"{name} is missing; run `grekko schemas install`.", path=str(path))
        return path


TRADES = FilingKey("EU.MiCA.transactions", date(2026, 3, 1), date(2026, 3, 1), "xml")
USERS = FilingKey("OECD.CARF.annual", date(2025, 1, 1), date(2025, 12, 31), "xml")


@dataclass
class Trades:
    """Transactions of a day as auth.016, by trade id: the price, in whole dollars, is what changes.

    Prices below 0 are broken at the source: the own check finds them.
    """

    key: FilingKey = TRADES
    rows: dict[str, int] = field(default_factory=dict)
    nil: bool = False
    becomes: Mapping[Any, Any] = field(default_factory=lambda: {"CORRECT": ("CANCEL", "NEW"), "AMEND": ("CANCEL", "NEW")})
    kinds_apart: bool = False
    mendable: frozenset[str] = frozenset()

    def records(self) -> Mapping[str, str]:
        return {key: digest_of({"trade_id": key, "price": price}) for key, price in self.rows.items()}

    def record_reference(self, message: str, key: str, place: int) -> str:
        return key

    def document(self, reference: str, records: Sequence[RecordMessage]) -> tuple[str, bytes]:
        told = "".join(self.told(one.key, cancelled=one.action == "CANCEL") for one in records)
        return "transactions.xml", f'<Document xmlns="{ISO_016}"><FinInstrmRptgTxRpt>{told}</FinInstrmRptgTxRpt></Document>'.encode()

    def sent(self) -> tuple[RecordMessage, ...]:
        """The records of a first document."""
        return told_as(decide({}, self.records()), self.becomes, "", self.record_reference)

    def told(self, key: str, *, cancelled: bool = False) -> str:
        if cancelled:
            return f"<Tx><Cxl><TxId>{key}</TxId><ExctgPty>{FIRM}</ExctgPty><SubmitgPty>{FIRM}</SubmitgPty></Cxl></Tx>"
        return (
            f"<Tx><New><TxId>{key}</TxId><ExctgPty>{FIRM}</ExctgPty><InvstmtPtyInd>true</InvstmtPtyInd><SubmitgPty>{FIRM}</SubmitgPty>"
            "<Buyr><AcctOwnr><Id><Intl>INTC</Intl></Id></AcctOwnr></Buyr><Sellr><AcctOwnr><Id><Intl>INTC</Intl></Id></AcctOwnr></Sellr>"
            "<OrdrTrnsmssn><TrnsmssnInd>false</TrnsmssnInd></OrdrTrnsmssn>"
            "<Tx><TradDt>2026-03-01T10:00:00.000000Z</TradDt><TradgCpcty>DEAL</TradgCpcty><Qty><Unit>1</Unit></Qty>"
            f'<Pric><Pric><MntryVal><Amt Ccy="USD">{self.rows[key]}</Amt></MntryVal></Pric></Pric><TradVn>XXXX</TradVn></Tx>'
            "<FinInstrm><AltrnId><OthrId><Id>X9J9K872S</Id><Tp><Prtry>DTI</Prtry></Tp></OthrId></AltrnId></FinInstrm>"
            "<ExctgPrsn><Algo>grekko</Algo></ExctgPrsn><AddtlAttrbts><SctiesFincgTxInd>false</SctiesFincgTxInd></AddtlAttrbts></New></Tx>"
        )

    def findings(self, content: bytes) -> Sequence[Mapping[str, Any]]:
        broken = [key for key, price in self.rows.items() if price < 0 and f">{price}<".encode() in content]
        return [{"rule_id": "R01", "severity": "error", "row_key": key, "message": f"{key} has a price below zero"} for key in broken]

    def mend(self, refusals: Sequence[Refusal]) -> bool:
        return bool(refusals) and {one.rule for one in refusals} <= self.mendable

    def expected(self) -> dict[tuple[str, str], str]:
        """The register that an authority would have which knows the rows of now."""
        return {(self.key.report_id, key): canonical_digest(self.told(key), ISO_016, "New") for key in self.rows}


@dataclass
class Users:
    """Crypto users of a year as CARF 1.5, by client: the number of units is what changes."""

    key: FilingKey = USERS
    rows: dict[str, int] = field(default_factory=dict)
    nil: bool = True
    becomes: Mapping[Any, Any] = field(default_factory=dict)
    kinds_apart: bool = True
    mendable: frozenset[str] = frozenset()

    def records(self) -> Mapping[str, str]:
        return {key: digest_of({"client": key, "units": units}) for key, units in self.rows.items()}

    def record_reference(self, message: str, key: str, place: int) -> str:
        return f"{message}-{place}"

    def document(self, reference: str, records: Sequence[RecordMessage]) -> tuple[str, bytes]:
        indicator = "CARF703" if not records else "CARF701" if all(one.action == "NEW" for one in records) else "CARF702"
        told = "".join(self.told(one.key, self.spec(one)) for one in records)
        rcasp = (
            f"<RCASP><RCASP_ID><Entity><ResCountryCode>LU</ResCountryCode><TIN>1</TIN><Name>Fictional S.A.</Name>{ADDRESS}</Entity>"
            f"</RCASP_ID><Nexus>CARF901</Nexus><DocSpec><stf:DocTypeIndic>OECD1</stf:DocTypeIndic><stf:DocRefId>{reference}-firm</stf:DocRefId>"
            "</DocSpec></RCASP>"
        )
        head = (
            "<TransmittingCountry>LU</TransmittingCountry><ReceivingCountry>LU</ReceivingCountry><MessageType>CARF</MessageType>"
            f"<MessageRefId>{reference}</MessageRefId><MessageTypeIndic>{indicator}</MessageTypeIndic>"
            "<ReportingPeriod>2025-12-31</ReportingPeriod><Timestamp>2026-03-02T06:00:00</Timestamp>"
        )
        body = f"<CARFBody>{rcasp}{told}</CARFBody>"
        return (
            "carf.xml",
            f'<CARF_OECD xmlns="{CARF}" xmlns:stf="{STF}" version="1.5"><MessageSpec>{head}</MessageSpec>{body}</CARF_OECD>'.encode(),
        )

    def spec(self, one: RecordMessage) -> str:
        indicator = {"NEW": "OECD1", "CORRECT": "OECD2", "CANCEL": "OECD3"}[one.action]
        corrects = f"<stf:CorrDocRefId>{one.corrects}</stf:CorrDocRefId>" if one.corrects else ""
        return f"<DocSpec><stf:DocTypeIndic>{indicator}</stf:DocTypeIndic><stf:DocRefId>{one.reference}</stf:DocRefId>{corrects}</DocSpec>"

    def told(self, key: str, spec: str = "") -> str:
        return (
            "<CryptoUsers><UserID><Individual><ResCountryCode>DE</ResCountryCode><TIN>1</TIN>"
            f"<Name><FirstName>Fictional</FirstName><LastName>{key}</LastName></Name>{ADDRESS}"
            "<BirthInfo><BirthDate>1990-01-01</BirthDate></BirthInfo></Individual></UserID>"
            "<RelevantTransactions><CryptoAsset>X9J9K872S</CryptoAsset><CryptoToCryptoIn><NumberofTransactions>1</NumberofTransactions>"
            f'<Amount currCode="USD">1.00</Amount><NumberofUnits>{self.rows.get(key, 0)}</NumberofUnits></CryptoToCryptoIn>'
            f"</RelevantTransactions>{spec}</CryptoUsers>"
        )

    def findings(self, content: bytes) -> Sequence[Mapping[str, Any]]:
        return []

    def mend(self, refusals: Sequence[Refusal]) -> bool:
        return bool(refusals) and {one.rule for one in refusals} <= self.mendable

    def contents(self) -> list[str]:
        """The digests that an authority would hold which knows the rows of now."""
        return sorted(canonical_digest(self.told(key), CARF, "CryptoUsers") for key in self.rows)


ADDRESS = "<Address><CountryCode>LU</CountryCode><AddressFix><City>Luxembourg</City></AddressFix></Address>"


def canonical_digest(told: str, namespace: str, name: str) -> str:
    """The sha256 of an element in canonical form."""
    root = etree.fromstring(f'<x xmlns="{namespace}">{told}</x>')
    return hashlib.sha256(
        etree.tostring(root.find(f".//{{{namespace}}}{name}"), method="c14n", exclusive=True, with_tail=False)
    ).hexdigest()


class World:
    """A desk, its store, and an authority; `restart` opens everything anew, as after a crash."""

    def __init__(self, schemas: SharedSchemas, folder: Path, regulator: SimulatedRegulator | None = None) -> None:
        self.schemas = schemas
        self.folder = folder
        self.clock = HandClock()
        self.reader = AnswerReader(schemas)
        self.signer = Ed25519Signer(bytes(range(32)))
        self.regulator = regulator or SimulatedRegulator(schemas, self.clock)
        self._open()

    def _open(self) -> None:
        self.store = FilingStore(self.folder)
        self.desk = FilingDesk(self.store, self.clock, self.signer, self.reader, firm=FIRM)
        self.rounds = Rounds(self.desk, self.regulator)

    def restart(self) -> None:
        self.store.close()
        self._open()

    def settle(self, *preparations: Any, days: int = 12) -> None:
        """Rounds, a day apart, until everything had time to be answered."""
        for _ in range(days):
            self.rounds.run(preparations)
            self.rounds.run(preparations)
            self.clock.move(days=1)

    def states(self, preparation: Any) -> list[str]:
        return [str(one.state) for one in self.store.filings.of_key(preparation.key)]
