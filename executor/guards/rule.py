"""What a guard is: one rule with a name, the stages at which it is asked, and a sentence that says why it exists.

A rule is one file in `executor/guards/rules/` that defines `RULE`, or a package with an entry point in the group `grekko.guards`.
Dropping the file in is the whole registration. The kill switch is asked first, the others follow by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from functools import cache
from importlib.metadata import entry_points
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol

from domain.problems import Broken, GuardRefused
from executor.guards.exposure import Exposure
from executor.guards.jurisdictions import Governing
from executor.guards.limits import Limits
from executor.guards.switch import SwitchState
from executor.orders import Mode, Order
from executor.routing.pool_book import Token

Stage = Literal["intent", "routed", "simulated", "sign"]
FIRST = "kill_switch"


class Prices(Protocol):
    """What tokens are worth."""

    def usd(self, token: str) -> float | None:
        """Dollars for one whole token at this address; None where nobody knows."""
        ...


class Newest(NamedTuple):
    """The newest state that is known: the block's number, and when it was last known to be the newest."""

    block_number: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """An order before the rules: what it is, what the desk has sold already, and what is known of the world.

    `exposure` is without the order itself. `newest` is None while nothing is known of the chain, `governing` where the desk knows
    neither rulebook, clients nor lists.
    """

    stage: Stage
    order: Order
    now: datetime
    limits: Limits
    exposure: Exposure
    switch: SwitchState
    newest: Newest | None
    prices: Prices
    tokens: Mapping[str, Token] = field(default_factory=dict)
    governing: Governing | None = None

    @property
    def mode(self) -> Mode:
        """What the order may do."""
        return self.order.mode

    def name_of(self, token: str) -> str:
        """The token as a person says it."""
        found = self.tokens.get(token)
        return found.symbol if found else token

    def usd(self, token: str, amount: int) -> Fraction:
        """What an amount in base units is worth, exactly at the price of now. Raises GuardRefused where nothing prices the token."""
        described = self.tokens.get(token)
        price = self.prices.usd(token)
        # A price is a float from outside: what is not a positive number prices nothing.
        if described is None or price is None or not 0 < price < float("inf"):
            raise GuardRefused(
                "unpriced",
                f"nothing prices {self.name_of(token)} and a limit in dollars is set; wait for a price, or limit its amounts instead.",
                token=token,
            )
        return Fraction(price) * amount / 10**described.decimals

    def usd_of(self, sold: Mapping[str, int]) -> Fraction:
        """What amounts by token are worth together."""
        return sum((self.usd(token, amount) for token, amount in sold.items() if amount), Fraction(0))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `check` raises GuardRefused with this rule's name when the order must not go on; `why` is the reason that it exists."""

    name: str
    stages: tuple[Stage, ...]
    why: str
    check: Callable[[Case], None]


def tokens_of(order: Order) -> list[str]:
    """Every token that the order sells, buys, or holds on the way, as far as it is planned; lowercase, each once."""
    legs = order.routed.legs if order.routed else ()
    told = (order.request.sell, order.request.buy, *(side for leg in legs for side in (leg.sell, leg.buy)))
    return list(dict.fromkeys(token.lower() for token in told if token))


def dollars(amount: Fraction) -> str:
    """Dollars as text with cents, rounded up, so that what is over a limit never looks as if it were not."""
    cents = -(-amount.numerator * 100 // amount.denominator)
    return f"{cents // 100}.{cents % 100:02d}"


@cache
def every_rule() -> Sequence[Rule]:
    """All rules in the order in which they are asked: those of this repository and those that installed packages bring.

    Raises Broken when two rules have one name.
    """
    folder = importlib.import_module("executor.guards.rules")
    built_in = [importlib.import_module(f"{folder.__name__}.{module.name}").RULE for module in pkgutil.iter_modules(folder.__path__)]
    return in_order([*built_in, *(point.load() for point in entry_points(group="grekko.guards"))])


def in_order(rules: Iterable[Rule]) -> Sequence[Rule]:
    """The rules as they are asked. Raises Broken when two have one name: the journal could not tell who refused."""
    found = sorted(rules, key=lambda rule: (rule.name != FIRST, rule.name))
    for one, other in pairwise(found):
        if one.name == other.name:
            raise Broken(f"Two rules are called {one.name}; rename one of them.", rule=one.name)
    return tuple(found)
