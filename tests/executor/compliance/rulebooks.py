"""A rulebook of two places and a few fictional clients, for tests of limits: 5000 USD an order in the EU, none in Singapore."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.regulation.rulebook import DocRef, Jurisdiction, Limit, Rulebook
from executor.guards import Client

ARTICLE = DocRef("2023/1114", "Art 68(9)", "EU", verified=True)
POLICY = DocRef("policy-2026", "section 4", "Grekko")
ALERTED = ("alert:slack", "alert:email")


def limit(name: str = "EU-POL-1", metric: str = "order_usd", most: str | None = "5000", *members: str, **changed: object) -> Limit:
    """A limit of the firm's policy that alerts both ways."""
    told = {"basis": "internal_policy", "text": "…", "doc_ref": POLICY, "on_breach": ALERTED, **changed}
    return Limit(name, metric=metric, most=None if members else most, members=members, **told)  # type: ignore[arg-type]


def rulebook(*of_the_eu: Limit, singapore: tuple[Limit, ...] = (), **lists: tuple[str, ...]) -> Rulebook:
    """The EU with these limits (by default one of 5000 USD an order), and Singapore."""
    limits = of_the_eu or (limit(),)
    places = (
        Jurisdiction("EU", "European Union", "ESMA", ("DE", "FR"), limits=limits),
        Jurisdiction("SG", "Singapore", "MAS", ("SG",), limits=singapore),
    )
    return Rulebook(1, {place.code: place for place in places}, lists=lists)


def client(name: str, *countries: str, wallets: tuple[str, ...] = ()) -> Client:
    """A client of these countries; it lives in the first, or nobody knows where."""
    return Client(name, countries[0] if countries else None, frozenset(countries), wallets)


@dataclass
class Known:
    """The clients of a test."""

    clients: dict[str, Client] = field(
        default_factory=lambda: {
            "german": client("german", "DE"),
            "singaporean": client("singaporean", "SG"),
            "both": client("both", "SG", "DE"),
            "nowhere": client("nowhere"),
        }
    )

    def of(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)


@dataclass
class ListedHere:
    """A list of addresses."""

    entries: dict[str, str] = field(default_factory=dict)

    def find(self, address: str) -> str | None:
        assert address == address.lower() and address.startswith("0x"), address
        return self.entries.get(address)
