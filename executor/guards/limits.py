"""The limits of a desk, as a value, and the order among them: which of two is looser, and what is the tighter of both.

None means that a limit is not set, which is the loosest. Dollars are exact decimals, amounts are base units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Self

ANY = "*"


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """Limits of one token in its base units, for desks that trade what nothing prices, or do not trust prices alone."""

    max_per_order: int | None = None
    max_per_day: int | None = None
    max_loss_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the desk may do at most. docs/running-live.md says of each what it is for.

    `max_notional_per_symbol_usd` is by market (see `market_of`), `*` stands for every other; `amounts` is by token address.
    An allow-list that is None allows all. `said` are the settings that the file spelt out: one that is in force is not dropped by
    leaving it out.
    """

    max_notional_per_order_usd: Decimal | None = None
    max_notional_per_day_usd: Decimal | None = None
    max_notional_per_symbol_usd: Mapping[str, Decimal] = field(default_factory=dict)
    amounts: Mapping[str, AmountLimits] = field(default_factory=dict)
    max_slippage_bps: int = 100
    max_certificate_bps: Decimal | None = None
    max_plan_age_blocks: int = 2
    max_state_age_seconds: int = 60
    max_open_orders: int = 16
    allowed_tokens: frozenset[str] | None = None
    allowed_pools: frozenset[str] | None = None
    allowed_routers: frozenset[str] | None = None
    max_loss_per_day_usd: Decimal | None = None
    max_rejects: int | None = None
    reject_window_minutes: int = 10
    said: frozenset[str] = field(default=frozenset(), compare=False)

    def symbol_limit(self, market: str) -> Decimal | None:
        """What may be sold in this market within a day, in dollars."""
        return self.max_notional_per_symbol_usd.get(market, self.max_notional_per_symbol_usd.get(ANY))

    def amount_limits(self, token: str) -> AmountLimits:
        """The limits of a token in base units."""
        return self.amounts.get(token, NO_AMOUNTS)

    def looser_than(self, other: Limits) -> list[str]:
        """The names of the limits that allow something here which `other` does not."""
        met = self.tightest(other)
        return [name for name in _NAMES if _effect(self, name) != _effect(met, name)]

    def changed_from(self, other: Limits) -> list[str]:
        """The names of the limits that differ."""
        return [name for name in _NAMES if getattr(self, name) != getattr(other, name)]

    def tightest(self, other: Limits) -> Self:
        """The limits that allow only what both allow."""
        return type(self)(**{name: _MEETS.get(name, _least)(self, other, name) for name in _NAMES}, said=self.said | other.said)

    def to_json(self) -> dict[str, Any]:
        """Every limit by name, dollars and amounts as text; None where it is not set."""
        return {name: _told(getattr(self, name)) for name in _NAMES}


NO_AMOUNTS = AmountLimits()
_NAMES = tuple(one.name for one in fields(Limits) if one.compare)


def market_of(sell: str, buy: str) -> str:
    """Two tokens as one market, whichever way they are traded: their addresses in order."""
    return "/".join(sorted((sell.lower(), buy.lower())))


def _least(one: Any, other: Any, name: str) -> Any:
    told = [value for value in (getattr(one, name), getattr(other, name)) if value is not None]
    return min(told) if told else None


def _longest(one: Limits, other: Limits, name: str) -> int:
    return max(getattr(one, name), getattr(other, name))


def _both(one: Limits, other: Limits, name: str) -> frozenset[str] | None:
    first, second = getattr(one, name), getattr(other, name)
    return second if first is None else first if second is None else first & second


def _symbols(one: Limits, other: Limits, name: str) -> dict[str, Decimal]:
    markets = {**one.max_notional_per_symbol_usd, **other.max_notional_per_symbol_usd}
    found = {}
    for market in markets:
        told = [limit for limit in (one.symbol_limit(market), other.symbol_limit(market)) if limit is not None]
        found[market] = min(told)
    return found


def _amounts(one: Limits, other: Limits, name: str) -> dict[str, AmountLimits]:
    names = [each.name for each in fields(AmountLimits)]
    return {
        token: AmountLimits(**{each: _least(one.amount_limits(token), other.amount_limits(token), each) for each in names})
        for token in {**one.amounts, **other.amounts}
    }


# Everything else is a number of which less is tighter. Of the rejects' window, longer is: it counts more of them.
_MEETS: Mapping[str, Callable[[Limits, Limits, str], Any]] = {
    "max_notional_per_symbol_usd": _symbols,
    "amounts": _amounts,
    "allowed_tokens": _both,
    "allowed_pools": _both,
    "allowed_routers": _both,
    "reject_window_minutes": _longest,
}


def _effect(limits: Limits, name: str) -> Any:
    """A limit without what changes nothing, so that two ways to say the same compare as equal."""
    value = getattr(limits, name)
    if name == "amounts":
        return {token: one for token, one in value.items() if one != NO_AMOUNTS}
    if name == "max_notional_per_symbol_usd":
        rest = value.get(ANY)
        return {market: limit for market, limit in value.items() if market == ANY or limit != rest}
    return value


def _told(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, AmountLimits):
        return {one.name: None if getattr(value, one.name) is None else str(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: _told(one) for name, one in value.items()}
    return value
