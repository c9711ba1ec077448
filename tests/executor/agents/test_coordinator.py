"""A negotiation from the call to the outcome, in virtual time: who is heard, who is not, and what is done about it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from domain.agent_weights import AgentWeights
from domain.negotiation import WHOLE, ActionUtility, Proposal
from domain.problems import BadInput, JournalUnavailable, Refused, Unavailable, UnknownNegotiation
from executor.agents.host import now_ns
from executor.agents.messages import Accept, Message, decode, encode
from executor.agents.terms import Question
from executor.agents.transcript import MemoryRows, conversations, faults, replay
from executor.agents.transports.transport import Arrival, Lost
from executor.agents.weight_store import LiveWeights
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.agents.parlour import QUESTION, KeptWeights, Says, held


class Wire:
    """A transport whose other end is the test."""

    def __init__(self, *agents: str) -> None:
        self.agents = list(agents)
        self.sent: list[tuple[str, Message]] = []
        self.inbox: asyncio.Queue[Arrival | Lost] = asyncio.Queue()

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, agent: str, raw: bytes) -> None:
        self.sent.append((agent, decode(raw)))

    async def receive(self) -> Arrival | Lost:
        return await self.inbox.get()

    def call_of(self, agent: str) -> Message:
        return next(message for name, message in self.sent if name == agent and message.kind == "cfp")

    def answer(self, agent: str, body=None, *, link: str | None = None, **changed) -> bytes:
        """Lets an agent answer its call."""
        told = self.call_of(agent).answer(agent, 0, 1, body or wants(agent, BUY=500_000))
        fields = {name: getattr(told, name) for name in Message.__slots__} | changed
        raw = encode(Message(**fields))
        self.inbox.put_nowait(Arrival(raw, agent if link is None else link))
        return raw


def wants(agent: str, **micro: int) -> Proposal:
    return Proposal(agent, tuple(ActionUtility(action, one) for action, one in micro.items()), "1")


def acts(rows: MemoryRows) -> list[tuple[str, str, str]]:
    return [(row.kind, row.agent, message.kind if (message := row.message()) else "") for row in rows.rows]


def test_the_acts_of_a_negotiation_are_those_of_the_contract_net() -> None:
    async def story(clock: VirtualClock):
        buyer, seller, shy = Says("buyer", {"BUY": 600_000}), Says("seller", {"SELL": 300_000}), Says("shy", "I know nothing")
        async with held(clock, buyer, seller, shy) as parts:
            negotiation = await parts.coordinator.negotiate(QUESTION)
            await parts.coordinator.inform(negotiation, "bought 1 WETH")
            other = await parts.coordinator.negotiate(Question("t-2", "WETH", "USDC"))
            await parts.coordinator.fail(other, "the guards said no")
        assert buyer.asked[0].amount_in == 10**18
        return negotiation, parts.rows

    negotiation, rows = run_virtually(story)
    assert negotiation.action == "BUY"
    assert dict(negotiation.decision.heard.refused) == {"shy": "I know nothing"}
    assert negotiation.decision.weights_ppm == {"buyer": 500_000, "seller": 500_000}
    first, second = conversations(rows.rows).values()
    told = [(row.agent, message.kind) for row in first if (message := row.message())]
    assert told[:3] == [("buyer", "cfp"), ("seller", "cfp"), ("shy", "cfp")]
    assert sorted(told[3:6]) == [("buyer", "propose"), ("seller", "propose"), ("shy", "refuse")]
    assert told[6:] == [("buyer", "accept"), ("seller", "reject"), ("buyer", "inform"), ("seller", "inform")]
    assert [row.agent for row in second][-2:] == ["buyer", "seller"]
    assert [decode(row.payload).kind for row in second[-2:]] == ["failure", "failure"]
    assert replay(first).is_equal
    assert list(faults(rows.rows)) == []


def test_the_decision_falls_when_all_have_answered_and_at_the_deadline_when_not() -> None:
    async def story(clock: VirtualClock):
        quick, slow = Says("quick", {"BUY": 1}), Says("slow", {"SELL": WHOLE}, 0.2, clock)
        async with held(clock, quick, slow, deadline_seconds=1.0) as parts:
            one = await parts.coordinator.negotiate(QUESTION)
            slow.seconds = 5.0
            other = await parts.coordinator.negotiate(Question("t-2", "WETH", "USDC"))
        return one, other

    one, other = run_virtually(story)
    assert one.action == "SELL" and 0.2e9 <= one.took_ns < 0.3e9
    assert other.action == "BUY" and 1.0e9 <= other.took_ns < 1.1e9
    assert other.decision.heard.silent == ("slow",)
    assert other.decision.weights_ppm == {"quick": WHOLE}


def test_a_silent_agent_is_weighted_out_and_comes_back_at_its_cold_start_weight(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story(clock: VirtualClock):
        steady, moody = Says("steady", {"BUY": 1}), Says("moody", {"SELL": WHOLE}, 9.0, clock)
        async with held(clock, steady, moody, weights=KeptWeights()) as parts:
            await parts.coordinator.negotiate(Question("t-1", "WETH", "USDC"))
            after_silence = parts.weights.now
            began = clock.monotonic()
            await parts.coordinator.negotiate(Question("t-2", "WETH", "USDC"))
            waited = clock.monotonic() - began
            await clock.sleep(20)  # its answers arrive, far too late
            moody.seconds = 0.1
            back = await parts.coordinator.negotiate(Question("t-3", "WETH", "USDC"))
        return after_silence, waited, back, parts

    after_silence, waited, back, parts = run_virtually(story)
    assert after_silence.names == ("steady",)
    assert [record.message for record in caplog.records].count("Agent down – re-weighting") == 1
    assert waited < 0.1  # nobody waits for one who said nothing last time
    assert back.action == "SELL"
    assert parts.weights.now.told == ("+steady", "+moody")
    notes = [row.note for row in parts.rows.rows if row.note]
    assert len(notes) == 2 and all(note.startswith("late: moody answered") for note in notes)
    for rows in conversations(parts.rows.rows).values():
        assert replay(rows).is_equal


def test_bad_answers_are_named_recorded_and_harm_nobody() -> None:
    """Late, twice, out of range, another trade's id, of somebody else, no answer at all, no message at all: each has its remark."""

    async def story(clock: VirtualClock):
        wire = Wire("good", "bad")
        async with held(clock, transport=wire) as parts:
            asked = asyncio.ensure_future(parts.coordinator.negotiate(QUESTION))
            await clock.sleep(0.1)
            wire.answer("good")
            wire.answer("good", wants("good", SELL=WHOLE))
            wire.answer("bad", trade_id="t-9")
            wire.answer("bad", trade_id="t-9", conversation_id="n-9")
            wire.answer("bad", wants("bad", BURN=1))
            wire.answer("bad", Accept("BUY"))
            wire.answer("bad", link="good")
            wire.answer("bad", sender="stranger", link="")
            raw = bytearray(wire.answer("bad", wants("bad", SELL=WHOLE), conversation_id="n-old", trade_id="t-old", deadline_ns=1))
            wire.inbox.put_nowait(Arrival(b"\xff" + bytes(raw), "bad"))
            wire.inbox.put_nowait(Arrival(b"\xff", ""))
            negotiation = await asked
            wire.answer("bad", wants("bad", SELL=WHOLE))
            await clock.sleep(0.1)
        return negotiation, parts.rows

    negotiation, rows = run_virtually(story)
    assert negotiation.action == "BUY"
    assert negotiation.decision.heard.failed.keys() == {"bad"}
    (about, told), (unrouted, strange) = conversations(rows.rows).items()
    assert about == negotiation.conversation_id and unrouted == "unrouted"
    assert [row.note.partition(":")[0] for row in told if row.kind == "heard"] == [
        "", "twice", "another_trade", "another_trade", "unknown_action", "no_answer", "unknown_sender", "unknown_sender",
        "unreadable", "late",
    ]  # fmt: skip
    assert [row.payload for row in strange] == [b"\xff"]
    assert replay(told).is_equal


