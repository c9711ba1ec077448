"""A client holds no more of a token by the desk's trading than its jurisdictions' limits, in dollars.

`executor/guards/client_books.py` says what counts. Tokens that the desk file calls dollars are cash and no position.
"""

from __future__ import annotations

from executor.guards.rule import Case, Rule, dollars

NAME = "jurisdiction_position_limit"


def check(case: Case) -> None:
    """Raises LimitViolated for a plan after which the client would hold more of the token that it buys, at the price of now."""
    governing, routed, request = case.governing, case.order.routed, case.order.request
    limits = governing.of("position_usd") if governing else ()
    if not limits or governing is None or routed is None or request.buy in governing.cash:
        return
    worth = case.usd(request.buy, governing.books().held.get(request.buy, 0) + routed.amount_out)
    for placed in limits:
        if placed.most is not None and worth > placed.most:
            raise placed.violated(
                NAME,
                f"the client would hold {dollars(worth)} USD of {case.name_of(request.buy)} and the most is {placed.limit.most} USD; "
                "buy less, or sell some first.",
                client_id=request.client_id,
                value=dollars(worth),
                unit="USD",
            )


RULE = Rule(NAME, ("routed", "simulated", "sign"), "Many small orders add up to a position that one order would not be let into.", check)
