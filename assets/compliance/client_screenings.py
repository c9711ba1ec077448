"""Client screenings: of each client, which KYC chain it goes through, what the lists say of name and wallets, and until when that holds."""

import os
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.compliance.audit_log import recorder_of
from assets.compliance.cabinet import Cabinet
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.regulation.rulebook import Rulebook
from domain.schemas import COUNT, DAY, FLAG, RATIO, TEXT, Column, Table, columns
from executor.compliance.kyc.decision import Decision, decide
from executor.compliance.kyc.provider import Sources, Subject
from executor.compliance.kyc.routing import ClientCountries, route
from executor.compliance.kyc.store import KEY_SETTING, DecisionStore, Kept, key_of_the_setting
from executor.compliance.parties import Parties, Party
from executor.compliance.rulebook_file import load_rulebook
from executor.compliance.screening.folder import SETTING, ListFolder
from executor.ports import SystemClock

TABLE = Table(
    "client_screenings",
    row="One client of the firm.",
    columns=columns(
        Column("client_id", TEXT, "The client's pseudonym; the name stays in the file of parties."),
        Column("jurisdictions", TEXT, "Whose chains it goes through, by its countries, comma between."),
        Column("chain", TEXT, "The providers that are asked, in order, comma between."),
        Column("verdict", TEXT, "clear, review (a person looks), hit, or undecided (somebody could not be asked)."),
        Column("why", TEXT, "Why it is not clear, by provider; empty when it is."),
        Column("not_asked", TEXT, "Providers that had nothing to ask, and why, semicolon between."),
        Column("list_versions", TEXT, "Versions of the lists that answered, by provider, semicolon between."),
        Column("wallets", COUNT, "How many wallets of it were looked up among the listed addresses."),
        Column("wallet_answer", TEXT, "What the address lists say: clear, hit, not_asked or unavailable; empty when the chain has none."),
        Column("score", RATIO, "Highest score against a listed name or place, 0 to 1; null when nothing scored.", nullable=True),
        Column("threshold", RATIO, "From which score on it is a hit, 0 to 1."),
        Column("valid_until", DAY, "Day on which it is screened again; null when it is undecided.", nullable=True),
        Column("due_for_refresh", FLAG, "True when it must be screened again now."),
        Column("decision", COUNT, "Number of the decision that was kept; null when none is kept.", nullable=True),
    ),
    key=("client_id",),
)
WALLETS, FILE = "wallet:", "kyc.sqlite"


def screened(parties: Parties, rulebook: Rulebook, sources: Sources, now: datetime) -> list[Decision]:
    """A decision about each client, by the chain of its countries."""
    return [decide(_subject(one), route(rulebook, _countries(one)), sources, now) for one in parties.clients]


def _countries(party: Party) -> ClientCountries:
    return ClientCountries(party.residence, party.nationality or "", party.tax_residence)


def _subject(party: Party) -> Subject:
    return Subject(party.id, party.full_name, _countries(party).in_order, party.wallets)


def keep_what_is_new(store: DecisionStore, decisions: Sequence[Decision], now: datetime) -> dict[str, Kept]:
    """Keeps each decision that is not the one kept last, or whose time is over; returns what holds now, by client."""
    kept = {one.client_id: one for one in store.newest()}
    for one in decisions:
        last = kept.get(one.subject.client_id)
        if last is None or now >= last.valid_until or _differs(one, last, store):
            store.add(one)
    return {one.client_id: one for one in store.newest()}


def _differs(new: Decision, last: Kept, store: DecisionStore) -> bool:
    worst = new.worst
    told = (new.verdict, new.jurisdictions, new.providers, new.threshold, new.algorithm, store.name_hash(new.subject.name))
    score, matched = (worst.score, worst.matched) if worst else (None, "")
    versions = {one.provider: one.list_version for one in new.answers}
    was = (last.verdict, last.jurisdictions, last.providers, last.threshold, last.algorithm, last.name_hash)
    return (*told, score, matched, versions) != (*was, last.score, last.matched, dict(last.list_versions))