def test_out_of_range_is_a_remark_and_a_better_answer_still_counts() -> None:
    async def story(clock: VirtualClock):
        wire = Wire("a")
        async with held(clock, transport=wire) as parts:
            asked = asyncio.ensure_future(parts.coordinator.negotiate(QUESTION))
            await clock.sleep(0.1)
            good = wire.call_of("a").answer("a", 0, 1, wants("a", BUY=WHOLE))
            wire.inbox.put_nowait(Arrival(encode(good).replace(b"\x80\x89z", b"\x82\x89z"), "a"))  # 1,000,001
            await clock.sleep(0.1)
            wire.answer("a", wants("a", SELL=5))
            return await asked, parts.rows

    negotiation, rows = run_virtually(story)
    assert negotiation.action == "SELL"
    assert [row.note for row in rows.rows if row.note] == ["out_of_range: utility_micro of BUY is 1000001; give -1000000 to 1000000."]


def test_an_agent_that_breaks_fails_alone() -> None:
    async def story(clock: VirtualClock):
        async with held(clock, Says("a", {"BUY": 1}), Says("b", ZeroDivisionError("oh")), Says("c", BadInput("No candles."))) as parts:
            return await parts.coordinator.negotiate(QUESTION)

    heard = run_virtually(story).decision.heard
    assert dict(heard.failed) == {"b": "ZeroDivisionError: oh"}
    assert dict(heard.refused) == {"c": "No candles."}


