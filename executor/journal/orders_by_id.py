"""The orders of a journal, each folded from its entries when somebody asks for it, so that a long journal opens at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.problems import Broken
from executor.journal.sealing import Sealed
from executor.orders import TERMINAL, Entry, Order, State

# A life may end at SIMULATED when nothing is signed, which only the fold can tell.
_ENDS = frozenset(str(state) for state in TERMINAL)
# A quote inside a text is escaped, so this stands in a row only where a request names a client.
_NAMES_A_CLIENT = '"client_id":"'


class OrdersById(Mapping[str, Order]):
    """Order by client order id, in the order they were begun; grows with the journal."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Sealed]] = {}
        self._folded: dict[str, Order] = {}
        self._nonces: dict[tuple[str | None, int], str] = {}
        self._of_clients: list[str] = []

    def __getitem__(self, order_id: str) -> Order:
        folded = self._folded.get(order_id)
        if folded is None:
            order = None
            for row in self._rows[order_id]:
                order = following(order, row.entry)
            assert order is not None, "an order without rows is not in the mapping"
            folded = self._folded[order_id] = order
        return folded

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def unfinished(self) -> list[Order]:
        """The orders of which something may still happen. Far cheaper than looking at all: what has ended isn't folded."""
        going = [order_id for order_id, rows in self._rows.items() if rows[-1].about[0] not in _ENDS]
        return [order for order_id in going if not (order := self[order_id]).is_terminal]

    def of_clients(self, since: int = 0) -> tuple[list[str], list[str]]:
        """Ids of the orders that name a client, from that place on, and of those that are on their way: a journal has none of these."""
        return self._of_clients[since:], []

    def rows_of(self, order_id: str) -> Sequence[Sealed]:
        """The rows about one order, none for an unknown one."""
        return self._rows.get(order_id, ())

    def owner_of(self, account: str | None, nonce: int) -> str | None:
        """Which order signed for this nonce of the account."""
        return self._nonces.get((account, nonce))

    def take(self, row: Sealed, folded: Mapping[str, Order] | None = None) -> None:
        """One more durable row; `folded` are the orders with it and its neighbours, when somebody has them already."""
        kind, order_id = row.about
        if order_id is None:
            return
        self._rows.setdefault(order_id, []).append(row)
        if kind == State.INTENT and _NAMES_A_CLIENT in row.text:
            self._of_clients.append(order_id)
        if folded:
            self._folded[order_id] = folded[order_id]
        else:
            self._folded.pop(order_id, None)
        if kind == State.SIGNED:
            account = self._rows[order_id][0].entry.facts["account"]
            self._nonces.setdefault((account, row.entry.facts["nonce"]), order_id)


def following(order: Order | None, entry: Entry) -> Order:
    """The order after one more of its entries. Raises Broken when the entry cannot follow or its facts are not those of its kind."""
    try:
        if order is not None:
            return order.after(entry)
        begun = Order.begun(entry)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Broken(
            f"Order {entry.order_id}: the facts of {entry.kind} are not those of such an entry ({type(error).__name__}: {error}).",
            order_id=entry.order_id,
        ) from error
    if begun.order_id != entry.order_id:
        raise Broken(f"Order {entry.order_id} begins with the request of order {begun.order_id}.", order_id=entry.order_id)
    return begun
