"""Arrivals: the first time that a block is heard of counts, and it is told once."""

from __future__ import annotations

from executor.arrivals import Arrivals
from executor.virtual.loop import VirtualClock, VirtualLoop


def test_a_block_s_arrival_is_told_once_and_not_remembered_for_ever() -> None:
    loop = VirtualLoop()
    arrivals = Arrivals(VirtualClock(loop))
    arrivals.note("a")
    loop._seconds += 2
    arrivals.note("a")
    assert (arrivals.age("a"), arrivals.age("a"), arrivals.age("b"), arrivals.age(None)) == (2.0, None, None, None)
    for number in range(300):
        arrivals.note(str(number))
    assert arrivals.age("0") is None and arrivals.age("299") == 0.0
