"""What a desk puts in force: the files it names, read once, told at the start, at /health and in the journal; and the orders it refuses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.problems import BadInput
from executor.api import Role, create_app
from executor.assembly import JOURNAL, simulation
from executor.compliance.in_force import RULEBOOK_IN_FORCE, put_in_force
from executor.compliance.rulebook_file import rulebook_sha256
from executor.desk_sections import ComplianceSettings
from executor.journal import read_rows
from executor.orders import VIOLATION
from tests.executor.api.asking import ORDER, TOKENS, talking_to
from tests.executor.compliance.desks import LISTED, written
from tests.executor.trading_floor import WEI

LARGE = {**ORDER, "amount_in": str(2 * WEI)}  # 6000 USD where a WETH was handed over at 3000


def talk(folder: Path, settings: ComplianceSettings | None, *asked: tuple[str, str, dict[str, Any] | None]) -> list[httpx.Response]:
    """What a fresh executor of this folder answers an admin."""
    service = simulation(folder, compliance=settings)

    async def talked() -> list[httpx.Response]:
        async with service.running(), talking_to(create_app(service, TOKENS, looks=False), Role.ADMIN) as client:
            return [await client.request(method, path, json=body) for method, path, body in asked]

    return asyncio.run(talked())


def violations(folder: Path) -> list[dict[str, Any]]:
    return [dict(row.entry.facts) for row in read_rows(folder / JOURNAL) if row.entry.kind == VIOLATION]


def test_in_simulate_too_a_german_over_the_limit_is_refused_and_a_singaporean_is_not(folder: Path, tmp_path: Path):
    german, again, singaporean, firm, unknown = talk(
        folder,
        written(tmp_path / "desk"),
        ("POST", "/orders", {**LARGE, "client_id": "C1", "client_order_id": "one"}),
        ("POST", "/orders", {**LARGE, "client_id": "C1", "client_order_id": "one"}),
        ("POST", "/orders", {**LARGE, "client_id": "C2"}),
        ("POST", "/orders", LARGE),
        ("POST", "/orders", {**LARGE, "client_id": "C9"}),
    )
    assert (german.status_code, german.json()["rule"]) == (422, "jurisdiction_order_limit")
    refusal = german.json()["order"]["refusal"]
    assert (refusal["limit_id"], refusal["jurisdiction"], refusal["basis"], refusal["value"], refusal["limit"]) == (
        "EU-POL-1",
        "EU",
        "internal_policy",
        "6000.00",
        "5000",
    )
    assert (refusal["doc_ref"], refusal["verified"]) == ("Grekko policy-2026 section 4", False)
    assert "EU-POL-1 of EU, by the firm's policy" in refusal["message"]
    assert again.json() == german.json()
    assert (singaporean.status_code, firm.status_code) == (201, 201)
    assert singaporean.json()["client_id"] == "C2"
    assert (unknown.status_code, unknown.json()["rule"]) == (422, "client_jurisdiction")
    assert [one["client_id"] for one in violations(folder)] == ["C1"]
    assert "Erika" not in (folder / JOURNAL).read_bytes().decode("latin-1")


def test_a_pool_on_a_list_is_not_traded_through_in_simulate_either(folder: Path, tmp_path: Path):
    pools = [f"0x{number:040x}" for number in range(5)]
    (refused,) = talk(folder, written(tmp_path / "desk", *pools), ("POST", "/orders", ORDER))
    assert (refused.status_code, refused.json()["rule"]) == (422, "sanctioned_address")
    assert [one["limit_id"] for one in violations(folder)] == ["sanctioned_address"]


def test_what_is_in_force_is_told_at_health_and_in_the_journal_and_without_names(folder: Path, tmp_path: Path):
    settings = written(tmp_path / "desk")
    (health,) = talk(folder, settings, ("GET", "/health", None))
    told = health.json()["jurisdictions"]
    assert (told["jurisdictions"], told["limits"]) == (["EU", "SG"], ["EU-POL-1"])
    assert told["lists"].startswith("bad sha256:") and told["clients_known"] and told["addresses_screened"]
    (entry,) = [row.entry for row in read_rows(folder / JOURNAL) if row.entry.kind == RULEBOOK_IN_FORCE]
    assert entry.facts == told
    assert settings.regulations is not None
    settings.regulations.write_text(settings.regulations.read_text().replace("5000", "9000"))
    (health,) = talk(folder, settings, ("GET", "/health", None))
    assert health.json()["jurisdictions"]["regulations_sha256"] != told["regulations_sha256"]
    assert "Erika" not in health.text


def test_a_desk_that_names_nothing_says_so(folder: Path):
    (health,) = talk(folder, None, ("GET", "/health", None))
    assert health.json()["jurisdictions"] is None
    assert put_in_force(None) is None


def test_it_says_in_a_sentence_what_holds(tmp_path: Path):
    settings = written(tmp_path)
    rules = put_in_force(settings)
    assert rules is not None and rules.regulations_sha256
    assert str(rules).startswith(f"1 limits of EU, SG (rulebook {rules.regulations_sha256[:12]}), clients known, lists: bad sha256:")
    assert str(put_in_force(ComplianceSettings(parties=settings.parties))) == "no rulebook, clients known, lists: none"
    only_lists = put_in_force(ComplianceSettings(lists=settings.lists))
    assert only_lists is not None and only_lists.jurisdictions.listed is not None
    assert only_lists.jurisdictions.listed.find(LISTED) == "bad.txt line 1"


def test_a_desk_starts_with_the_rulebook_that_was_approved_and_with_no_other(folder: Path, tmp_path: Path):
    settings = written(tmp_path / "desk")
    assert settings.regulations is not None
    approved = rulebook_sha256(settings.regulations)
    pinned = replace(settings, regulations_sha256=approved)
    rules = put_in_force(pinned)
    assert rules is not None and rules.regulations_sha256 == approved
    (tmp_path / "desk" / "regulations").mkdir()
    overlay = tmp_path / "desk" / "regulations" / "CH.yaml"
    overlay.write_text("jurisdiction: CH\nname: Switzerland\nauthority: FINMA\ncountries: [CH]\n")
    changed = rulebook_sha256(settings.regulations)
    with pytest.raises(BadInput, match=f"has the sha256 {changed}, and the desk file's regulations_sha256 is {approved}"):
        simulation(folder, compliance=pinned)
    overlay.unlink()
    assert put_in_force(pinned) is not None


@pytest.mark.parametrize(
    ("name", "text", "says"), [("regulations", "version: 9\n", "regulations.yaml"), ("parties", "firm: {}\n", "line 1")]
)
def test_a_file_that_is_not_what_it_must_be_stops_the_start(folder: Path, tmp_path: Path, name: str, text: str, says: str):
    settings = written(tmp_path / "desk")
    getattr(settings, name).write_text(text)
    with pytest.raises(BadInput, match=says):
        simulation(folder, compliance=settings)


def test_a_simulated_swap_is_held_to_the_same_rules_and_writes_no_violation(folder: Path, tmp_path: Path):
    swap = {**LARGE, "client_order_id": "s1"}
    german, unknown, singaporean, again, another = talk(
        folder,
        written(tmp_path / "desk"),
        ("POST", "/swap", {**LARGE, "client_id": "C1"}),
        ("POST", "/swap", {**LARGE, "client_id": "C9"}),
        ("POST", "/swap", {**swap, "client_id": "C2"}),
        ("POST", "/swap", {**swap, "client_id": "C2"}),
        ("POST", "/swap", swap),
    )
    assert (german.status_code, german.json()["rule"], german.json()["limit_id"]) == (422, "jurisdiction_order_limit", "EU-POL-1")
    assert (unknown.status_code, unknown.json()["rule"]) == (422, "client_jurisdiction")
    assert (singaporean.status_code, again.json()) == (200, singaporean.json())
    assert (another.status_code, another.json()["error"]) == (409, "OrderConflict")
    assert violations(folder) == []


def test_a_simulated_swap_goes_through_no_pool_on_a_list(folder: Path, tmp_path: Path):
    pools = [f"0x{number:040x}" for number in range(5)]
    (refused,) = talk(folder, written(tmp_path / "desk", *pools), ("POST", "/swap", ORDER))
    assert (refused.status_code, refused.json()["rule"]) == (422, "sanctioned_address")


def test_a_service_that_knows_no_clients_simulates_for_none(folder: Path):
    refused, went = talk(folder, None, ("POST", "/swap", {**ORDER, "client_id": "C1"}), ("POST", "/swap", ORDER))
    assert (refused.status_code, refused.json()["rule"], went.status_code) == (422, "client_jurisdiction", 200)
