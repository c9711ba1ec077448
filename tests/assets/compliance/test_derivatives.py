"""The firm's file of contracts: every line is a contract or is set aside with its reason, and a file that is none changes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.compliance import derivative_contracts
from assets.compliance.derivatives_file import FIELDS, MOST_BYTES, parse_derivatives, read_derivatives
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.regulation.identifiers.uti import make_uti
from tests.assets.compliance.parties_of_tests import CLIENT_LEI, FIRM_LEI, PARTIES

UTI = make_uti(FIRM_LEI, "0x" + "ab" * 32, 0)
GOOD = {
    "contract_id": "D-1",
    "action": "NEW",
    "event_time": "",
    "corrects": "",
    "uti": UTI,
    "client_id": "C1",
    "side": "SELL",
    "contract_type": "OPTN",
    "asset_class": "OTHR",
    "upi": "QZ0000000001",
    "notional": "100000.50",
    "notional_currency": "USD",
    "price": "12.5",
    "price_currency": "USD",
    "settlement_currency": "USD",
    "delivery": "CASH",
    "execution_time": "2026-01-05T23:30:00-02:00",
    "effective_date": "2026-01-06",
    "expiry_date": "",
    "event_type": "TRAD",
    "platform": "XXXX",
    "cleared": "false",
    "booked_in": "SG",
    "traded_in": "",
}
HEADER = ",".join(FIELDS)


def line(**changed: str) -> str:
    return ",".join({**GOOD, **changed}[field] for field in FIELDS)


def text(*lines: str) -> str:
    return "\n".join([HEADER, *lines]) + "\n"


def test_a_line_becomes_a_contract_with_its_client_and_firm():
    (one,) = parse_derivatives(text(line()), PARTIES).contracts
    assert (one["client_kind"], one["client_country"], one["client_lei"], one["firm_lei"]) == ("legal", "DE", CLIENT_LEI, FIRM_LEI)
    assert one["execution_time"] == one["event_time"] == datetime(2026, 1, 6, 1, 30, tzinfo=UTC)
    assert (one["event_day"], one["expiry_date"], one["cleared"], one["traded_in"]) == (date(2026, 1, 6), None, False, None)
    assert (one["notional"], one["is_derivative"], one["line"]) == ("100000.50", True, 2)


def test_an_event_has_its_own_time_where_the_file_says_so():
    (one,) = parse_derivatives(text(line(action="CANCEL", event_time="2026-02-01T00:00:00Z")), PARTIES).contracts
    assert (one["event_day"], one["action"]) == (date(2026, 2, 1), "CANCEL")


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"contract_id": ""}, "contract_id", "a value must be given"),
        ({"contract_id": "a b"}, "contract_id", "is not an id"),
        ({"action": "new"}, "action", "none of NEW, AMEND, CORRECT, CANCEL"),
        ({"uti": UTI[:-1] + "a"}, "uti", "is no UTI"),
        ({"client_id": "C9"}, "client_id", "no client in the file of parties"),
        ({"client_id": "FIRM"}, "client_id", "no client in the file of parties"),
        ({"side": "LONG"}, "side", "none of BUY, SELL"),
        ({"notional": "1e5"}, "notional", "is not a decimal"),
        ({"notional": "-1"}, "notional", "is not a decimal"),
        ({"notional_currency": "USDC"}, "notional_currency", "is no currency"),
        ({"execution_time": "2026-01-05T12:00:00"}, "execution_time", "with its zone"),
        ({"execution_time": "noon"}, "execution_time", "is no moment"),
        ({"effective_date": "2026-02-30"}, "effective_date", "is no day"),
        ({"platform": "binance"}, "platform", "is no MIC"),
        ({"cleared": "maybe"}, "cleared", "none of true, false"),
        ({"booked_in": "XX"}, "booked_in", "is no country"),
        ({"upi": "x" * 201}, "upi", "200 is the most"),
        ({"upi": "a,b"}, "row", "25 values for 24 columns"),
    ],
)
def test_a_wrong_value_sets_its_line_aside_and_leaves_the_others(changed, field, says):
    intake = parse_derivatives(text(line(), line(**{"contract_id": "D-2", **changed}), line(contract_id="D-3")), PARTIES)
    assert [one["contract_id"] for one in intake.contracts] == ["D-1", "D-3"]
    (refused,) = intake.refused
    assert (refused["line"], refused["field"]) == (3, field)
    assert says in refused["reason"]


def test_the_same_event_twice_is_taken_once():
    intake = parse_derivatives(text(line(), line(side="BUY")), PARTIES)
    assert (len(intake.contracts), intake.refused[0]["reason"]) == (1, "line 2 says the same thing happened to it at the same moment")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "line 1: missing columns"),
        (HEADER + ",shoe_size\n", "unknown columns ['shoe_size']"),
        (HEADER + ",upi\n", "must stand there once"),
        (text(line()) + '"never closed\n', "this is not CSV"),
    ],
)
def test_a_text_that_is_no_such_file_is_refused_whole(given, says):
    with pytest.raises(BadInput) as refused:
        parse_derivatives(given, PARTIES)
    assert says in refused.value.message


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=80))
def test_for_any_line_there_is_one_contract_or_one_reason_or_the_file_is_refused(junk):
    try:
        intake = parse_derivatives(text(line(), junk), PARTIES)
    except BadInput:
        return
    assert len(intake.contracts) + len(intake.refused) == 1 + bool(junk)


def materialise(warehouse: Warehouse) -> dg.ExecuteInProcessResult:
    promises = [derivative_contracts.every_line_is_a_contract_or_set_aside, derivative_contracts.nothing_was_set_aside]
    made = [derivative_contracts.derivatives, *promises]
    return dg.materialize(made, resources={"warehouse": warehouse}, instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)


def test_without_a_file_there_are_no_contracts_and_a_bad_file_leaves_the_table_as_it_was(tmp_path, monkeypatch):
    warehouse = Warehouse(lake=str(tmp_path / "lake"))
    monkeypatch.setattr(derivative_contracts, "load_parties", lambda: PARTIES)
    monkeypatch.delenv("GREKKO_DERIVATIVES", raising=False)
    assert materialise(warehouse).success
    assert warehouse.read(derivative_contracts.TABLE).is_empty()

    path = tmp_path / "contracts.csv"
    path.write_text(text(line(), line(contract_id="D-2", side="LONG")))
    monkeypatch.setenv("GREKKO_DERIVATIVES", str(path))
    done = materialise(warehouse)
    assert done.success
    assert [one.passed for one in sorted(done.get_asset_check_evaluations(), key=lambda one: one.check_name)] == [True, False]
    assert warehouse.read(derivative_contracts.TABLE)["contract_id"].to_list() == ["D-1"]
    assert warehouse.read(derivative_contracts.SET_ASIDE)["contract_id"].to_list() == ["D-2"]

    path.write_text("contract_id\nD-9\n")
    assert not materialise(warehouse).success
    assert warehouse.read(derivative_contracts.TABLE)["contract_id"].to_list() == ["D-1"]


def test_a_file_that_is_not_there_or_too_large_is_refused_with_the_setting(tmp_path):
    with pytest.raises(BadInput, match="set GREKKO_DERIVATIVES"):
        read_derivatives(tmp_path / "nowhere.csv", PARTIES)
    huge = tmp_path / "huge.csv"
    huge.write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(BadInput, match="split it by period"):
        read_derivatives(huge, PARTIES)
