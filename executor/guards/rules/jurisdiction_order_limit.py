"""No single order of a client is bigger than its jurisdictions' limits, in dollars."""

from __future__ import annotations

from executor.guards.rule import Case, Rule, dollars

NAME = "jurisdiction_order_limit"


def check(case: Case) -> None:
    """Raises LimitViolated for an order that sells more, GuardRefused (`unpriced`) where nothing prices what it sells."""
    limits = case.governing.of("order_usd") if case.governing else ()
    if not limits:
        return
    request = case.order.request
    worth = case.usd(request.sell, request.amount_in)
    for placed in limits:
        if placed.most is not None and worth > placed.most:
            raise placed.violated(
                NAME,
                f"the order sells {dollars(worth)} USD and the most is {placed.limit.most} USD; sell less.",
                client_id=request.client_id,
                value=dollars(worth),
                unit="USD",
            )


RULE = Rule(NAME, ("intent", "sign"), "What a law or the firm's policy lets a client trade at once ends where it says.", check)
