"""The journal in memory: what is appended is durable, what cannot follow is not written, a failure leaves nothing half done."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from executor.journal import Journal, MemoryStore
from executor.journal.journal import MOST_IN_A_COMMIT
from executor.journal.verification import verify
from executor.orders import Entry, State, entry_of
from executor.ports import SystemClock
from tests.executor.journal.lives import (
    NOON,
    broadcast,
    ended,
    intent,
    routed,
    seen,
    signed,
    simulated,
    unseen,
    until_signed,
    whole,
)


class Gate:
    """A clock whose waits end when the test says so."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.waiting = asyncio.Event()

    def now(self):
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.waiting.set()
        await self.opened.wait()


async def opened(store: MemoryStore, **told) -> Journal:
    return await Journal.open(store, SystemClock(), **told)


def told(journal: Journal) -> list[str]:
    return [row.entry.kind for row in journal.entries()]


def test_an_appended_life_is_the_order_before_and_after_a_crash():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        for entry in whole():
            await journal.append(entry)
        assert journal.orders["a"].state is State.FINAL
        again = await opened(store)
        assert again.orders["a"] == journal.orders["a"]
        assert again.head == journal.head == (7, store.rows[-1].hash)
        assert told(again)[1:] == [entry.kind for entry in whole()]

    asyncio.run(story())


def test_a_journal_is_bound_to_the_name_it_was_begun_with():
    async def story():
        store = MemoryStore()
        assert (await opened(store, name="eip155:1")).name == "eip155:1"
        assert (await opened(store)).name == "eip155:1"
        with pytest.raises(BadInput, match="of eip155:1, not of eip155:56"):
            await opened(store, name="eip155:56")

    asyncio.run(story())


def test_an_entry_that_cannot_follow_is_refused_and_not_written():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await journal.append(intent())
        for entry in (ended(State.FINAL), intent(), routed("nobody"), unseen()):
            with pytest.raises(Broken):
                await journal.append(entry)
        assert len(store.rows) == 2

    asyncio.run(story())


def test_entries_appended_together_are_written_all_or_none():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        with pytest.raises(Broken, match="cannot follow"):
            await journal.append(intent(), routed(), ended(State.FINAL))
        assert len(store.rows) == 1 and "a" not in journal.orders
        rows = await journal.append(*until_signed())
        assert [row.seq for row in rows] == [1, 2, 3, 4] and store.commits == 2

    asyncio.run(story())


def test_facts_that_are_not_those_of_their_kind_are_refused_before_they_poison_the_journal():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        with pytest.raises(Broken, match="are not those of such an entry"):
            await journal.append(intent(), entry_of(State.ROUTED, "a", NOON, {"legs": 3}))
        with pytest.raises(Broken, match="begins with the request of order b"):
            await journal.append(Entry(State.INTENT, "a", NOON, intent("b").facts))
        with pytest.raises(BadInput, match="cannot be written down"):
            await journal.append(Entry("kill_switch", None, NOON, {"by": object()}))
        assert len(store.rows) == 1

    asyncio.run(story())


def test_a_nonce_is_never_signed_for_two_orders():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await journal.append(*until_signed("a", nonce=7, tx="a"))
        with pytest.raises(Broken, match="Nonce 7 belongs to order a"):
            await journal.append(*until_signed("b", nonce=7, tx="b"))
        again = await opened(store)
        with pytest.raises(Broken, match="Nonce 7 belongs to order a"):
            await again.append(*until_signed("b", nonce=7, tx="b"))
        both = await asyncio.gather(
            again.append(*until_signed("c", nonce=8, tx="c")), again.append(*until_signed("d", nonce=8, tx="d")), return_exceptions=True
        )
        assert isinstance(both[1], Broken) and not isinstance(both[0], BaseException)
        await again.append(signed("a", nonce=7, tx="dearer"))
        await again.append(intent("e", account="0xother"), routed("e"), simulated("e"), signed("e", nonce=7, tx="e"))

    asyncio.run(story())


