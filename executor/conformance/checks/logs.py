"""Logs become events: each known one, whole, with its place on the chain; unknown ones are ignored, broken ones refused."""

from __future__ import annotations

from dataclasses import replace

from domain.events import PairSwap, Swap, Sync
from domain.problems import BadInput
from executor.chain.blocks import Log
from executor.conformance.acting import act_at_random
from executor.conformance.stage import Stage, expect, expect_same, first, sides

UNIT = 10**18


async def a_swap_tells_what_moved(stage: Stage) -> None:
    """The event of a swap tells exactly the amounts that left and reached the trader, in both directions."""
    for zero_for_one, sold, bought in sides(stage.pool):
        before = stage.balance(sold, stage.trader), stage.balance(bought, stage.trader)
        receipt = stage.sell(stage.pool, zero_for_one, 7 * UNIT)
        paid, got = before[0] - stage.balance(sold, stage.trader), stage.balance(bought, stage.trader) - before[1]
        expect_same("amounts", _amounts(stage, receipt.logs, zero_for_one), (paid, got))


async def every_log_of_a_pool_has_a_known_topic(stage: Stage) -> None:
    """Whatever is done to a pool, its logs are among those that the venue names."""
    logs = act_at_random(stage, seed=1, actions=25)
    unknown = {log.topics[0] for log in logs if log.address == stage.pool.address} - set(stage.venue.topics)
    expect(not unknown, f"The venue does not name the topics {sorted(unknown)}.")


async def every_log_of_a_pool_decodes(stage: Stage) -> None:
    """Every log that a pool emits decodes to an event of that pool, or to nothing; none is refused."""
    for log in act_at_random(stage, seed=2, actions=25):
        if log.address == stage.pool.address:
            event = stage.venue.decode(log)
            expect(event is None or event.pool == stage.pool.address, "An event names another pool than the one that emitted it.")


async def an_event_keeps_its_place_on_the_chain(stage: Stage) -> None:
    """An event carries chain, block, transaction and log index of the log it was read from."""
    log = _swap_log(stage)
    event = stage.venue.decode(log, chain_id=31337)
    expect(event is not None, "A swap's log was ignored.")
    assert event is not None
    place = (event.block_number, event.block_hash, event.tx_hash, event.transaction_index, event.log_index)
    expect_same("place", place, (log.block_number, log.block_hash, log.tx_hash, log.transaction_index, log.log_index))
    expect_same("chain", event.chain_id, 31337)


async def an_unknown_topic_is_ignored(stage: Stage) -> None:
    """A log whose topic the venue does not name says nothing."""
    log = replace(_swap_log(stage), topics=("0x" + "ab" * 32,))
    expect(stage.venue.decode(log) is None, "A log of an unknown topic became an event.")


async def a_log_without_topics_is_ignored(stage: Stage) -> None:
    """An anonymous log says nothing."""
    expect(stage.venue.decode(replace(_swap_log(stage), topics=())) is None, "A log without topics became an event.")


async def a_tokens_own_log_is_ignored(stage: Stage) -> None:
    """A token's transfer, which comes with every swap, says nothing about the pool."""
    transfers = [log for log in stage.sell(stage.pool, True, UNIT).logs if log.address == stage.pool.token0.address]
    expect(bool(transfers), "The swap moved no token.")
    expect(all(stage.venue.decode(log) is None for log in transfers), "A transfer became an event of the pool.")


async def a_cut_log_is_refused(stage: Stage) -> None:
    """A swap's log with less data, or more, is refused by name instead of read wrongly."""
    log = _swap_log(stage)
    for data in (log.data[:-1], log.data[:-32], b"", log.data + bytes(32)):
        _refused(stage, replace(log, data=data), "data")


async def a_log_with_a_topic_missing_is_refused(stage: Stage) -> None:
    """A swap's log with too few topics, or one too short, is refused by name."""
    log = _swap_log(stage)
    _refused(stage, replace(log, topics=log.topics[:-1]), "topics")
    _refused(stage, replace(log, topics=(*log.topics[:-1], "0xabcd")), "topics")


async def the_same_log_decodes_to_the_same_event(stage: Stage) -> None:
    """Decoding has no memory: the same log always gives an equal event."""
    log = _swap_log(stage)
    expect_same("event", stage.venue.decode(log), stage.venue.decode(log))


async def a_reverted_swap_leaves_no_log(stage: Stage) -> None:
    """A swap that reverts tells nothing, so nothing of it can reach a mirror."""
    receipt = stage.invoke(stage.pool.address, "swap(address,bool,int256,uint160,bytes)", stage.trader, True, 1, 1, b"")
    expect(not receipt.worked and not receipt.logs, "A swap that reverted left logs.")


def _swap_log(stage: Stage) -> Log:
    topic = stage.venue.topic_of("swap")
    return first((log for log in stage.sell(stage.pool, True, UNIT).logs if log.topics[0] == topic), "log of a swap with the venue's topic")


def _refused(stage: Stage, log: Log, field: str) -> None:
    try:
        event = stage.venue.decode(log)
    except BadInput as refused:
        expect_same("field", refused.facts.get("field"), field)
    else:
        expect(False, f"A log with wrong {field} was read as {event}.")


def _amounts(stage: Stage, logs: tuple[Log, ...], zero_for_one: bool) -> tuple[int, int]:
    events = [event for log in logs if log.address == stage.pool.address and (event := stage.venue.decode(log)) is not None]
    swaps = [event for event in events if isinstance(event, Swap | PairSwap)]
    expect(len(swaps) == 1, f"One swap gave {len(swaps)} swap events.")
    swap = swaps[0]
    if isinstance(swap, Swap):
        return (swap.amount0, -swap.amount1) if zero_for_one else (swap.amount1, -swap.amount0)
    expect(any(isinstance(event, Sync) for event in events), "A pair's swap came without its Sync.")
    return (swap.amount0_in, swap.amount1_out) if zero_for_one else (swap.amount1_in, swap.amount0_out)