def test_without_a_quorum_nothing_is_done() -> None:
    async def story(clock: VirtualClock):
        async with held(clock, Says("a", {"BUY": WHOLE}), Says("b", "no"), quorum=2) as parts:
            return await parts.coordinator.negotiate(QUESTION)

    assert run_virtually(story).action == "HOLD"


def test_one_action_can_be_put_to_the_agents() -> None:
    async def story(clock: VirtualClock):
        async with held(clock, Says("a", {"BUY": 1}), Says("b", {"SELL": WHOLE})) as parts:
            yes = await parts.coordinator.propose("BUY", QUESTION)
            with pytest.raises(BadInput):
                await parts.coordinator.propose("HOLD", QUESTION)
            return yes

    yes = run_virtually(story)
    assert (yes.action, yes.call.actions) == ("BUY", ("HOLD", "BUY"))
    assert "unknown_action" in yes.decision.heard.failed["b"]


def test_a_negotiation_can_be_called_off() -> None:
    async def story(clock: VirtualClock):
        slow = Says("slow", {"BUY": 1}, 0.9, clock)
        async with held(clock, slow) as parts:
            asked = asyncio.ensure_future(parts.coordinator.negotiate(QUESTION))
            await clock.sleep(0.1)
            with pytest.raises(BadInput, match="under way"):
                await parts.coordinator.negotiate(QUESTION)
            await parts.coordinator.cancel("t-1", "the order was withdrawn")
            with pytest.raises(Refused, match="withdrawn"):
                await asked
            with pytest.raises(UnknownNegotiation):
                await parts.coordinator.cancel("t-1", "again")
            await clock.sleep(2)
        return parts.rows

    rows = run_virtually(story)
    assert acts(rows) == [("sent", "slow", "cfp"), ("sent", "slow", "cancel")]  # it stopped thinking and never answered
    assert not replay(rows.rows).is_equal


def test_an_agent_whose_line_ended_is_not_waited_for() -> None:
    async def story(clock: VirtualClock):
        wire = Wire("a", "b")
        async with held(clock, transport=wire) as parts:
            asked = asyncio.ensure_future(parts.coordinator.negotiate(QUESTION))
            await clock.sleep(0.1)
            wire.answer("a")
            wire.inbox.put_nowait(Lost("b"))
            return await asked, parts

    negotiation, parts = run_virtually(story)
    assert negotiation.took_ns < 0.2e9
    assert negotiation.decision.heard.down == ("b",)
    assert replay(parts.rows.rows).is_equal


