"""One negotiation as its coordinator hears it: which answers count, which are set aside and why, and what is decided in the end.

It is all a function of what came in which order and when, so the coordinator and the replay of a transcript run the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from domain.negotiation import Call, Decision, Heard, Proposal, decide
from domain.problems import MessageRejected
from executor.agents.messages import Failure, Message, Refuse, decode

WeightsOf = Callable[[Collection[str]], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Remark:
    """A message that was set aside: whose it was, where that is known, which fault it has, and a sentence."""

    agent: str
    fault: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.fault}: {self.sentence}"


class Hearing:
    """The answers to one call of these agents. `late` of a message is told by the coordinator's own clock, never by the sender's."""

    def __init__(self, conversation_id: str, call: Call, agents: Collection[str]) -> None:
        self.conversation_id = conversation_id
        self.call = call
        self.agents = tuple(sorted(agents))
        self.decision: Decision | None = None
        self._answers: dict[str, Proposal | Refuse | Failure] = {}
        self._remarks: dict[str, Remark] = {}
        self._down: set[str] = set()

    @property
    def waiting(self) -> list[str]:
        """Whose answer may still come."""
        return [name for name in self.agents if name not in self._answers and name not in self._down]

    @property
    def proposers(self) -> list[str]:
        """Who proposed, so far."""
        return [name for name in self.agents if isinstance(self._answers.get(name), Proposal)]

    def hear(self, raw: bytes, received_ns: int, link: str = "") -> Remark | None:
        """Takes a message; a remark when it is set aside. `link` names whose line it came by, where the transport knows that."""
        try:
            message = decode(raw)
        except MessageRejected as problem:
            return self._remark(link, problem.facts["fault"], problem.message)
        return self._take(message, received_ns, link)

    def lost(self, agent: str) -> None:
        """The agent's process or line has ended."""
        self._down.add(agent)

    def decide(self, weights_of: WeightsOf) -> Decision:
        """Closes the hearing. `weights_of` are the weights of those who proposed, in ppm."""
        missing = [name for name in self.agents if name not in self._answers]
        remarks = {name: self._remarks[name] for name in missing if name in self._remarks}
        heard = Heard(
            proposals={name: one for name in self.proposers if isinstance(one := self._answers[name], Proposal)},
            refused={name: one.reason for name in self.agents if isinstance(one := self._answers.get(name), Refuse)},
            failed={
                **{name: one.reason for name in self.agents if isinstance(one := self._answers.get(name), Failure)},
                **{name: str(one) for name, one in remarks.items() if one.fault != "late"},
            },
            silent=tuple(name for name in missing if name not in remarks),
            late=tuple(name for name, one in remarks.items() if one.fault == "late"),
            down=tuple(name for name in missing if name in self._down),
        )
        self.decision = decide(self.call, heard, weights_of(self.proposers))
        return self.decision

    def _take(self, message: Message, received_ns: int, link: str) -> Remark | None:
        sender, body = message.sender, message.body
        if sender not in self.agents or (link and link != sender):
            return self._remark(link, "unknown_sender", f"A message says it is of {sender}, who was not asked or is not on that line.")
        if message.conversation_id != self.conversation_id or message.trade_id != self.call.trade_id:
            told = f"{sender} answers about trade {message.trade_id} in a negotiation about {self.call.trade_id}."
            return self._remark(sender, "another_trade", told)
        if not isinstance(body, Proposal | Refuse | Failure):
            return self._remark(sender, "no_answer", f"{sender} sends {message.kind}, which is no answer to a call.")
        if sender in self._answers:
            return self._remark(sender, "twice", f"{sender} has answered already; the first answer counts.")
        if received_ns > self.call.deadline_ns or self.decision is not None:
            late_us = (received_ns - self.call.deadline_ns) // 1_000
            told = f"{late_us} µs after the deadline" if late_us >= 0 else "after the decision, which waited for nobody else"
            return self._remark(sender, "late", f"{sender} answered {told}.")
        if isinstance(body, Proposal):
            try:
                body.check(self.call)
            except MessageRejected as problem:
                return self._remark(sender, problem.facts["fault"], problem.message)
        self._answers[sender] = body
        self._down.discard(sender)
        return None

    def _remark(self, agent: str, fault: str, sentence: str) -> Remark:
        remark = Remark(agent, fault, sentence)
        if agent:
            self._remarks[agent] = remark
        return remark
