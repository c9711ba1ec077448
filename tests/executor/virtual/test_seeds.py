"""Seeds of trouble: the whole desk in virtual time, with kills, lies, reorgs, cancellations, a foreign user and a full disk.

GREKKO_SEEDS sets how many of them (300 by default); a failing seed is told with the command that tells its story.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.executor.desk.planted import BUGS
from tests.executor.virtual.trouble import Told, trouble
from tests.untraced import untraced

SEEDS = int(os.environ.get("GREKKO_SEEDS", "300"))
GROUPS = 10


def told_as_command(told: Told) -> str:
    """What to type to see it again, and what is wrong."""
    return f"python -m tests.executor.virtual.trouble {told.seed}  # {'; '.join(told.faults)}"


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_seed_loses_doubles_or_wrongly_ends_an_order(group: int):
    seeds = range(group, SEEDS, GROUPS)
    stories = [trouble(seed) for seed in seeds[:3]]
    with untraced():
        stories += [trouble(seed) for seed in seeds[3:]]
    failed = [told_as_command(told) for told in stories if told.faults]
    assert failed == [], "\n".join(failed)


def test_the_same_seed_gives_the_same_journal_to_the_last_hash():
    with untraced():
        heads = [trouble(seed).head for seed in range(21)]
        again = [trouble(seed).head for seed in range(21)]
    assert heads == again
    assert all(one != other for one, other in pairwise(heads))


def test_the_seeds_lead_through_everything_an_order_can_meet():
    with untraced():
        stories = [trouble(seed) for seed in range(200)]
    passed = {kind for told in stories for one in told.transitions for kind in one.split()[-1].split("+")}
    kinds = {"signed", "sending", "broadcast", "seen", "unseen", "final", "replaced", "abandoned", "refused", "cancel_asked"}
    assert kinds | {"foreign_nonce", "gap_filled"} <= passed
    attempts = [[one.purpose for one in order.attempts] for told in stories for order in told.orders.values()]
    assert any(purposes.count("swap") > 1 for purposes in attempts)
    assert any(purposes.count("cancel") > 1 for purposes in attempts)
    assert sum(told.reorgs for told in stories) > 200
    assert sum(told.lives for told in stories) > 1_000


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught_within_a_few_seeds(bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch):
    bug(monkeypatch)
    with untraced():
        caught = next(told for told in map(trouble, range(100)) if told.faults)
    assert told_as_command(caught).startswith(f"python -m tests.executor.virtual.trouble {caught.seed}  # {caught.seed}-")


def test_real_signatures_make_no_difference_to_what_must_hold():
    from tests.executor.crash.keys import RealSigner

    for seed in range(2_000, 2_010):
        assert trouble(seed, signer=RealSigner(seed.to_bytes(32))).faults == []
