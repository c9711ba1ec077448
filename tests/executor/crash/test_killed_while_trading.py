"""`kill -9` at every transition of an order that lands, gets stuck or is refused, crossed with all that may go wrong meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.executor.crash.matrix import TROUBLES, Chain, column, transitions
from tests.executor.desk.planted import a_fresh_nonce_on_retry, a_receipt_is_the_end, sent_before_it_is_durable


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("story", ["lands", "is_stuck_and_cancelled", "is_refused"])
def test_no_kill_loses_doubles_or_wrongly_ends_an_order(chain: Chain, folder: Path, story: str, trouble: str):
    count, faults = column(chain, folder, story, trouble)
    assert faults == []
    assert count >= 6


def test_the_matrix_finds_the_transitions_by_itself(chain: Chain, folder: Path):
    assert [one for one in transitions(chain, folder, "lands") if "before" in one] == [
        "before the commit of journal_begun",
        "before the commit of intent",
        "before the commit of routed+simulated+signed",
        "before sending",
        "before the commit of broadcast",
        "before the commit of seen",
        "before the commit of final",
    ]
    stuck = transitions(chain, folder, "is_stuck_and_cancelled")
    assert {"after the commit of signed", "after the commit of cancel_asked+signed", "after the commit of abandoned"} <= set(stuck)


def test_a_planted_fresh_nonce_on_retry_is_caught(chain: Chain, folder: Path, monkeypatch: pytest.MonkeyPatch):
    a_fresh_nonce_on_retry(monkeypatch)
    _, faults = column(chain, folder, "lands", "nothing")
    assert any("swapped 2 times (after the commit of routed+simulated+signed)" in fault for fault in faults)


def test_a_planted_sending_before_the_journal_is_caught(chain: Chain, folder: Path, monkeypatch: pytest.MonkeyPatch):
    sent_before_it_is_durable(monkeypatch)
    _, faults = column(chain, folder, "lands", "full disk")
    assert any("swapped" in fault for fault in faults)


def test_a_planted_end_by_receipt_is_caught(chain: Chain, folder: Path, monkeypatch: pytest.MonkeyPatch):
    a_receipt_is_the_end(monkeypatch)
    with pytest.raises(AssertionError, match="ended final and swapped 0 times"):
        column(chain, folder, "is_taken_back", "nothing")
