"""The coordinator of the Contract Net (FIPA SC00029H): calls the agents, hears them until the deadline, decides, and tells the outcome.

One departure from FIPA: whoever proposes does not perform. The executor performs, if its guards allow it, so INFORM and FAILURE about the
outcome come from here too. Nothing an agent says can send a transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

from domain.negotiation import Call, Decision
from domain.problems import BadInput, MessageRejected, Problem, Refused, Unavailable, UnknownNegotiation
from executor.agents.hearing import Hearing
from executor.agents.host import now_ns
from executor.agents.messages import COORDINATOR, LONGEST_TEXT, Accept, Body, Cancel, Failure, Inform, Message, Reject, decode, encode
from executor.agents.terms import Negotiation, Question, Weights, WeightsInForce
from executor.agents.transcript import Kind, Replay, Row, Transcript, weights_payload
from executor.agents.transports.transport import Arrival, Transport
from executor.ports import Chance, Clock

LOG = logging.getLogger(__name__)
REMEMBERED = 1_000
UNROUTED = "unrouted"


@dataclass(slots=True)
class _Open:
    """A negotiation under way."""

    hearing: Hearing
    trace_id: str
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: str | None = None
    sent: int = 0
    back: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def reweighted(self, weights: Weights) -> Weights:
        """With whoever is back at its cold start, and without whoever is gone."""
        for name in self.back:
            weights = weights.left(name).joined(name)
        for name in self.gone:
            weights = weights.left(name)
        return weights

    @property
    def about(self) -> tuple[str, str]:
        return self.hearing.conversation_id, self.hearing.call.trade_id


class Coordinator:
    """Holds negotiations, any number at a time, with the agents that its transport reaches."""

    def __init__(
        self,
        transport: Transport,
        weights: WeightsInForce,
        transcript: Transcript,
        clock: Clock,
        chance: Chance,
        *,
        deadline_seconds: float = 1.0,
        quorum: int = 1,
    ) -> None:
        self.transcript, self.weights, self.clock = transcript, weights, clock
        self.deadline_seconds, self.quorum = deadline_seconds, quorum
        self._transport, self._chance = transport, chance
        self._left: set[str] = set()
        self._unresponsive: set[str] = set()
        self._held: OrderedDict[str, _Open] = OrderedDict()
        self._begun_ns = 0
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._begun_ns = now_ns(self.clock)
        await self._transport.start()
        self._listening = asyncio.ensure_future(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        await self._transport.close()
        await self.transcript.commit()

    async def propose(self, action: str, question: Question) -> Negotiation:
        """Puts one action to the agents, against doing the safest thing. Raises BadInput when it is the safest itself."""
        return await self.negotiate(replace(question, actions=(question.actions[0], action)))

    async def negotiate(self, question: Question) -> Negotiation:
        """Call, hear, decide, tell everybody. The decision falls at the deadline, or when all that can answer have.

        Raises BadInput for a question that makes no sense, Unavailable without agents, Refused when it was cancelled meanwhile, and
        JournalUnavailable when the record cannot be written: then nothing was decided.
        """
        begun_ns, begun = now_ns(self.clock), self.clock.monotonic()
        call = Call(
            question.trade_id,
            question.base,
            question.quote,
            question.as_of_ns or begun_ns,
            begun_ns + int(self.deadline_seconds * 1e9),
            question.amount_in,
            question.actions,
            self.quorum,
            question.input_sha256,
        )
        under_way = self._begin(call)
        hearing = under_way.hearing
        posts = [self._post(under_way, name, call) for name in hearing.agents]
        await self.transcript.commit()
        await self._deliver(under_way, posts)
        await self._hear_out(under_way)
        if under_way.cancelled is not None:
            await self._tell(under_way, hearing.agents, Cancel(under_way.cancelled))
            raise Refused(f"The negotiation about {call.trade_id} was cancelled: {under_way.cancelled}", trade_id=call.trade_id)
        decision = self._decide(under_way)
        posts = [self._post(under_way, name, self._verdict(hearing, name, decision)) for name in hearing.proposers]
        await self.transcript.commit()
        await self._deliver(under_way, posts)
        if under_way.back or under_way.gone:
            await self.weights.change(under_way.reweighted)
        return Negotiation(hearing.conversation_id, call, decision, int((self.clock.monotonic() - begun) * 1e9))

    async def inform(self, negotiation: Negotiation, outcome: str) -> None:
        """Tells those who proposed that the action was carried out, and how."""
        await self._conclude(negotiation, Inform(negotiation.action, outcome[:LONGEST_TEXT]))

    async def fail(self, negotiation: Negotiation, reason: str) -> None:
        """Tells those who proposed that the action could not be carried out."""
        await self._conclude(negotiation, Failure(reason[:LONGEST_TEXT]))

    async def cancel(self, trade_id: str, reason: str) -> None:
        """Calls off the negotiation under way about a trade. Raises UnknownNegotiation when there is none."""
        under_way = self._open_about(trade_id)
        if under_way is None:
            raise UnknownNegotiation(f"No negotiation about {trade_id} is under way.", trade_id=trade_id)
        under_way.cancelled = reason[:LONGEST_TEXT]
        under_way.moved.set()

    def recall(self, rows: Sequence[Row], again: Replay) -> Negotiation:
        """A negotiation of the record as one that can be concluded, also when it was held before this start. Raises UnknownNegotiation."""
        if again.hearing is None or again.hearing.decision is None:
            raise UnknownNegotiation(f"Nothing was decided in the negotiation {again.conversation_id}.")
        if again.conversation_id not in self._held:
            sent = [message for row in rows if row.kind == Kind.SENT and (message := row.message())]
            self._held[again.conversation_id] = _Open(again.hearing, sent[0].trace_id, sent=len(sent))
        return Negotiation(again.conversation_id, again.hearing.call, again.hearing.decision, 0)

    # --- one negotiation

    def _begin(self, call: Call) -> _Open:
        if self._open_about(call.trade_id) is not None:
            raise BadInput(f"A negotiation about {call.trade_id} is under way; wait for it.", field="trade_id")
        if not self._transport.agents:
            raise Unavailable("There is no agent to ask; name some.")
        conversation_id = f"n-{self._chance.getrandbits(96):024x}"
        under_way = _Open(Hearing(conversation_id, call, self._transport.agents), f"{self._chance.getrandbits(128):032x}")
        self._held[conversation_id] = under_way
        while len(self._held) > REMEMBERED and next(iter(self._held.values())).hearing.decision is not None:
            self._held.popitem(last=False)
        return under_way

    async def _hear_out(self, under_way: _Open) -> None:
        """Until nobody is waited for, the deadline is there, or it was cancelled."""
        hearing = under_way.hearing
        left = (hearing.call.deadline_ns - now_ns(self.clock)) / 1e9
        timer = asyncio.ensure_future(self.clock.sleep(max(left, 0.0)))
        try:
            while set(hearing.waiting) - self._unresponsive and under_way.cancelled is None and not timer.done():
                under_way.moved.clear()
                moved = asyncio.ensure_future(under_way.moved.wait())
                await asyncio.wait({timer, moved}, return_when=asyncio.FIRST_COMPLETED)
                moved.cancel()
        finally:
            timer.cancel()

    def _decide(self, under_way: _Open) -> Decision:
        """Weighs whoever proposed; whoever said nothing leaves, whoever is back joins anew. One step: nothing can come between."""
        hearing = under_way.hearing
        weights = self.weights.now
        back = [name for name in hearing.proposers if name in self._left or not _knows(weights, name)]
        for name in back:
            LOG.info("%s begins at its cold-start weight", name, extra={"agent": name})
            weights = weights.left(name).joined(name)
        ppm = weights.ppm(hearing.proposers) if hearing.proposers else {}
        self._note(under_way, Kind.WEIGHTS, payload=weights_payload(ppm, weights.to_json()))
        decision = hearing.decide(lambda _: ppm)
        self._note(under_way, Kind.DECIDED, payload=decision.canonical())
        gone = [name for name in decision.heard.silent if name not in self._left]
        for name in gone:
            LOG.warning("Agent down – re-weighting", extra={"agent": name, "trade_id": hearing.call.trade_id})
        self._left = (self._left - set(back)) | set(gone)
        # One whose process ended is back when it can be reached; for another that said nothing nobody waits before it says something.
        self._unresponsive |= set(decision.heard.silent) - set(decision.heard.down)
        under_way.back, under_way.gone = back, gone
        return decision

    def _verdict(self, hearing: Hearing, name: str, decision: Decision) -> Accept | Reject:
        if decision.heard.proposals[name].favourite(hearing.call) == decision.action:
            return Accept(decision.action)
        return Reject(decision.action, decision.reason)

    async def _conclude(self, negotiation: Negotiation, body: Inform | Failure) -> None:
        under_way = self._held.get(negotiation.conversation_id)
        if under_way is None:
            raise UnknownNegotiation(
                f"The negotiation {negotiation.conversation_id} is not remembered.", trade_id=negotiation.call.trade_id
            )
        await self._tell(under_way, [name for name in under_way.hearing.proposers if name in self._transport.agents], body)

    async def _tell(self, under_way: _Open, names: Collection[str], body: Body) -> None:
        posts = [self._post(under_way, name, body) for name in names]
        await self.transcript.commit()
        await self._deliver(under_way, posts)

    def _post(self, under_way: _Open, name: str, body: Body) -> tuple[str, bytes]:
        """A message to an agent, in the record; nothing leaves before that is durable."""
        conversation_id, trade_id = under_way.about
        sent_ns, deadline_ns = now_ns(self.clock), under_way.hearing.call.deadline_ns
        message = Message(conversation_id, trade_id, under_way.sent, COORDINATOR, name, sent_ns, deadline_ns, body, under_way.trace_id)
        under_way.sent += 1
        raw = encode(message)
        self._note(under_way, Kind.SENT, name, payload=raw)
        return name, raw

    async def _deliver(self, under_way: _Open, posts: Collection[tuple[str, bytes]]) -> None:
        for name, raw in posts:
            try:
                await self._transport.send(name, raw)
            except Unavailable as problem:
                self._lose(under_way, name, problem.message)

    # --- what comes in

    async def _listen(self) -> None:
        while True:
            event = await self._transport.receive()
            if isinstance(event, Arrival):
                self._route(event)
                continue
            for under_way in list(self._held.values()):
                if under_way.hearing.decision is None:
                    self._lose(under_way, event.agent, "its line ended")

    def _route(self, event: Arrival) -> None:
        try:
            message = decode(event.raw)
        except MessageRejected as problem:
            self._hear(self._waiting_for(event.link), event, problem.message)
            return
        if message.deadline_ns < self._begun_ns:
            return  # left over in a topic from before this coordinator
        self._unresponsive.discard(message.sender)
        meant = self._held.get(message.conversation_id) or self._open_about(message.trade_id)
        told = f"{message.sender} answers about {message.trade_id}, which nobody asked about."
        # On a line of its own an agent can only mean us; a topic may also hold what was said to somebody before.
        self._hear([meant] if meant else self._waiting_for(event.link), event, told)

    def _hear(self, meant: Collection[_Open], event: Arrival, told: str) -> None:
        for under_way in meant:
            received_ns = now_ns(self.clock)
            remark = under_way.hearing.hear(event.raw, received_ns, event.link)
            if remark is not None:
                LOG.warning("set aside, %s", remark, extra={"agent": remark.agent, "fault": remark.fault})
            self.transcript.add(received_ns, under_way.about, Kind.HEARD, event.link, str(remark) if remark else "", event.raw)
            under_way.moved.set()
        if not meant:
            LOG.warning("set aside, %s", told)
            self.transcript.add(now_ns(self.clock), (UNROUTED, UNROUTED), Kind.HEARD, event.link, told, event.raw)

    def _lose(self, under_way: _Open, name: str, why: str) -> None:
        if name in under_way.hearing.waiting:
            LOG.warning("%s cannot be reached: %s", name, why, extra={"agent": name})
            under_way.hearing.lost(name)
            self._note(under_way, Kind.LOST, name, why)
            under_way.moved.set()

    def _note(self, under_way: _Open, kind: Kind, agent: str = "", note: str = "", payload: bytes = b"") -> None:
        self.transcript.add(now_ns(self.clock), under_way.about, kind, agent, note, payload)

    def _open_about(self, trade_id: str) -> _Open | None:
        return next((one for one in self._open() if one.about[1] == trade_id), None)

    def _waiting_for(self, agent: str) -> list[_Open]:
        return [one for one in self._open() if agent in one.hearing.agents]

    def _open(self) -> list[_Open]:
        return [one for one in self._held.values() if one.hearing.decision is None and one.cancelled is None]


def _knows(weights: Weights, name: str) -> bool:
    """Whether the agent has a weight."""
    try:
        return name in weights.ppm([name])
    except (Problem, KeyError):
        return False