def test_words_of_the_desk_are_kept_beside_the_orders():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await journal.append(Entry("kill_switch", None, NOON, {"by": "an operator"}))
        assert len(journal.orders) == 0 and told(journal) == ["journal_begun", "kill_switch"]
        assert await journal.append() == ()

    asyncio.run(story())


def test_what_is_unfinished_is_found_without_looking_at_what_has_ended():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await journal.append(*whole("done", 1, "x"), *until_signed("going", 2, "y"), intent("new"))
        await journal.append(intent("paper", "paper"), routed("paper"), simulated("paper"))
        again = await opened(store)
        assert [order.order_id for order in again.orders.unfinished()] == ["going", "new"]
        assert list(again.orders) == ["done", "going", "new", "paper"] and "paper" in again.orders
        assert again.entries("nobody") == ()
        with pytest.raises(KeyError):
            again.orders["nobody"]

    asyncio.run(story())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=60))
def test_for_any_crowd_of_appenders_few_commits_carry_all(crowd):
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        before = store.commits
        await asyncio.gather(*(journal.append(*until_signed(f"o{n}", n, f"t{n}")[:count]) for n, count in enumerate(crowd)))
        assert store.commits - before == 1
        assert len(store.rows) == 1 + sum(crowd)
        assert verify(store.rows).holds

    asyncio.run(story())