def rows_of(decisions: Sequence[Decision], kept: dict[str, Kept], today: date) -> pl.DataFrame:
    """The decisions as rows of the table."""
    rows = [_row(one, kept.get(one.subject.client_id), today) for one in decisions]
    return TABLE.conform(pl.DataFrame(rows, schema={column.name: column.dtype for column in TABLE.columns}))


def _row(one: Decision, kept: Kept | None, today: date) -> dict[str, Any]:
    until = None if one.verdict == "undecided" else (kept or one).valid_until.date()
    worst = one.worst
    return {
        "client_id": one.subject.client_id,
        "jurisdictions": ", ".join(one.jurisdictions),
        "chain": ", ".join(one.providers),
        "verdict": one.verdict,
        "why": "; ".join(f"{each.provider}: {each.reason}" for each in one.answers if each.outcome in ("review", "hit", "unavailable")),
        "not_asked": "; ".join(f"{name}: {reason}" for name, reason in one.not_asked.items()),
        "list_versions": "; ".join(f"{each.provider} {each.list_version}" for each in one.answers if each.list_version),
        "wallets": len(one.subject.addresses),
        "wallet_answer": ", ".join(each.outcome for each in one.answers if each.provider.startswith(WALLETS)),
        "score": worst.score if worst else None,
        "threshold": one.threshold,
        "valid_until": until,
        "due_for_refresh": until is None or until <= today,
        "decision": kept.seq if kept else None,
    }


@whole(TABLE)
def client_screenings(context: dg.AssetExecutionContext, warehouse: Warehouse, cabinet: Cabinet) -> dg.MaterializeResult:
    """What the lists say of each client and its wallets, by the chain that its countries choose, without a name.

    Lists are those of GREKKO_LISTS; without them it is undecided, never clear. Decisions are kept in `<home>/compliance/kyc.sqlite`
    under GREKKO_KYC_KEY, a new one only where something changed or its time is over, and each is in the audit log by its hash.
    """
    now, told = SystemClock().now(), os.environ
    register = told.get("GREKKO_PEP_REGISTER")
    sources = Sources(now.date(), ListFolder.named() if told.get(SETTING) else None, Path(register) if register else None)
    decisions = screened(cabinet.parties(), load_rulebook(), sources, now)
    kept: dict[str, Kept] = {}
    if told.get(KEY_SETTING):
        store = DecisionStore(cabinet.path / FILE, key_of_the_setting())
        kept = keep_what_is_new(store, decisions, now)
        recorder_of(cabinet).screenings(store)
    rows = rows_of(decisions, kept, now.date())
    counted = dict(rows["verdict"].value_counts().sort("verdict").iter_rows())
    return warehouse.write(
        TABLE,
        rows,
        context,
        verdicts=pictures.bars({name: float(count) for name, count in counted.items()}, "clients by verdict"),
        kept=f"{len(kept)} decisions hold" if kept else f"No decision was kept: set {KEY_SETTING} to a secret of 32 characters or more.",
    )


@dg.asset_check(asset=client_screenings)
def every_client_is_screened_and_clear(warehouse: Warehouse, cabinet: Cabinet) -> dg.AssetCheckResult:
    """Each client of the file of parties was screened against every list of its chain, and nothing was found."""
    rows = warehouse.read(TABLE)
    open_ = rows.filter(pl.col("verdict") != "clear")
    missing = {one.id for one in cabinet.parties().clients} - set(rows["client_id"])
    return dg.AssetCheckResult(
        passed=open_.is_empty() and not missing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "clients": rows.height,
            "not_clear": open_.height,
            "not_screened": ", ".join(sorted(missing)),
            "why": "; ".join(open_["why"].unique(maintain_order=True).head(5)),
        },
    )
