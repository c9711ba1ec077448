"""Lots: first in, first out, and not a millionth of a dollar lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.profit.lots import Closing, Lot, LotQueue, Method

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
AMOUNTS = st.integers(-(10**24), 10**24)
VALUES = st.integers(0, 10**12)
MOVES = st.lists(st.tuples(AMOUNTS, VALUES), max_size=30)


def moved(*moves: tuple[int, int]) -> tuple[LotQueue, list[Closing]]:
    queue, closed = LotQueue(), []
    for number, (amount, value) in enumerate(moves):
        closed += queue.move(amount, value, NOON, f"trade-{number}")
    return queue, closed


def test_what_was_bought_first_is_sold_first():
    queue, closed = moved((10, 100), (10, 200), (-15, -300))

    assert [(piece.opened_by, piece.amount, piece.gain_micro_usd) for piece in closed] == [("trade-0", 10, 100), ("trade-1", 5, 0)]
    assert queue.lots == (Lot(NOON, "trade-1", 5, 100),)


def test_selling_more_than_is_held_opens_a_short_that_the_next_purchase_closes():
    queue, closed = moved((10, 100), (-30, -600), (5, 50))

    assert queue.lots == (Lot(NOON, "trade-1", -15, -300),)
    assert [piece.gain_micro_usd for piece in closed] == [100, 50]  # bought at 10 and sold at 20; sold at 20 and bought back at 10
    assert closed[1].amount == -5


def test_a_purchase_past_the_short_becomes_a_lot_of_its_own():
    queue, closed = moved((-10, -100), (25, 500))

    assert queue.lots == (Lot(NOON, "trade-1", 15, 300),)
    assert [piece.gain_micro_usd for piece in closed] == [-100]


def test_a_trade_that_brought_nothing_is_a_loss_at_once():
    queue, closed = moved((0, 70))

    assert queue.lots == ()
    assert [piece.gain_micro_usd for piece in closed] == [-70]


def test_an_odd_cost_is_shared_out_to_the_last_millionth():
    queue, closed = moved((3, 100), (-1, -50), (-1, -50), (-1, -50))

    assert [piece.cost_micro_usd for piece in closed] == [33, 34, 33]
    assert queue.lots == ()


@given(MOVES)
def test_for_any_moves_gains_are_the_cost_left_minus_the_values_moved_in(moves):
    signed = [(amount, value if amount >= 0 else -value) for amount, value in moves]

    queue, closed = moved(*signed)

    assert sum(piece.gain_micro_usd for piece in closed) == queue.cost_micro_usd - sum(value for _, value in signed)
    assert queue.amount == sum(amount for amount, _ in signed)


@given(MOVES)
def test_for_any_moves_lots_are_all_long_or_all_short_and_costs_never_change_sides(moves):
    queue, closed = moved(*((amount, value if amount >= 0 else -value) for amount, value in moves))

    assert len({lot.amount > 0 for lot in queue.lots}) <= 1
    assert all(lot.amount and lot.amount * lot.cost_micro_usd >= 0 for lot in queue.lots)
    assert all(piece.amount * piece.cost_micro_usd >= 0 for piece in closed)


@given(st.lists(st.tuples(st.integers(1, 10**9), VALUES), min_size=1, max_size=12))
def test_for_any_purchases_selling_everything_earns_the_same_in_any_order_of_lots(purchases):
    """First in first out, last in first out and average cost differ in when a gain is taken, never in how much."""
    held, cost = sum(amount for amount, _ in purchases), sum(value for _, value in purchases)
    forward, backward = LotQueue(), LotQueue()
    for queue, order in ((forward, purchases), (backward, purchases[::-1])):
        for amount, value in order:
            queue.move(amount, value, NOON, "bought")

    gains = [sum(piece.gain_micro_usd for piece in queue.move(-held, -(10**9), NOON, "sold")) for queue in (forward, backward)]

    assert gains == [10**9 - cost, 10**9 - cost]


def test_what_was_bought_last_is_sold_first_by_lifo_and_a_part_of_all_by_average_cost():
    lots = (Lot(NOON, "trade-0", 10, 100), Lot(NOON, "trade-1", 10, 200))
    newest, average = LotQueue(lots, Method.LIFO), LotQueue(lots, Method.AVERAGE)

    assert [(piece.opened_by, piece.gain_micro_usd) for piece in newest.move(-10, -300, NOON, "sold")] == [("trade-1", 100)]
    assert newest.lots == lots[:1]
    assert [piece.gain_micro_usd for piece in average.move(-10, -300, NOON, "sold")] == [150]
    assert average.lots == (Lot(NOON, "trade-0", 10, 150),)


@pytest.mark.parametrize("method", list(Method))
@given(MOVES, st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_for_any_moves_those_taken_back_leave_the_queue_as_it_was(method, moves, kept):
    queue, states = LotQueue(method=method), []
    for number, (amount, value) in enumerate(moves):
        before = queue.lots
        queue.move(amount, value if amount >= 0 else -value, NOON, f"trade-{number}")
        states.append((before, queue.changes))
    for before, changes in reversed(states[kept:]):
        queue.take_back(changes)
        assert queue.lots == before
