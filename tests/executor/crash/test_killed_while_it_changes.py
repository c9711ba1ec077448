"""`kill -9` at every transition of an order that is cancelled, taken back, replaced or held up, crossed with all that may go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.executor.crash.matrix import TROUBLES, Chain, column, transitions


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("story", ["is_cancelled_on_request", "is_taken_back", "is_replaced", "waits_behind_a_gap"])
def test_no_kill_loses_doubles_or_wrongly_ends_an_order(chain: Chain, folder: Path, story: str, trouble: str):
    count, faults = column(chain, folder, story, trouble)
    assert faults == []
    assert count >= 10


def test_the_stories_pass_what_they_are_about(chain: Chain, folder: Path):
    assert "after the commit of cancel_asked+signed" in transitions(chain, folder, "is_cancelled_on_request")
    assert "after the commit of unseen" in transitions(chain, folder, "is_taken_back")
    assert "after the commit of foreign_nonce+replaced" in transitions(chain, folder, "is_replaced")
    assert "after the commit of gap_filled" in transitions(chain, folder, "waits_behind_a_gap")
