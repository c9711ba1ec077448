"""What jurisdictions ask of an order: whose limits hold for a client, who is listed, and what a refusal says about it.

The limits are those of the rulebook that the reports are made from. A client's are those of every jurisdiction that covers one of its
countries, together; of one kind the lowest is asked first, so the strictest is named. The firm's own account is no client: no
jurisdiction's limits for clients hold for it, and lists of addresses do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from domain.problems import BadInput, LimitViolated
from domain.regulation.rulebook import Limit, Rulebook
from executor.guards.client_books import Books, ClientBooks
from executor.orders import Order

MAXIMA = ("order_usd", "day_usd", "position_usd")
MEMBERSHIPS = ("restricted_tokens", "restricted_pools", "client_residence")
ALERTS = ("alert:slack", "alert:email")
FIRM = "the firm's own account"


@dataclass(frozen=True, slots=True)
class Client:
    """Whom an order is for, by a pseudonymous id. `countries` are those of residence, nationality and tax (ISO 3166-1 alpha-2)."""

    client_id: str
    residence: str | None
    countries: frozenset[str]
    wallets: tuple[str, ...] = ()


class Clients(Protocol):
    """The clients that are known."""

    def of(self, client_id: str) -> Client | None:
        """The client of that id; None where there is none."""
        ...


class Listed(Protocol):
    """Addresses that nobody may deal with."""

    def find(self, address: str) -> str | None:
        """Where the address stands; None when it stands nowhere. Raises BadInput for what is no address."""
        ...


@dataclass(frozen=True, slots=True)
class PlacedLimit:
    """A limit with the jurisdiction that sets it; `most` is exact, `members` are written out."""

    jurisdiction: str
    limit: Limit
    most: Fraction | None
    members: frozenset[str]

    def violated(self, rule: str, sentence: str, *, client_id: str | None, value: str, unit: str) -> LimitViolated:
        """The refusal of an order that would go beyond it."""
        limit = self.limit
        by = "law" if limit.basis == "law" else "the firm's policy"
        return LimitViolated(
            rule,
            f"{sentence} This is limit {limit.id} of {self.jurisdiction}, by {by} ({limit.doc_ref}).",
            limit_id=limit.id,
            jurisdiction=self.jurisdiction,
            basis=limit.basis,
            doc_ref=str(limit.doc_ref),
            verified=limit.doc_ref.verified,
            client_id=client_id,
            value=value,
            limit=limit.most or "0",
            unit=unit,
            on_breach=", ".join(limit.on_breach),
        )


@dataclass(frozen=True, slots=True)
class Governing:
    """What holds for one order: its client, the limits by metric with the lowest first, and the client's books when asked."""

    client_id: str | None
    client: Client | None
    limits: Mapping[str, tuple[PlacedLimit, ...]]
    listed: Listed | None
    cash: frozenset[str]
    books: Callable[[], Books]

    def of(self, metric: str) -> tuple[PlacedLimit, ...]:
        """The limits of this kind."""
        return self.limits.get(metric, ())


@dataclass
class Jurisdictions:
    """The rulebook, the clients and the lists of one desk; each may be missing. `cash` are tokens that are no position.

    Raises BadInput for a rulebook with a limit that cannot be held to.
    """

    rulebook: Rulebook | None = None
    clients: Clients | None = None
    listed: Listed | None = None
    cash: frozenset[str] = frozenset()
    _placed: list[tuple[frozenset[str], PlacedLimit]] = field(default_factory=list, init=False)
    _by_countries: dict[frozenset[str], Mapping[str, tuple[PlacedLimit, ...]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        book = self.rulebook
        for place in book.jurisdictions.values() if book else ():
            assert book is not None, "there are no places without a book"
            self._placed += [(frozenset(place.countries), _placed(place.code, limit, book)) for limit in place.limits]

    def governing(self, order: Order, orders: Mapping[str, Order], books: ClientBooks, now: datetime) -> Governing:
        """What holds for this order."""
        client_id = order.request.client_id
        client = self.clients.of(client_id) if client_id is not None and self.clients is not None else None
        limits: Mapping[str, tuple[PlacedLimit, ...]] = self.limits_of(client.countries) if client else {}

        found: list[Books] = []

        def looked_up() -> Books:
            if not found:
                books.read(orders, now)
                found.append(books.beside(order, orders))
            return found[0]

        return Governing(client_id, client, limits, self.listed, self.cash, looked_up)

    def limits_of(self, countries: frozenset[str]) -> Mapping[str, tuple[PlacedLimit, ...]]:
        """The limits by metric for a client of these countries.

        A country that one jurisdiction says is not served is served to nobody: that limit holds for every client.
        """
        found = self._by_countries.get(countries)
        if found is None:
            holding = [one for covered, one in self._placed if one.limit.metric == "client_residence" or covered & countries]
            holding.sort(key=lambda one: (one.most or 0, one.jurisdiction, one.limit.id))
            found = self._by_countries[countries] = {
                metric: tuple(one for one in holding if one.limit.metric == metric) for metric in (*MAXIMA, *MEMBERSHIPS)
            }
        return found

    def to_json(self) -> dict[str, object]:
        """What is in force, in short."""
        book = self.rulebook
        return {
            "jurisdictions": sorted(book.jurisdictions) if book else [],
            "limits": [one.limit.id for _, one in self._placed],
            "clients_known": self.clients is not None,
            "addresses_screened": self.listed is not None,
        }


def _placed(jurisdiction: str, limit: Limit, book: Rulebook) -> PlacedLimit:
    where = f"jurisdictions.{jurisdiction}.limits, line {limit.line}: {limit.id}"
    unknown = [told for told in limit.on_breach if told not in ALERTS]
    if unknown:
        raise BadInput(f"{where} has on_breach {unknown[0]!r}; write {' or '.join(ALERTS)}.", field="on_breach")
    if limit.metric in MAXIMA:
        try:
            most = Fraction(limit.most or "")
        except (ValueError, ZeroDivisionError) as error:
            raise BadInput(f"{where} has most {limit.most!r}; write dollars as text, such as '250000'.", field="most") from error
        return PlacedLimit(jurisdiction, limit, most, frozenset())
    if limit.metric not in MEMBERSHIPS:
        raise BadInput(f"{where} has metric {limit.metric!r}; write one of {', '.join((*MAXIMA, *MEMBERSHIPS))}.", field="metric")
    members: list[str] = []
    for told in limit.members:
        if not told.startswith("@"):
            members.append(told)
        elif told[1:] in book.lists:
            members += book.lists[told[1:]]
        else:
            raise BadInput(f"{where} names the list {told}, which the rulebook does not have; add it under lists.", field="members")
    # None at all is right too: a list of the rulebook is empty until somebody is written on it, and the reader asks for a list.
    fold = str.upper if limit.metric == "client_residence" else str.lower
    return PlacedLimit(jurisdiction, limit, None, frozenset(map(fold, members)))