def test_without_a_record_nothing_is_decided_and_nothing_is_sent() -> None:
    class FullDisk(MemoryRows):
        async def commit(self, rows) -> None:
            raise JournalUnavailable("The disk is full.")

    async def story(clock: VirtualClock):
        wire = Wire("a")
        with pytest.raises(JournalUnavailable):
            async with held(clock, transport=wire, rows=FullDisk()) as parts:
                await parts.coordinator.negotiate(QUESTION)
        return wire.sent

    assert run_virtually(story) == []


def test_learnt_weights_are_kept_and_a_store_that_is_down_stops_nobody() -> None:
    class Store:
        kept: AgentWeights | None = None
        is_down = False

        async def load(self) -> AgentWeights | None:
            return self.kept

        async def save(self, weights: AgentWeights) -> None:
            if self.is_down:
                raise Unavailable("The store is down.")
            self.kept = weights

    async def story(clock: VirtualClock):
        store = Store()
        live = await LiveWeights.open(store, ["a", "b"])
        b = Says("b", {"SELL": 1_000_000}, 0.0, clock)
        async with held(clock, Says("a", {"BUY": 1}), b, weights=live) as parts:  # type: ignore[arg-type]
            first = await parts.coordinator.negotiate(QUESTION)
            b.seconds = 9.0
            await parts.coordinator.negotiate(Question("t-2", "WETH", "USDC"))
            alone = store.kept
            store.is_down = True
            await clock.sleep(10)
            b.seconds = 0.1
            back = await parts.coordinator.negotiate(Question("t-3", "WETH", "USDC"))
        return first, alone, back, live

    first, alone, back, live = run_virtually(story)
    assert first.decision.weights_ppm == {"a": 500_000, "b": 500_000}
    assert alone is not None and alone.ppm() == {"a": WHOLE}
    assert back.decision.weights_ppm == live.now.ppm() == {"a": 750_000, "b": 250_000}  # half of an equal share
    assert live.trouble is not None


def test_many_negotiations_run_at_once_and_only_the_last_thousand_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.agents.coordinator.REMEMBERED", 4)

    async def story(clock: VirtualClock):
        agents = [Says("a", {"BUY": 1}, 0.1, clock), Says("b", {"SELL": 2}, 0.2, clock)]
        async with held(clock, *agents) as parts:
            done = await asyncio.gather(*(parts.coordinator.negotiate(Question(f"t-{at}", "WETH", "USDC")) for at in range(8)))
            await parts.coordinator.negotiate(Question("t-9", "WETH", "USDC"))
            with pytest.raises(UnknownNegotiation):
                await parts.coordinator.inform(done[0], "too late")
        return done, parts.rows

    done, rows = run_virtually(story)
    assert {one.action for one in done} == {"SELL"}
    found = conversations(rows.rows)
    assert len(found) == 9 and all(replay(one).is_equal for one in found.values())
    assert list(faults(rows.rows)) == []


def test_the_same_story_has_the_same_bytes() -> None:
    def told() -> list:
        async def story(clock: VirtualClock):
            async with held(clock, Says("a", {"BUY": 5}), Says("b", {"SELL": 4}, 0.1, clock)) as parts:
                await parts.coordinator.negotiate(QUESTION)
            return parts.rows.rows

        return run_virtually(story)

    assert told() == told()


def test_without_agents_there_is_nobody_to_ask() -> None:
    async def story(clock: VirtualClock):
        async with held(clock) as parts:
            with pytest.raises(Unavailable, match="no agent to ask"):
                await parts.coordinator.negotiate(QUESTION)
        return now_ns(clock)

    assert run_virtually(story) > 0
