"""Whose turn it is: one owner of the nonces of one key on one chain.

The journal knows every nonce that may have left this process; the node knows those that others used with the same key. A nonce is
handed out in the same breath in which a transaction is signed for it and given to the journal, and comes back when the journal
did not take it: nothing was sent then, so the next order may have it.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.problems import Broken, Unavailable
from executor.chain.node import Node, NodeRefused, number
from executor.journal import Journal
from executor.orders import FOREIGN_NONCE, GAP_FILLED, Entry, State
from executor.ports import Clock


@dataclass(frozen=True, slots=True)
class Counts:
    """How many transactions of the account the node knows: in blocks up to the newest, and with those that wait in line."""

    latest: int
    pending: int


class NonceOwner:
    """Hands out the nonces of `account` on one chain; there must be one of it for each key."""

    def __init__(self, chain_id: int, account: str, node: Node, journal: Journal, clock: Clock) -> None:
        self.chain_id = chain_id
        self.account = account
        self._node = node
        self._journal = journal
        self._clock = clock
        self._handed_out: set[int] = set()
        self._given_back: set[int] = set()
        self._counts: Counts | None = None
        self._highest, self._reported = -1, -1
        self._read_to = 0
        self._read_journal()

    async def ask(self) -> Counts:
        """Ask the node for its counts and take them into account. Raises Unavailable without a usable answer."""
        answers = await self._node.batch([("eth_getTransactionCount", (self.account, tag)) for tag in ("latest", "pending")])
        for answer in answers:
            if isinstance(answer, NodeRefused):
                raise Unavailable(
                    f"The node does not count the account's transactions ({answer.message}); ask again.", account=self.account
                )
        counts = Counts(number(answers[0], "latest count"), number(answers[1], "pending count"))
        self.take_note(counts)
        return counts

    def take_note(self, counts: Counts) -> None:
        """What the node said just now. A node that lags behind takes nothing back: counts only grow here."""
        known = self._counts or counts
        self._counts = Counts(max(known.latest, counts.latest), max(known.pending, counts.pending))

    def take(self) -> int:
        """The next nonce, ours until the journal has it (`settle`) or refused it (`give_back`). Ask the node before.

        It is never one that the journal knows, whatever the node says. Raises Broken when the node was never asked.
        """
        if self._counts is None:
            raise Broken("A nonce was wanted before the node was asked for its counts; ask it first.", account=self.account)
        self._read_journal()
        again = sorted(one for one in self._given_back if one >= self._counts.latest and not self.is_owned(one))
        nonce = (
            again[0] if again else max(self._highest + 1, max(self._handed_out, default=-1) + 1, self._counts.latest, self._counts.pending)
        )
        self._given_back.discard(nonce)
        self._handed_out.add(nonce)
        return nonce

    def settle(self, nonce: int) -> None:
        """The journal has it."""
        self._handed_out.discard(nonce)
        self._read_journal()

    def give_back(self, nonce: int) -> None:
        """The journal did not take it, so nothing was sent. Should the journal find later that it did, `take` sees that."""
        self._handed_out.discard(nonce)
        self._given_back.add(nonce)

    def keep_from_orders(self, nonce: int) -> bool:
        """No order may have this nonce any more, because it is being filled. False when an order has it already."""
        if nonce in self._handed_out or self.is_owned(nonce):
            return False
        self._given_back.discard(nonce)
        return True

    def is_owned(self, nonce: int) -> bool:
        """Whether an order was signed for it, as far as the journal knows."""
        return self._journal.orders.owner_of(self.account, nonce) is not None

    def foreign_use(self, counts: Counts) -> Entry | None:
        """An entry when the node counts more transactions than we know of, once for each count. Nothing before our first order."""
        self._read_journal()
        ours = max(self._highest, max(self._handed_out, default=-1)) + 1
        count = max(counts.latest, counts.pending)
        if self._highest < 0 or count <= max(ours, self._reported):
            return None
        where = "blocks" if counts.latest == count else "line"
        facts = {"chain_id": self.chain_id, "account": self.account, "from": max(ours, self._reported), "until": count, "where": where}
        return Entry(FOREIGN_NONCE, None, self._clock.now(), facts)

    def missing(self, counts: Counts, highest_open: int) -> int | None:
        """The nonce that the chain waits for, if it is nobody's and an open order of ours waits behind it."""
        nonce = max(counts.latest, counts.pending)
        return nonce if nonce < highest_open and nonce not in self._handed_out and not self.is_owned(nonce) else None

    def _read_journal(self) -> None:
        """Catch up with what the journal learned since."""
        rows = self._journal.since(self._read_to)
        self._read_to += len(rows)
        for row in rows:
            kind, order_id = row.about
            if kind == State.SIGNED and order_id is not None:
                nonce = row.entry.facts["nonce"]
                if self._journal.orders.owner_of(self.account, nonce) == order_id:
                    self._highest = max(self._highest, nonce)
            elif kind == FOREIGN_NONCE and row.entry.facts["account"] == self.account:
                self._reported = max(self._reported, row.entry.facts["until"])
            elif kind == GAP_FILLED and row.entry.facts["account"] == self.account:
                self._given_back.discard(row.entry.facts["nonce"])
