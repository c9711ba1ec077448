"""From what was asked to what will be signed: the plan, its rehearsal, and every rule that may say no on the way.

Nothing is written here. What happened comes back as entries, so that the desk commits them together with what follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.problems import LimitViolated, Problem, Refused, Unavailable
from executor.desk.collaborators import Gas, Guarding, Planner, Rehearsal, Stage
from executor.desk.pen import Pen
from executor.orders import VIOLATION, Entry, Order, State, entry_of


@dataclass(slots=True)
class Prepared:
    """An order as it will be once `entries` are written; refused when its state says so."""

    order: Order
    entries: list[Entry] = field(default_factory=list)

    @property
    def was_refused(self) -> bool:
        """Whether a rule said no."""
        return self.order.state is State.REFUSED

    def refuse(self, problem: Problem, at: datetime) -> None:
        """A rule says no. What a jurisdiction forbids is written down as a violation too, in the same commit, so once and for good."""
        if isinstance(problem, LimitViolated):
            self.note(entry_of(VIOLATION, self.order.order_id, at, violation_facts(problem)))
        self.note(entry_of(State.REFUSED, self.order.order_id, at, refusal_facts(problem)))

    def note(self, entry: Entry) -> None:
        """One more thing that happened."""
        self.order = self.order.after(entry)
        self.entries.append(entry)


class Preparation:
    """Plans and rehearses orders."""

    def __init__(self, pen: Pen, planner: Planner, rehearsal: Rehearsal, gas: Gas, guards: Guarding) -> None:
        self._pen = pen
        self._planner = planner
        self._rehearsal = rehearsal
        self._gas = gas
        self._guards = guards

    async def prepare(self, order: Order, symbol: str, *, patient: bool = False) -> Prepared:
        """The order planned, rehearsed and checked, or refused by whatever rule said no first.

        With `patient`, whoever does not answer is not a reason to refuse: Unavailable is raised and the order may be prepared later.
        """
        prepared = Prepared(order)
        try:
            await self._go_through(prepared, symbol)
        except Unavailable as problem:
            if patient:
                raise
            prepared.refuse(problem, self._pen.now())
        except Refused as problem:
            prepared.refuse(problem, self._pen.now())
        return prepared

    def may_be_signed(self, prepared: Prepared) -> bool:
        """The last look of the guards, right before signing; notes the refusal when one says no."""
        try:
            self._check("sign", prepared.order)
        except Refused as problem:
            prepared.refuse(problem, self._pen.now())
        return not prepared.was_refused

    async def _go_through(self, prepared: Prepared, symbol: str) -> None:
        order = prepared.order
        self._check("intent", order)
        routed = await self._planner.plan(order.request, order.account, int(order.deadline.timestamp()))
        prepared.note(entry_of(State.ROUTED, order.order_id, self._pen.now(), routed))
        self._check("routed", prepared.order)
        rehearsed = await self._rehearsal.rehearse(order.request, routed, order.account)
        if order.mode == "live" and rehearsed.fees is None:
            fees = await self._gas.fees()
            rehearsed = replace(rehearsed, fees=fees, max_cost_wei=rehearsed.gas_limit * fees.max_fee_per_gas)
        prepared.note(entry_of(State.SIMULATED, order.order_id, self._pen.now(), rehearsed))
        self._check("simulated", prepared.order)
        if rehearsed.fees is not None:
            self._gas.check_budget(symbol, rehearsed.gas_limit, rehearsed.fees)

    def _check(self, stage: Stage, order: Order) -> None:
        self._pen.expect(order)
        self._guards.check(stage, order, self._pen.with_those_on_their_way(), self._pen.now())


def refusal_facts(problem: Problem) -> dict[str, object]:
    """What the journal says about a refusal: the rule, the sentence and its facts, as JSON values."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(problem).__name__).lower()
    facts = {key: value if isinstance(value, str | int | float | bool | None) else str(value) for key, value in problem.facts.items()}
    return {"rule": name, **facts, "message": problem.message}


def violation_facts(problem: LimitViolated) -> dict[str, object]:
    """What the journal says about a violation: which limit, whose, what was compared, where it is written. Nobody's name."""
    told = problem.facts
    return {
        **{name: told[name] for name in ("limit_id", "rule", "jurisdiction", "basis", "client_id", "doc_ref", "verified", "unit")},
        "value": str(told["value"]),
        "maximum": str(told["limit"]),
        "on_breach": told["on_breach"].split(", ") if told["on_breach"] else [],
    }