def test_who_arrives_while_a_commit_is_under_way_shares_the_next():
    async def story():
        gate = Gate()
        gate.opened.set()
        store = MemoryStore(gate, latency_seconds=0.01)
        journal = await Journal.open(store, gate)
        gate.opened.clear()
        gate.waiting.clear()
        first = asyncio.create_task(journal.append(intent("first")))
        await gate.waiting.wait()
        others = [asyncio.create_task(journal.append(intent(f"o{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        assert not first.done()
        gate.opened.set()
        await asyncio.gather(first, *others)
        assert store.commits == 3

    asyncio.run(story())


def test_a_very_large_crowd_is_split_so_that_nobody_waits_long():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await asyncio.gather(*(journal.append(intent(f"o{n}")) for n in range(MOST_IN_A_COMMIT + 1)))
        assert store.commits == 3 and len(journal.orders) == MOST_IN_A_COMMIT + 1

    asyncio.run(story())


def test_a_full_disk_fails_every_appender_and_the_journal_goes_on_when_there_is_space():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await journal.append(intent("a"))
        head, store.full = journal.head, True
        answers = await asyncio.gather(journal.append(routed("a")), journal.append(intent("b")), return_exceptions=True)
        assert [type(answer) for answer in answers] == [JournalUnavailable] * 2
        assert journal.head == head and "b" not in journal.orders and journal.orders["a"].state is State.INTENT
        store.full = False
        await asyncio.gather(journal.append(routed("a")), journal.append(intent("b")))
        assert (await opened(store)).orders == journal.orders

    asyncio.run(story())


def test_a_failed_commit_never_lets_its_followers_build_on_it():
    async def story():
        gate = Gate()
        gate.opened.set()
        store = MemoryStore(gate, latency_seconds=0.01)
        journal = await Journal.open(store, gate)
        gate.opened.clear()
        gate.waiting.clear()
        store.full = True
        begin = asyncio.create_task(journal.append(intent("a")))
        await gate.waiting.wait()
        follow = asyncio.create_task(journal.append(routed("a")))
        await asyncio.sleep(0)
        gate.opened.set()
        answers = await asyncio.gather(begin, follow, return_exceptions=True)
        assert [type(answer) for answer in answers] == [JournalUnavailable, Broken]

    asyncio.run(story())


def test_rows_that_were_written_although_the_answer_was_lost_count_as_written():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        store.forgets_to_answer = True
        await journal.append(intent("a"))
        assert journal.head[0] == 1 and journal.orders["a"].state is State.INTENT
        store.forgets_to_answer = False
        await journal.append(routed("a"))
        assert verify(store.rows).holds

    asyncio.run(story())


def test_an_appender_that_gives_up_in_time_leaves_nothing_behind():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        task = asyncio.create_task(journal.append(intent("a")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, journal.append(intent("b")), return_exceptions=True)
        assert list(journal.orders) == ["b"]

    asyncio.run(story())


def test_an_appender_that_gives_up_during_the_commit_harms_nobody_and_the_journal_knows():
    async def story():
        gate = Gate()
        gate.opened.set()
        store = MemoryStore(gate, latency_seconds=0.01)
        journal = await Journal.open(store, gate)
        gate.opened.clear()
        gate.waiting.clear()
        leaves, stays = (asyncio.create_task(journal.append(intent(name))) for name in "ab")
        await gate.waiting.wait()
        leaves.cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        await stays
        assert list(journal.orders) == ["a", "b"] and leaves.cancelled()

    asyncio.run(story())


@pytest.mark.parametrize("written", [False, True])
def test_a_commit_that_was_cut_off_is_settled_before_the_next(written):
    """The loop goes down mid-commit: whoever waits is told, and the next append first learns what is there."""

    async def story():
        gate = Gate()
        gate.opened.set()
        store = MemoryStore(gate, latency_seconds=0.01)
        journal = await Journal.open(store, gate)
        gate.opened.clear()
        gate.waiting.clear()
        task = asyncio.create_task(journal.append(intent("a")))
        await gate.waiting.wait()
        if written:
            store.rows.extend(journal._doubtful)
        assert journal._committer is not None
        journal._committer.cancel()
        with pytest.raises(JournalUnavailable, match="stopped before"):
            await task
        gate.opened.set()
        await journal.append(intent("b"))
        assert list(journal.orders) == (["a", "b"] if written else ["b"])
        assert verify(store.rows).holds

    asyncio.run(story())


def test_the_owner_before_a_restart_can_write_no_more():
    async def story():
        store = MemoryStore()
        zombie = await opened(store)
        owner = await opened(store)
        await owner.append(intent("a"))
        with pytest.raises(JournalHeld, match="stop this one"):
            await zombie.append(intent("b"))
        assert [order for order in (await opened(store)).orders] == ["a"]

    asyncio.run(story())


class Overtaken(MemoryStore):
    """Another executor takes over just before a commit, whose answer is then lost."""

    async def commit(self, rows):
        if self.forgets_to_answer:
            self.forgets_to_answer = False
            await (await opened(self)).append(intent("theirs"))
            raise JournalUnavailable("The connection was lost.")
        await super().commit(rows)


def test_rows_of_another_owner_are_never_taken_for_ones_own():
    async def story():
        store = Overtaken()
        journal = await opened(store)
        store.forgets_to_answer = True
        for name in ("mine", "mine as well"):
            with pytest.raises(JournalHeld, match="since"):
                await journal.append(intent(name))
        assert list((await opened(store)).orders) == ["theirs"]

    asyncio.run(story())


def test_a_broken_journal_is_not_opened_and_the_seq_is_named():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await journal.append(*whole())
        store.rows[3] = store.rows[3]._replace(text=store.rows[3].text.replace("180000", "180001"))
        with pytest.raises(Broken, match="hash of entry 3") as caught:
            await opened(store)
        assert caught.value.facts["seq"] == 3

    asyncio.run(story())


def test_a_closed_journal_finishes_what_is_under_way_and_takes_nothing_more():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        last = asyncio.create_task(journal.append(intent("a")))
        await asyncio.sleep(0)
        await journal.close()
        await last
        with pytest.raises(JournalUnavailable, match="closed"):
            await journal.append(intent("b"))
        assert list((await opened(store)).orders) == ["a"]

    asyncio.run(story())


def test_a_reorg_and_dearer_attempts_are_lives_too():
    async def story():
        store = MemoryStore()
        journal = await opened(store)
        await journal.append(*until_signed(), broadcast(), seen(), unseen(), signed(tx="dearer"), broadcast(tx="dearer"))
        await journal.append(seen(tx="dearer"), ended(State.FINAL, tx="dearer"))
        assert journal.orders["a"].is_terminal and len(journal.orders["a"].attempts) == 2

    asyncio.run(story())
