"""A negotiation as a document and as lines: who said what when, how it was weighed, what was decided, and whether that follows again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from domain.market import EPOCH
from domain.negotiation import Call, Proposal
from executor.agents.messages import COORDINATOR, Message
from executor.agents.transcript import Kind, Row, replay

OUTCOMES = ("inform", "failure", "cancel")


def document_of(rows: Sequence[Row]) -> dict[str, Any]:
    """One conversation's rows as a document. Never raises for what they hold."""
    again = replay(rows)
    messages = [_message(row) for row in rows if row.kind in (Kind.SENT, Kind.HEARD)]
    weights = next((_json(row.payload) for row in rows if row.kind == Kind.WEIGHTS), None)
    # Of several the last: what could not be written at first is written before what was told again.
    credited = next((_json(row.payload) for row in reversed(rows) if row.kind == Kind.CREDITED), None)
    learnt = next(((_json(row.payload), row.note) for row in reversed(rows) if row.kind == Kind.LEARNT), None)
    outcome = next((one for one in reversed(messages) if one["from"] == COORDINATOR and one["act"] in OUTCOMES), None)
    return {
        "trade_id": rows[0].trade_id,
        "conversation_id": again.conversation_id,
        "call": _call(again.call) if again.call else None,
        "decision": _json(again.recorded) if again.recorded is not None else None,
        "outcome": outcome and {"act": outcome["act"], "at": outcome["at"], **outcome["said"]},
        "credited": credited,
        "learnt": learnt and {"ppm": learnt[0]["ppm"] if isinstance(learnt[0], dict) else {}, "frozen": learnt[1]},
        "messages": messages,
        "weights": weights,
        "lost": [{"at": time_of(row.at_ns), "agent": row.agent, "why": row.note} for row in rows if row.kind == Kind.LOST],
        "replay": {"equal": again.is_equal, "findings": list(again.findings)},
        "rows": {"first": rows[0].seq, "last": rows[-1].seq, "hash": rows[-1].hash, "intact": all(row.is_intact for row in rows)},
    }


def lines_of(document: dict[str, Any]) -> Iterator[str]:
    """The document for a terminal."""
    call, decision = document["call"], document["decision"]
    if call:
        yield f"{document['trade_id']}: {' / '.join(call['actions'])} {call['base']} for {call['quote']}, as of {call['as_of']}"
    for one in document["messages"]:
        yield f"{one['at']}  {one['from'] or '?':>12} → {one['to'] or '?':<12} {one['act']:<8} {said(one)}"
    for one in document["lost"]:
        yield f"{one['at']}  {one['agent']:>12} is lost: {one['why']}"
    if decision:
        for tally in decision["tallies"]:
            yield f"  {tally['action']:<8} {tally['score_micro'] / 1e6:+.6f}  {', '.join(tally['favoured_by'])}"
        weights = ", ".join(f"{name} {ppm / 1e4:.2f} %" for name, ppm in decision["weights_ppm"].items())
        yield f"  weights: {weights or 'nobody proposed'}"
        yield f"decided {decision['reason']}"
    else:
        yield "not decided"
    if document["credited"]:
        yield f"credits of {document['credited']['result']} units: {paid(document['credited'])}"
    yield "replay: equal" if document["replay"]["equal"] else f"replay: NOT EQUAL {' '.join(document['replay']['findings'])}"


def paid(credited: dict[str, Any]) -> str:
    """Who was credited how much, in a line."""
    return ", ".join(f"{name} {units}" for name, units in credited["shapley"].items()) or "nobody proposed"


def said(message: dict[str, Any]) -> str:
    """What a message says, in a line."""
    if message["note"]:
        return f"set aside, {message['note']}"
    told = message["said"]
    if message["act"] == "propose":
        given = ", ".join(
            f"{one['action']} {one['utility_micro'] / 1e6:+.3f} (sure {one['confidence_ppm'] / 1e4:.0f} %)" for one in told["utilities"]
        )
        evidence = next((one["evidence_ref"] for one in told["utilities"] if one["evidence_ref"]), "")
        prompt = f", prompt {told['prompt_version']}" if told["prompt_version"] else ""
        return f"{given}; {told['model_version']}{prompt}{'; ' if evidence else ''}{evidence}"
    return " ".join(str(value) for value in told.values() if isinstance(value, str) and value)


def time_of(ns: int) -> str:
    """Nanoseconds since 1970 as UTC, to the microsecond."""
    try:
        return (EPOCH + timedelta(microseconds=ns // 1_000)).isoformat(timespec="microseconds")
    except OverflowError:
        return str(ns)


def _message(row: Row) -> dict[str, Any]:
    message = row.message()
    common = {"seq": row.seq, "at": time_of(row.at_ns), "note": row.note, "hash": row.hash}
    if message is None:
        return {**common, "act": "unread", "from": row.agent, "to": "", "sent_at": None, "said": {}}
    sent_at = time_of(message.sent_ns)
    return {**common, "act": message.kind, "from": message.sender, "to": message.receiver, "sent_at": sent_at, "said": _said(message)}


def _said(message: Message) -> dict[str, Any]:
    body = message.body
    if isinstance(body, Call):
        return {"actions": list(body.actions), "base": body.base, "quote": body.quote}
    told = asdict(body)
    if isinstance(body, Proposal):
        del told["agent"]
        told["utilities"] = list(told["utilities"])
    return told


def _call(call: Call) -> dict[str, Any]:
    return {
        "base": call.base,
        "quote": call.quote,
        "amount_in": str(call.amount_in),
        "actions": list(call.actions),
        "quorum": call.quorum,
        "as_of": time_of(call.as_of_ns),
        "deadline": time_of(call.deadline_ns),
        "input_sha256": call.input_sha256,
    }


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None
