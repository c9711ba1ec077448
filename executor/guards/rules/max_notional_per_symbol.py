"""Within any 24 hours the desk sells no more in one market than it may, both directions together, in dollars."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.limits import market_of
from executor.guards.rule import Case, Rule, dollars


def check(case: Case) -> None:
    """Raises GuardRefused for an order that would go beyond the limit of its market with all that was sold there."""
    request = case.order.request
    market = market_of(request.sell, request.buy)
    limit = case.limits.symbol_limit(market)
    if limit is None:
        return
    sold, worth = case.usd_of(case.exposure.sold_in.get(market, {})), case.usd(request.sell, request.amount_in)
    if sold + worth > limit:
        symbol = f"{case.name_of(request.sell)}/{case.name_of(request.buy)}"
        raise GuardRefused(
            "max_notional_per_symbol",
            f"{dollars(sold)} USD were sold in {symbol} within 24 hours or are under way, this order sells {dollars(worth)} USD and the "
            f"limit is {limit} USD; sell less, trade another market, or wait.",
            value=dollars(sold + worth),
            limit=str(limit),
            unit="USD",
            symbol=symbol,
        )


RULE = Rule(
    "max_notional_per_symbol",
    ("intent", "simulated", "sign"),
    "One market that behaves oddly must not be able to use up the whole day.",
    check,
)
