"""The messages of a negotiation, between bytes and values. `negotiation.proto` says what each field means.

Bytes are written deterministically: the same message has the same bytes on every machine of this version. What is read is held to the
protocol at once: one that is not true to it raises MessageRejected with the fault, and whoever reads it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from domain.negotiation import NAME, TRADE_ID, ActionUtility, Call, Proposal
from domain.problems import BadInput, MessageRejected
from executor.agents import negotiation_pb2 as wire

TOPIC = "agent_negotiation"
SCHEMA_VERSION = 1
COORDINATOR = "coordinator"
LARGEST = 65_536
LONGEST_TEXT = 1_000
LONGEST_VERSION = 128


@dataclass(frozen=True, slots=True)
class Refuse:
    """I abstain."""

    reason: str


@dataclass(frozen=True, slots=True)
class Accept:
    """Your favourite was chosen."""

    action: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Another action was chosen."""

    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class Inform:
    """The action was carried out."""

    action: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Failure:
    """It could not be done; from an agent: it broke while it thought."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Forget this call."""

    reason: str


Body = Call | Proposal | Refuse | Accept | Reject | Inform | Failure | Cancel
T = TypeVar("T", Refuse, Accept, Reject, Inform, Failure, Cancel)
_PLAIN: Mapping[str, type[Refuse | Accept | Reject | Inform | Failure | Cancel]] = {
    "refuse": Refuse,
    "accept": Accept,
    "reject": Reject,
    "inform": Inform,
    "failure": Failure,
    "cancel": Cancel,
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a value. Times are nanoseconds since 1970; `seq` counts the sender's messages in the conversation, from 0."""

    conversation_id: str
    trade_id: str
    seq: int
    sender: str
    receiver: str
    sent_ns: int
    deadline_ns: int
    body: Body
    trace_id: str = ""

    @property
    def kind(self) -> str:
        """The name of the act, as FIPA has it."""
        return {Call: "cfp", Proposal: "propose"}.get(type(self.body)) or type(self.body).__name__.lower()

    def answer(self, sender: str, seq: int, sent_ns: int, body: Body) -> Message:
        """A message back to whoever sent this one, about the same trade."""
        return Message(self.conversation_id, self.trade_id, seq, sender, self.sender, sent_ns, self.deadline_ns, body, self.trace_id)


def encode(message: Message) -> bytes:
    """The message as bytes, deterministically."""
    envelope = wire.Envelope(
        conversation_id=message.conversation_id,
        trade_id=message.trade_id,
        seq=message.seq,
        sender=message.sender,
        receiver=message.receiver,
        sent_ns=message.sent_ns,
        deadline_ns=message.deadline_ns,
        schema_version=SCHEMA_VERSION,
        trace_id=message.trace_id,
    )
    body = message.body
    if isinstance(body, Call):
        envelope.cfp.CopyFrom(
            wire.Cfp(
                base=body.base,
                quote=body.quote,
                amount_in=str(body.amount_in),
                actions=body.actions,
                quorum=body.quorum,
                as_of_ns=body.as_of_ns,
                input_sha256=body.input_sha256,
            )
        )
    elif isinstance(body, Proposal):
        utilities = [
            wire.ActionUtility(
                action=one.action,
                utility_micro=one.utility_micro,
                confidence_ppm=one.confidence_ppm,
                horizon_seconds=one.horizon_seconds,
                evidence_ref=one.evidence_ref,
            )
            for one in body.utilities
        ]
        envelope.propose.CopyFrom(
            wire.Propose(
                utilities=utilities,
                model_version=body.model_version,
                prompt_version=body.prompt_version,
                bundle_sha256=body.bundle_sha256,
            )
        )
    else:
        part: Any = getattr(envelope, message.kind)
        part.SetInParent()  # an act without a word is still an act
        for name in body.__slots__:
            setattr(part, name, getattr(body, name))
    return envelope.SerializeToString(deterministic=True)


def decode(raw: bytes) -> Message:
    """The message that the bytes tell. Raises MessageRejected naming the fault."""
    if len(raw) > LARGEST:
        raise MessageRejected("too_large", f"A message has {len(raw)} bytes; send at most {LARGEST}.")
    envelope = wire.Envelope()
    try:
        envelope.ParseFromString(raw)
    except DecodeError as error:
        raise MessageRejected("unreadable", f"{len(raw)} bytes are no message of {TOPIC} ({error}).") from error
    if envelope.schema_version != SCHEMA_VERSION:
        told = f"A message has schema version {envelope.schema_version}; this reader knows {SCHEMA_VERSION}."
        raise MessageRejected("unknown_version", told, schema_version=envelope.schema_version)
    for name, pattern in (("conversation_id", TRADE_ID), ("trade_id", TRADE_ID), ("sender", NAME)):
        if not pattern.fullmatch(getattr(envelope, name)):
            raise MessageRejected("unreadable", f"{name} of a message is empty or has letters that no {name} has.", field=name)
    _checked(envelope.receiver, "receiver", LONGEST_VERSION)
    _checked(envelope.trace_id, "trace_id", LONGEST_VERSION)
    kind = envelope.WhichOneof("body")
    if kind is None:
        raise MessageRejected("unreadable", f"A message of {envelope.sender} says nothing; it has no body.", agent=envelope.sender)
    return Message(
        envelope.conversation_id,
        envelope.trade_id,
        envelope.seq,
        envelope.sender,
        envelope.receiver,
        envelope.sent_ns,
        envelope.deadline_ns,
        _BODIES[kind](envelope) if kind in _BODIES else _plain(envelope, kind),
        envelope.trace_id,
    )


def _call(envelope: wire.Envelope) -> Call:
    told = envelope.cfp
    if not told.amount_in.isascii() or not told.amount_in.isdecimal() or len(told.amount_in) > 78:
        raise MessageRejected("unreadable", "amount_in of a call is no whole number in decimal text.", field="amount_in")
    try:
        return Call(
            envelope.trade_id,
            _checked(told.base, "base", LONGEST_VERSION),
            _checked(told.quote, "quote", LONGEST_VERSION),
            told.as_of_ns,
            envelope.deadline_ns,
            int(told.amount_in),
            tuple(told.actions),
            told.quorum,
            _checked(told.input_sha256, "input_sha256", LONGEST_VERSION),
        )
    except BadInput as problem:
        raise MessageRejected("unreadable", problem.message, **problem.facts) from problem


def _proposal(envelope: wire.Envelope) -> Proposal:
    told = envelope.propose
    utilities = tuple(
        ActionUtility(
            _checked(one.action, "action", 32),
            one.utility_micro,
            one.confidence_ppm,
            one.horizon_seconds,
            _checked(one.evidence_ref, "evidence_ref", LONGEST_TEXT),
        )
        for one in told.utilities
    )
    versions = [_checked(getattr(told, name), name, LONGEST_VERSION) for name in ("model_version", "prompt_version", "bundle_sha256")]
    if not versions[0]:
        raise MessageRejected("unreadable", f"{envelope.sender} does not say its model_version.", field="model_version")
    return Proposal(envelope.sender, utilities, *versions)


_BODIES: Mapping[str, Callable[[wire.Envelope], Call | Proposal]] = {"cfp": _call, "propose": _proposal}


def _plain(envelope: wire.Envelope, kind: str) -> Refuse | Accept | Reject | Inform | Failure | Cancel:
    part, made = getattr(envelope, kind), _PLAIN[kind]
    return made(*(_checked(getattr(part, name), name, LONGEST_TEXT) for name in made.__slots__))


def _checked(text: str, field: str, longest: int) -> str:
    if len(text) > longest:
        raise MessageRejected("too_large", f"{field} has {len(text)} letters; send at most {longest}.", field=field)
    return text
