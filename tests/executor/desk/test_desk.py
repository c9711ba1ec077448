"""The desk takes an order once, sees it through, and says what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.problems import (
    BadInput,
    Broken,
    GuardRefused,
    JournalHeld,
    JournalUnavailable,
    OrderConflict,
    Refused,
    Unavailable,
    UnknownOrder,
)
from executor.chain.node import NodeRefused
from executor.desk import DeskSettings
from executor.journal import Journal
from executor.orders import Fees, State
from executor.virtual.chain import GWEI, ROUTER
from executor.virtual.transactions import CheapSigner
from tests.executor.desk.floor import Floor, on_a_floor
from tests.executor.desk.stand_ins import ACCOUNT, BUY, SELL, request


def test_an_order_lives_from_intent_to_a_final_swap():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        order = await desk.submit(request())
        assert order.state is State.BROADCAST
        await floor.blocks(8, desk)
        order = desk.order("one")
        assert floor.kinds() == ["intent", "routed", "simulated", "signed", "broadcast", "seen", "final"]
        assert order.outcome is not None and order.outcome.status == 1
        assert (order.outcome.amount_in, order.outcome.amount_out, order.outcome.gas_used) == (1_000, 2_000, 90_000)
        assert order.outcome.effective_gas_price == 2 * GWEI
        assert [entry.kind for entry in floor.heard] == floor.kinds()

    on_a_floor(story)


def test_the_node_may_say_itself_what_is_final():
    async def story(floor: Floor) -> State:
        desk = await floor.open()
        await desk.submit(request())
        await floor.blocks(8, desk)
        return desk.order("one").state

    assert on_a_floor(story, settings=DeskSettings(None)) is State.FINAL


@pytest.mark.parametrize("mode", ["simulate", "paper"])
def test_without_a_key_an_order_ends_rehearsed_and_nothing_is_sent(mode: str):
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        order = await desk.submit(request())
        assert order.state is State.SIMULATED and order.is_terminal
        assert order.account is None and desk.account is None
        await desk.resume()
        await desk.look()
        assert floor.chain.sent == {}

    on_a_floor(story, mode=mode)


def test_a_key_comes_with_live_mode_and_with_no_other():
    async def story(floor: Floor) -> None:
        with pytest.raises(BadInput, match="key"):
            await floor.open(signer=None)
        with pytest.raises(BadInput, match="key"):
            await floor.open(mode="paper")

    on_a_floor(story)


def test_the_same_request_gives_the_same_order_and_another_is_refused():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        together = await asyncio.gather(*(desk.submit(request()) for _ in range(5)))
        assert len({order.attempts[0].tx_hash for order in together}) == 1
        assert (await desk.submit(replace(request(), sell=SELL.upper().replace("0X", "0x")))).nonce == 0
        with pytest.raises(OrderConflict):
            await desk.submit(request(amount=7))
        again = await floor.open()
        assert (await again.submit(request())).attempts == together[0].attempts
        with pytest.raises(OrderConflict):
            await again.submit(request(amount=7))
        assert len(floor.chain.sent) == 1

    on_a_floor(story)


def test_another_request_with_the_id_is_refused_while_the_first_is_on_its_way():
    async def story(floor: Floor) -> None:
        floor.lies.latency_seconds = 1.0
        desk = await floor.open()
        first = asyncio.create_task(desk.submit(request()))
        await floor.clock.sleep(0.01)
        with pytest.raises(OrderConflict):
            await desk.submit(request(amount=7))
        await first

    on_a_floor(story)


def test_an_order_goes_on_when_whoever_asked_goes_away():
    async def story(floor: Floor) -> State:
        floor.lies.latency_seconds = 1.0
        desk = await floor.open()
        asking = asyncio.create_task(desk.submit(request()))
        await floor.clock.sleep(0.01)
        asking.cancel()
        await floor.clock.sleep(30)
        await desk.close()
        return desk.order("one").state

    assert on_a_floor(story) is State.BROADCAST


@pytest.mark.parametrize(
    ("stage", "kinds"),
    [
        ("intent", ["intent", "refused"]),
        ("routed", ["intent", "routed", "refused"]),
        ("simulated", ["intent", "routed", "simulated", "refused"]),
        ("sign", ["intent", "routed", "simulated", "refused"]),
    ],
)
def test_a_guard_may_say_no_at_every_stage_and_is_named(stage: str, kinds: list[str]):
    async def story(floor: Floor) -> None:
        floor.guards.at.add(stage)
        order = await (await floor.open()).submit(request())
        assert floor.kinds() == kinds
        assert order.refusal == {"rule": "kill_switch", "stage": stage, "message": f"not at {stage}"}
        assert floor.chain.sent == {}

    on_a_floor(story)


def test_a_signer_that_refuses_signs_nothing_and_burns_no_nonce():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        sign = floor.signer.sign

        def refuse(transaction: Any) -> Any:
            raise GuardRefused("restricted_router", "the key is not for this router")

        floor.signer.sign = refuse  # type: ignore[method-assign]
        order = await desk.submit(request())
        assert order.refusal is not None and order.refusal["rule"] == "restricted_router"
        floor.signer.sign = sign  # type: ignore[method-assign]
        assert (await desk.submit(request("two"))).nonce == 0

    on_a_floor(story)


def test_the_guards_see_what_is_unfinished_without_looking_at_a_long_journal():
    async def story(floor: Floor) -> None:
        unfinished: list[list[str]] = []

        def look(stage: Any, order: Any, orders: Any, now: Any) -> None:
            if stage == "sign":
                unfinished.append(sorted(one.order_id for one in orders.unfinished()))
                assert len(list(orders)) == len(orders)

        floor.guards.check = look  # type: ignore[method-assign]
        desk = await floor.open()
        await desk.submit(request("one"))
        await floor.blocks(8, desk)
        await desk.submit(request("two"))
        await desk.submit(request("three"))
        assert unfinished == [["one"], ["two"], ["three", "two"]]

    on_a_floor(story)


def test_two_orders_at_once_are_seen_by_the_guards_before_either_is_written():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await asyncio.gather(desk.submit(request("one")), desk.submit(request("two")))
        assert ("sign", 2) in floor.guards.asked
        assert floor.guards.asked[-1] == ("sign", 2)

    on_a_floor(story)


def test_what_the_planner_or_the_rehearsal_cannot_do_refuses_the_order():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        floor.planner.fails.append(Unavailable("the mirror is behind", rule="stale_state", lag_blocks=3))
        order = await desk.submit(request("one"))
        assert order.refusal is not None and order.refusal["rule"] == "stale_state"
        floor.rehearsal.fails.append(NodeRefused("execution reverted", data=b"\x01"))
        order = await desk.submit(request("two"))
        assert order.refusal == {"rule": "node_refused", "message": "execution reverted", "data": "b'\\x01'"}
        floor.gas.budget_wei = 1
        order = await desk.submit(request("three"))
        assert order.refusal is not None and order.refusal["rule"] == "gas_budget"
        assert order.refusal["symbol"] == f"{SELL}/{BUY}"

    on_a_floor(story)


def test_a_node_that_does_not_count_refuses_the_order_and_burns_no_nonce():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        floor.lies.silence = 1.0
        order = await desk.submit(request())
        assert order.refusal is not None and order.refusal["rule"] == "unavailable"
        floor.lies.silence = 0.0
        assert (await desk.submit(request("two"))).nonce == 0

    on_a_floor(story)


def test_a_plan_that_is_too_old_is_made_again_and_then_refused():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await floor.blocks(10)
        floor.planner.plans_block = 3
        order = await desk.submit(request())
        assert floor.planner.planned == 4
        assert order.refusal is not None and order.refusal["rule"] == "stale_state"

    on_a_floor(story)


def test_the_rehearsal_may_leave_the_fees_to_the_desk():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        rehearse = floor.rehearsal.rehearse

        async def without_fees(*args: object) -> object:
            return replace(await rehearse(*args), fees=None)  # type: ignore[arg-type]

        floor.rehearsal.rehearse = without_fees  # type: ignore[method-assign, assignment]
        order = await desk.submit(request())
        assert order.rehearsed is not None and order.rehearsed.fees == await floor.gas.fees()
        assert order.rehearsed.max_cost_wei == 120_000 * 3 * GWEI

    on_a_floor(story)


def test_a_full_disk_accepts_nothing_and_sends_nothing():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        floor.store.full = True
        with pytest.raises(JournalUnavailable):
            await desk.submit(request())
        assert floor.chain.sent == {}
        with pytest.raises(UnknownOrder):
            desk.order("one")
        floor.store.full = False
        assert (await desk.submit(request())).nonce == 0

    on_a_floor(story)


def test_a_disk_that_fills_up_before_the_signature_keeps_the_order_and_its_nonce():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        plan = floor.planner.plan

        async def plan_and_fill(*args: object) -> object:
            await floor.clock.sleep(1)
            floor.store.full = True
            return await plan(*args)  # type: ignore[arg-type]

        floor.planner.plan = plan_and_fill  # type: ignore[method-assign, assignment]
        with pytest.raises(JournalUnavailable):
            await desk.submit(request())
        assert floor.kinds() == ["intent"] and floor.chain.sent == {}
        floor.store.full, floor.planner.plan = False, plan  # type: ignore[method-assign]
        assert (await desk.submit(request("two"))).nonce == 0
        await desk.look()
        assert desk.order("one").nonce == 1

    on_a_floor(story)


def test_an_order_whose_commit_only_seemed_lost_is_sent_as_it_was_signed():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        commit, load = floor.store.commit, floor.store.load

        async def write_and_break(rows: list) -> None:
            await commit(rows)
            if any(row.about[0] == "signed" for row in rows):
                floor.store.load = broken  # type: ignore[method-assign]
                raise JournalUnavailable("no answer")

        async def broken(after: int = -1) -> list:
            raise JournalUnavailable("no answer")

        floor.store.commit = write_and_break  # type: ignore[method-assign, assignment]
        with pytest.raises(JournalUnavailable):
            await desk.submit(request())
        assert floor.chain.sent == {}
        floor.store.commit, floor.store.load = commit, load  # type: ignore[method-assign]
        assert (await desk.submit(request("two"))).nonce == 1  # 0 belongs to the first after all
        await desk.look()
        assert desk.order("one").nonce == 0
        assert desk.order("one").state is State.BROADCAST

    on_a_floor(story)


def test_an_order_is_given_up_at_once_while_nothing_is_signed():
    async def story(floor: Floor) -> None:
        floor.lies.latency_seconds = 1.0
        desk = await floor.open()
        submitting = asyncio.create_task(desk.submit(request()))
        await floor.clock.sleep(0.001)
        cancelled = await desk.cancel("one")
        assert (await submitting).state is State.ABANDONED
        assert cancelled.outcome is not None and cancelled.outcome.reason == "cancelled before anything was signed"
        assert floor.chain.sent == {}

    on_a_floor(story)


def test_a_signed_order_is_cancelled_by_a_transaction_for_its_nonce():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request())
        order = await desk.cancel("one")
        assert [one.purpose for one in order.attempts] == ["swap", "cancel"]
        assert order.attempts[1].max_fee_per_gas * 8 >= order.attempts[0].max_fee_per_gas * 9
        assert len((await desk.cancel("one")).attempts) == 2
        await floor.blocks(8, desk)
        order = desk.order("one")
        assert order.state is State.ABANDONED
        assert order.outcome is not None and order.outcome.tx_hash == order.attempts[1].tx_hash
        assert await desk.cancel("one") == order
        with pytest.raises(UnknownOrder):
            await desk.cancel("two")

    on_a_floor(story)


def test_a_cancellation_waits_for_fees_when_the_node_tells_none():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request())
        fees = floor.gas.fees

        async def silent() -> object:
            raise Unavailable("no fees")

        floor.gas.fees = silent  # type: ignore[method-assign, assignment]
        assert (await desk.cancel("one")).cancel_asked
        floor.gas.fees = fees  # type: ignore[method-assign]
        await desk.look()
        assert [one.purpose for one in desk.order("one").attempts] == ["swap", "cancel"]

    on_a_floor(story)


def test_what_a_block_has_is_not_cancelled_unless_the_block_is_taken_back():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request())
        await floor.blocks(1, desk)
        assert len((await desk.cancel("one")).attempts) == 1
        floor.chain.reorg(1, forgotten=1.0)
        await desk.look()
        assert floor.kinds()[-3:] == ["unseen", "signed", "broadcast"]
        assert desk.order("one").attempts[-1].purpose == "cancel"

    on_a_floor(story)


def test_at_its_deadline_an_order_is_cancelled_and_the_chain_decides():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request(valid_for=60))
        first = floor.chain.pool[ACCOUNT, 0]
        await floor.clock.sleep(61)
        await desk.look()
        assert floor.kinds()[-3:] == ["cancel_asked", "signed", "broadcast"]
        floor.chain.pool[ACCOUNT, 0] = first  # a miner who knows only the swap
        await floor.blocks(8, desk)
        order = desk.order("one")
        assert order.state is State.FINAL  # and it reverted, because its time was over
        assert order.outcome is not None and (order.outcome.status, order.outcome.amount_out) == (0, 0)

    on_a_floor(story)


def test_a_stuck_order_offers_more_when_the_market_asks_for_it_and_the_budget_allows():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request(valid_for=1_000))
        floor.chain.base_fee = 20 * GWEI
        floor.gas.budget_wei = 1
        await floor.blocks(8, desk)
        assert len(desk.order("one").attempts) == 1
        floor.gas.budget_wei = 10**18
        await floor.blocks(8, desk)
        swaps = desk.order("one").attempts
        assert [one.purpose for one in swaps] == ["swap", "swap"]
        assert swaps[1].max_fee_per_gas == 41 * GWEI
        assert desk.order("one").state is State.FINAL

    on_a_floor(story)


def test_a_stuck_cancellation_offers_more_whatever_the_budget():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request())
        await desk.cancel("one")
        floor.chain.base_fee = 20 * GWEI
        floor.gas.budget_wei = 1
        await floor.blocks(12, desk)
        assert [one.purpose for one in desk.order("one").attempts] == ["swap", "cancel", "cancel"]
        assert desk.order("one").state is State.ABANDONED

    on_a_floor(story)


def test_an_order_offers_more_when_another_transaction_has_its_place_in_line():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        floor.lies.swallows = 1.0
        order = await desk.submit(request(valid_for=1_000))
        floor.lies.swallows = 0.0
        transaction = {"type": 2, "chainId": 31337, "nonce": 0, "to": ROUTER, "data": "0x", "value": 0, "gas": 21_000}
        fee = order.attempts[0].max_fee_per_gas
        floor.chain.base_fee = 10 * GWEI  # nobody gets into a block
        floor.gas.fees = fees_of(floor)  # type: ignore[method-assign]
        floor.chain.send(floor.signer.sign({**transaction, "maxFeePerGas": fee, "maxPriorityFeePerGas": GWEI})[0])
        await floor.blocks(5, desk)
        assert len(desk.order("one").attempts) == 2
        assert floor.chain.pool[ACCOUNT, 0].hash == desk.order("one").attempts[1].tx_hash

    on_a_floor(story)


def fees_of(floor: Floor) -> Any:
    """A market that asks for little, whatever the blocks do."""

    async def fees() -> Fees:
        return Fees(GWEI, GWEI, GWEI, 0.9, 3)

    return fees


def test_a_nonce_that_turns_out_to_be_anothers_is_not_signed_for_twice():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request("one"))
        assert desk._dispatch is not None
        nonces = desk._dispatch.nonces
        take, given = nonces.take, [0]
        nonces.take = lambda: given.pop() if given else take()  # type: ignore[method-assign]
        assert (await desk.submit(request("two"))).nonce == 1
        append = floor.journal.append

        async def broken(*entries: Any) -> Any:
            if entries[-1].kind == State.SIGNED:
                raise Broken("damaged")
            return await append(*entries)

        floor.journal.append = broken  # type: ignore[method-assign]
        with pytest.raises(Broken, match="damaged"):
            await desk.submit(request("three"))

    on_a_floor(story)


def test_a_gap_before_an_order_is_filled_and_an_orders_nonce_never_is():
    async def story(floor: Floor) -> None:
        desk = await floor.open(settings=DeskSettings(6, gap_after_seconds=24))
        transaction = {"type": 2, "chainId": 31337, "nonce": 0, "to": ROUTER, "data": "0x", "value": 0, "gas": 21_000}
        floor.chain.send(floor.signer.sign({**transaction, "maxFeePerGas": GWEI, "maxPriorityFeePerGas": 1})[0])
        assert (await desk.submit(request(valid_for=1_000))).nonce == 1
        del floor.chain.pool[ACCOUNT, 0]
        await floor.blocks(3, desk)
        filled = [row.entry.facts for row in floor.journal.entries() if row.entry.kind == "gap_filled"]
        assert [facts["nonce"] for facts in filled] == [0]
        floor.chain.pool.pop((ACCOUNT, 0))
        await floor.blocks(12, desk)
        assert desk.order("one").state is State.FINAL
        assert desk._dispatch is not None
        assert await desk._dispatch.fill(1, await floor.gas.fees(), None) is None

    on_a_floor(story)


def test_a_gap_that_turns_out_to_be_an_orders_while_it_is_written_is_left_alone():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request())
        assert desk._dispatch is not None
        nonces, sent = desk._dispatch.nonces, len(floor.chain.sent)
        owned = iter([False, True])
        nonces.is_owned = lambda nonce: next(owned)  # type: ignore[method-assign]
        assert await desk._dispatch.fill(5, await floor.gas.fees(), None) is None
        assert len(floor.chain.sent) == sent

    on_a_floor(story)


def test_the_same_bytes_go_out_again_while_no_block_has_them():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        order = await desk.submit(request())
        floor.chain.pool.clear()
        await floor.clock.sleep(13)
        await desk.look()
        assert floor.chain.pool[ACCOUNT, 0].hash == order.attempts[0].tx_hash
        assert floor.kinds().count("signed") == floor.kinds().count("broadcast") == 1

    on_a_floor(story)


def test_after_a_crash_the_same_bytes_are_sent_within_the_start():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        floor.lies.swallows = 1.0
        order = await desk.submit(request())
        floor.lies.swallows = 0.0
        desk = await floor.open()
        await desk.resume()
        assert floor.chain.pool[ACCOUNT, 0].hash == order.attempts[0].tx_hash
        assert floor.clock.monotonic() < 2

    on_a_floor(story)


def test_a_start_does_not_wait_for_a_node_that_is_silent():
    async def story(floor: Floor) -> None:
        await (await floor.open()).submit(request())
        floor.lies.latency_seconds = 1_000.0
        desk = await floor.open()
        await desk.resume()
        assert floor.clock.monotonic() < 2

    on_a_floor(story)


def test_a_node_of_another_chain_stops_the_start():
    async def story(floor: Floor) -> None:
        await (await floor.open()).submit(request())
        floor.chain.chain_id = 1
        desk = await floor.open(chain_id=31337)
        with pytest.raises(BadInput, match="chain 1 "):
            await desk.resume()

    on_a_floor(story)


def test_what_was_accepted_and_not_signed_is_taken_up_or_given_up():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        floor.guards.check = None  # type: ignore[method-assign, assignment]
        for order_id in ("one", "two", "three"):
            with pytest.raises(TypeError):  # a bug of ours, as good as a crash
                await desk.submit(request(order_id, valid_for=20 if order_id == "two" else 120))
        await desk.cancel("three")
        del floor.guards.check
        await floor.clock.sleep(30)
        desk = await floor.open()
        floor.planner.fails.append(Unavailable("no pools yet"))
        with pytest.raises(Unavailable):
            await desk.look()
        await desk.look()
        assert desk.order("one").state is State.BROADCAST
        two, three = desk.order("two").outcome, desk.order("three").outcome
        assert two is not None and two.reason == "its time was over before it was signed"
        assert three is not None and three.reason == "cancelled before anything was signed"

    on_a_floor(story)


def test_another_key_only_watches_what_the_former_one_signed():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request())
        floor.guards.check = None  # type: ignore[method-assign, assignment]
        with pytest.raises(TypeError):
            await desk.submit(request("two"))
        del floor.guards.check
        floor.signer = CheapSigner("0x" + "ad" * 20)
        desk = await floor.open()
        await desk.look()
        given_up = desk.order("two").outcome
        assert given_up is not None and given_up.reason == "it was accepted for another key"
        assert len((await desk.cancel("one")).attempts) == 1
        await floor.blocks(8, desk)
        assert desk.order("one").state is State.FINAL

    on_a_floor(story)


def test_a_foreign_transaction_with_our_nonce_replaces_the_order_and_later_ones_go_on():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request("one"))
        await desk.submit(request("two"))
        transaction = {"type": 2, "chainId": 31337, "nonce": 0, "to": ROUTER, "data": "0x", "value": 0, "gas": 21_000}
        fees = {"maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": 50 * GWEI}
        raw, tx_hash = floor.signer.sign({**transaction, **fees})
        floor.chain.send(raw)
        await floor.blocks(8, desk)
        one = desk.order("one")
        assert one.state is State.REPLACED
        assert one.outcome is not None and one.outcome.tx_hash == tx_hash
        assert desk.order("two").state is State.FINAL
        foreign = [row.entry.facts for row in floor.journal.entries() if row.entry.kind == "foreign_nonce"]
        assert [(facts["from"], facts["until"], facts["tx_hash"]) for facts in foreign] == [(0, 1, tx_hash)]

    on_a_floor(story)


def test_it_runs_until_cancelled_and_wakes_for_a_block():
    async def story(floor: Floor) -> None:
        desk = await floor.open(settings=DeskSettings(6, look_every_seconds=1_000))
        running = asyncio.create_task(desk.run())
        await desk.submit(request())
        for _ in range(8):
            await floor.clock.sleep(12)
            floor.chain.mine()
            desk.wake()
        await floor.clock.sleep(1)
        assert desk.order("one").state is State.FINAL
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    on_a_floor(story)


def test_trouble_does_not_stop_it_but_another_owner_of_the_journal_does():
    async def story(floor: Floor) -> None:
        desk = await floor.open()
        await desk.submit(request())
        running = asyncio.create_task(desk.run())
        for broken in (Unavailable("no answer"), Broken("a bug"), Refused("no")):
            batch = floor.node.batch

            async def fail(calls: object, broken: Exception = broken) -> list:
                raise broken

            floor.node.batch = fail  # type: ignore[method-assign]
            await floor.clock.sleep(5)
            floor.node.batch = batch  # type: ignore[method-assign]
        assert not running.done()
        other = await Journal.open(floor.store, floor.clock)
        await other.append(replace(other.entries()[-1].entry, kind="note", order_id=None, facts={}))
        floor.chain.mine()
        with pytest.raises(JournalHeld):
            await running

    on_a_floor(story)


def test_the_sending_is_not_waited_for_longer_than_is_polite():
    async def story(floor: Floor) -> None:
        desk = await floor.open(settings=DeskSettings(6, send_patience_seconds=0.5))
        call = floor.node.call

        async def slow(method: str, *params: object) -> object:
            if method == "eth_sendRawTransaction":
                await floor.clock.sleep(100)
            return await call(method, *params)

        floor.node.call = slow  # type: ignore[method-assign]
        order = await desk.submit(request())
        assert order.state is State.SIGNED and floor.clock.monotonic() < 1
        await desk.close()

    on_a_floor(story)
