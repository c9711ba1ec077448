"""The service: idempotent orders, a model that changes under way, and health that tells the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.problems import OrderConflict, Unavailable
from executor.service import ExecutorService
from tests.executor.trading_floor import WEI, always, hand_over


def test_the_same_order_id_gets_the_same_answer_even_from_a_newer_model(service: ExecutorService, folder: Path, tmp_path: Path) -> None:
    first = service.swap("WETH", "USDC", WEI, client_order_id="a")
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    assert service.refresh()
    assert service.swap("WETH", "USDC", WEI, client_order_id="a") == first
    assert service.swap("WETH", "USDC", WEI, client_order_id="b")["decision"]["model_version"] == "v2"


def test_an_order_id_used_for_another_order_is_a_conflict(service: ExecutorService) -> None:
    service.swap("WETH", "USDC", WEI, client_order_id="a")
    for other in ({"amount_in": WEI + 1}, {"slippage_bps": 1}, {"may_wait": False}):
        with pytest.raises(OrderConflict, match="new client_order_id"):
            service.swap(**{"sell": "WETH", "buy": "USDC", "amount_in": WEI, "client_order_id": "a"} | other)


def test_a_refused_order_leaves_its_id_free(service: ExecutorService) -> None:
    with pytest.raises(Exception, match="No path"):
        service.swap("WETH", "USDC", 1 << 200, client_order_id="a")
    assert service.swap("WETH", "USDC", WEI, client_order_id="a")["client_order_id"] == "a"


def test_an_order_id_is_remembered_over_a_restart(service: ExecutorService, folder: Path, tmp_path: Path) -> None:
    first = service.swap("WETH", "USDC", WEI, client_order_id="a")
    service.close()
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    again = ExecutorService(folder)
    assert again.health()["model_version"] == "v2"
    assert again.swap("WETH", "USDC", WEI, client_order_id="a") == first
    with pytest.raises(OrderConflict):
        again.swap("WETH", "USDC", 2 * WEI, client_order_id="a")


def test_pools_are_listed_with_a_price_in_whole_tokens(service: ExecutorService) -> None:
    told = service.pools()
    assert [pool["pool_id"] for pool in told["pools"]] == [0, 1, 2, 3, 4]
    assert 1 / told["pools"][2]["price"] == pytest.approx(3000)
    assert told["pools"][4]["price"] == pytest.approx(1.0)


def test_health_names_the_model_in_force(service: ExecutorService) -> None:
    told = service.health()
    assert (told["status"], told["model_version"], told["generation"], told["pools"]) == ("ok", "v1", 1, 5)
    assert told["last_refusal"] is None


def test_a_service_without_a_handover_is_up_but_not_ready(tmp_path: Path) -> None:
    service = ExecutorService(tmp_path)
    told = service.health()
    assert told["status"] == "unavailable"
    assert "grekko demo" in told["reason"]
    assert told["last_refusal"]["error"] == "Unavailable"
    with pytest.raises(Unavailable):
        service.pools()


def test_metrics_follow_decisions_and_the_model(service: ExecutorService, folder: Path, tmp_path: Path) -> None:
    service.swap("WETH", "USDC", WEI)
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    service.refresh()
    service.swap("WETH", "USDC", WEI)
    page = service.telemetry.text().decode()
    assert 'grekko_decisions_total{action="now",model_version="v1"} 1.0' in page
    assert 'grekko_decisions_total{action="split",model_version="v2"} 1.0' in page
    assert page.count("grekko_model_version{") == 1 and 'model_version="v2"' in page
    assert "grekko_handover_generation 2.0" in page


def test_a_rollback_is_told_in_the_metrics(service: ExecutorService, folder: Path, tmp_path: Path) -> None:
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    service.refresh()
    service.rollback()
    assert service.health()["model_version"] == "v1"
    page = service.telemetry.text().decode()
    assert 'model_version="v1",policy=' in page and "grekko_model_generation 3.0" in page
    assert "grekko_handover_generation 2.0" in page, "the newer pools stay"
