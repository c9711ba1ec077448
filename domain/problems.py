"""What can go wrong, named for what the caller does next.

Problem
├── Refused        the request cannot be served as it stands: change it, do not retry
│   ├── BadInput           a file, field or argument is not what it must be
│   ├── NotEnoughLiquidity the pool cannot give that much
│   ├── NoRoute            no path joins the two tokens
│   ├── UnknownPool        no pool goes by that id or address
│   ├── UnknownToken       no token goes by that symbol or address
│   ├── BundleRejected     a model bundle failed its verification
│   ├── MessageRejected    a message of an agent is set aside; `fault` names why
│   ├── UnknownNegotiation no negotiation was held about that trade
│   ├── GuardRefused       a rule of the desk said no; `rule` names it
│   │   └── LimitViolated      a rule of a jurisdiction did: it is written down as a violation, and people are told
│   ├── NotAllowed         the caller did not show that it may do this
│   │   └── WrongRole      the caller showed who it is, and may not do this
│   ├── JournalHeld        another executor owns the journal
│   ├── IllegalTransition  a filing cannot take that step from where it is; `allowed` lists those it can
│   ├── WouldRevert        the rehearsal on the newest block reverts
│   │   ├── InsufficientBalance    the account holds too little
│   │   └── InsufficientAllowance  the account lets the router take too little
│   ├── WouldMissOrder     the rehearsal succeeds and does not do what was asked
│   ├── CannotRehearse     the safety simulation cannot show what this token would do
│   ├── OverGasBudget      the gas could cost more than the budget of the symbol
│   ├── StillKept          a retention rule or a legal hold keeps the record: wait for its day, or for the release
│   ├── HopelessTrial      the experiment can't succeed as planned
│   ├── UnknownOrder       no order goes by that client order id
│   ├── UnknownReport      no report of that name, period or format was written
│   ├── OrderConflict      an order id was used before for another order
│   ├── UnknownModel       no model of that name and version is on the shelf, or no activation has that id
│   ├── ActivationConflict a key was used for another activation, or another one came between
│   └── WeightsOvertaken   another executor saved the agents' weights since they were loaded
├── Unavailable    the other side did not answer: retry later
│   ├── StaleState         the node's newest block is too old, or not there to be rehearsed on
│   ├── ActivationUnderWay one model is being shifted; the next can be activated once it is done
│   └── JournalUnavailable nothing was written to the journal, so nothing may be done
└── Broken         an invariant of ours does not hold: page a person
"""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """Anything Grekko raises on purpose: a sentence that says what to do, and the facts behind it."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def to_json(self) -> dict[str, Any]:
        """The error as a flat document: `error` is the name, `message` the sentence, the rest are the facts."""
        return {"error": type(self).__name__, "message": self.message, **self.facts}


class Refused(Problem):
    """The request cannot be served as it stands; the same request will be refused again."""


class Unavailable(Problem):
    """Something outside did not answer; the same request may succeed later."""


class Broken(Problem):
    """An invariant of ours does not hold; a person must look."""


class BadInput(Refused):
    """A file, field or argument is not what it must be."""


class NotEnoughLiquidity(Refused):
    """The pool cannot give, or take, that much."""


class NoRoute(Refused):
    """No path of pools joins the two tokens."""


class UnknownPool(Refused):
    """No pool goes by that id or address."""


class UnknownToken(Refused):
    """No token goes by that symbol or address."""


class BundleRejected(Refused):
    """A model bundle failed its verification and is not loaded."""


class MessageRejected(Refused):
    """A message of an agent is set aside: the negotiation goes on without it. `fault` names why."""

    def __init__(self, fault: str, sentence: str, **facts: Any) -> None:
        super().__init__(sentence, fault=fault, **facts)


class UnknownNegotiation(Refused):
    """No negotiation was held about that trade."""


class NegotiationConflict(Refused):
    """The trade was asked about, or its outcome told, in another way before; what was recorded stays."""


class GuardRefused(Refused):
    """A rule of the desk said no. `rule` names it; what it compared is in the facts `value` and `limit`, in `unit`."""

    def __init__(self, rule: str, sentence: str, **facts: Any) -> None:
        super().__init__(f"Refused by {rule}: {sentence}", rule=rule, **facts)


class LimitViolated(GuardRefused):
    """What a jurisdiction, or a list of addresses that may not be dealt with, forbids. The refusal is journalled as a violation too.

    The facts name the limit: `limit_id`, `jurisdiction`, `basis` (law or internal_policy), `doc_ref` with `verified`, `client_id`.
    """


class NotAllowed(Refused):
    """The caller did not show that it may do this."""


class WrongRole(NotAllowed):
    """The caller showed who it is, and may not do this."""


class OrderConflict(Refused):
    """A client order id was used before, for an order that was not the same."""


class StillKept(Refused):
    """A retention rule, a lock or a legal hold keeps the record: nothing was deleted. `until` is its last day, None without an end."""


class HopelessTrial(Refused):
    """The experiment could not come to a verdict in the time the policy allows: change the plan, not the rule."""


class UnknownOrder(Refused):
    """No order goes by that client order id."""


class UnknownReport(Refused):
    """No report goes by that name, or none was written for that day or in that format."""


class UnknownModel(Refused):
    """No model goes by that name and version, or no activation by that id."""


class ActivationConflict(Refused):
    """The key was used for another activation, another activation came between, or there is nothing to roll back to."""


class JournalHeld(Refused):
    """Another executor owns the journal; two owners would sign one nonce for two meanings."""


class IllegalTransition(Refused):
    """A filing cannot take that step from where it is. `allowed` lists those it can."""


class WouldRevert(Refused):
    """On the newest block the call reverts; it was not signed."""


class InsufficientBalance(WouldRevert):
    """The account holds less than the order sells, or than its gas could cost: fund it."""


class InsufficientAllowance(WouldRevert):
    """The account lets the router take less than the order sells: approve it."""


class WouldMissOrder(Refused):
    """On the newest block the call succeeds and does not do what was asked: another amount goes in, or too little comes out."""


class CannotRehearse(Refused):
    """The safety simulation cannot put this token into the stand-in's hands, so it cannot show what would happen."""


class OverGasBudget(Refused):
    """At worst the gas would cost more than the budget of the symbol: wait for cheaper gas, or raise the budget."""


class WeightsOvertaken(Refused):
    """Another executor saved the agents' weights since they were loaded: load them and learn from there."""


class StaleState(Unavailable):
    """The node's newest block is too old, behind ours, or cannot be had: nothing rehearsed on it would be true."""


class ActivationUnderWay(Unavailable):
    """Another activation is not done yet: ask again after `retry_after_seconds`."""


class JournalUnavailable(Unavailable):
    """The journal's disk or database did not take the entries: nothing was written, so nothing may be done."""
