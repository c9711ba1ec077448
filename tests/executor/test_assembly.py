"""What each mode is made of: simulate loads nothing of a chain and starts at once; a desk must say what it is before it trades."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from executor.api import Role, create_app
from executor.assembly import JOURNAL, simulation
from executor.journal import read_rows
from tests.executor.api.asking import ORDER, TOKENS, talking_to
from tests.executor.trading_floor import WEI, always, hand_over

ROOT = Path(__file__).resolve().parents[2]


def traded(folder: Path, *bodies: dict) -> list[httpx.Response]:
    """What a trader is answered who sends these orders to a fresh executor of this folder."""
    service = simulation(folder)

    async def talk() -> list[httpx.Response]:
        app = create_app(service, TOKENS, looks=False)
        async with service.running(), talking_to(app, Role.ADMIN) as client:
            return [*[await client.post("/orders", json=body) for body in bodies], await client.get("/ready"), await client.get("/venues")]

    return asyncio.run(talk())


def test_a_simulated_order_is_routed_rehearsed_and_kept_in_the_journal(folder: Path) -> None:
    order, ready, venues = traded(folder, {**ORDER, "amount_in": str(2000 * WEI), "client_order_id": "one"})
    assert order.status_code == 201, order.text
    assert order.json()["state"] == "simulated"
    assert len(order.json()["routed"]["legs"]) > 1
    assert ready.json() == {"status": "ready", "mode": "simulate", "reasons": []}
    assert {one["venue"]: one["pools"] for one in venues.json()["venues"]} == {"sushiswap": 3, "uniswap_v3": 2}
    kinds = [row.entry.kind for row in read_rows(folder / JOURNAL)]
    assert kinds == ["journal_begun", "intent", "routed", "simulated"]


def test_a_restart_answers_with_the_same_order(folder: Path, tmp_path: Path) -> None:
    body = {**ORDER, "client_order_id": "one"}
    first, *_ = traded(folder, body)
    hand_over(folder, always("split", tmp_path / "bundles"), "v2", usdc_per_weth=2900.0)
    again, *_ = traded(folder, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_the_file_that_stops_everything_stops_simulated_orders_too(folder: Path) -> None:
    (folder / "KILL").touch()
    order, ready, _ = traded(folder, ORDER)
    assert (order.status_code, order.json()["rule"]) == (422, "kill_switch")
    assert ready.status_code == 200


def test_two_executors_of_one_folder_both_quote_and_one_takes_orders(folder: Path) -> None:
    async def talk() -> list[httpx.Response]:
        first, second = simulation(folder), simulation(folder)
        async with first.running(), second.running(), talking_to(create_app(second, TOKENS, looks=False), Role.ADMIN) as client:
            return [await client.post("/orders", json=ORDER), await client.post("/quote", json=ORDER), await client.get("/ready")]

    order, quote, ready = asyncio.run(talk())
    assert (order.status_code, quote.status_code, ready.status_code) == (503, 200, 503)
    assert "another executor" in ready.json()["reasons"][0].lower()


def test_without_a_handover_nothing_is_ready_and_everything_says_so(tmp_path: Path) -> None:
    order, ready, _ = traded(tmp_path / "empty", ORDER)
    assert (order.status_code, ready.status_code) == (503, 503)
    assert "grekko demo" in ready.json()["reasons"][0]


def test_a_leg_is_charged_what_its_gas_costs_in_the_token_that_is_bought(folder: Path) -> None:
    service = simulation(folder)
    told = service.route("WETH", "USDC", WEI)
    # 76,500 gas at 20 gwei and 3,000 dollars a coin
    assert told["gas_per_leg"] == "4590000"
    assert service.route("WETH", "USDC", WEI, gas_per_leg=0)["gas_per_leg"] == "0"


def test_simulating_loads_nothing_of_a_chain(folder: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom executor.assembly import simulation\n"
        f"service = simulation(Path({str(folder)!r}))\nservice.route('WETH', 'USDC', 10**18)\n"
        "print([name for name in ('web3', 'eth_account', 'confluent_kafka', 'psycopg', 'deltalake') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("what", ["trip", "release"])
def test_what_the_switch_does_is_written_into_the_journal(folder: Path, what: str) -> None:
    service = simulation(folder)

    async def talk() -> None:
        async with service.running():
            told = service.trip("prices look wrong")
            if what == "release":
                service.release(told["release_code"], "they are right")
            await asyncio.sleep(0.3)

    asyncio.run(talk())
    entries = [row.entry for row in read_rows(folder / JOURNAL)]
    assert [entry.facts["what"] for entry in entries if entry.kind == "kill_switch"] == (
        ["tripped"] if what == "trip" else ["tripped", "released"]
    )
    assert service.killed()["tripped"] is (what == "trip")
