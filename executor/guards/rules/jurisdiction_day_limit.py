"""Within any 24 hours a client sells no more than its jurisdictions' limits, in dollars."""

from __future__ import annotations

from executor.guards.rule import Case, Rule, dollars

NAME = "jurisdiction_day_limit"


def check(case: Case) -> None:
    """Raises LimitViolated for an order that would go beyond with all that the client sold, and all of it that is under way."""
    limits = case.governing.of("day_usd") if case.governing else ()
    if not limits or case.governing is None:
        return
    request = case.order.request
    worth = case.usd_of(case.governing.books().sold) + case.usd(request.sell, request.amount_in)
    for placed in limits:
        if placed.most is not None and worth > placed.most:
            raise placed.violated(
                NAME,
                f"with this order the client would have sold {dollars(worth)} USD within 24 hours and the most is {placed.limit.most} USD; "
                "sell less, or wait.",
                client_id=request.client_id,
                value=dollars(worth),
                unit="USD",
            )


RULE = Rule(NAME, ("intent", "simulated", "sign"), "A limit for one order is none for somebody who sends many.", check)
