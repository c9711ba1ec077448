"""Signing and sending: nothing is sent that is not in the journal, and every transaction of an order has the order's nonce.

Sending the same bytes again is harmless, so it is done whenever in doubt. What the node answers decides nothing about the order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from domain.problems import Broken, Unavailable
from executor.chain.node import Node, NodeRefused
from executor.desk.collaborators import Signing
from executor.desk.pen import Pen
from executor.nonces import NonceOwner
from executor.orders import GAP_FILLED, Attempt, Entry, Fees, Order, Purpose, State, entry_of

LOG = logging.getLogger(__name__)
# A transfer of nothing to oneself, which is what a cancellation is, costs this much gas on every EVM chain.
CANCELLATION_GAS = 21_000
# Words in a node's answer to a transaction that mean it has it already. Nodes have no codes for this.
KNOWN_WORDS = ("already known", "known transaction", "already imported", "already exists", "alreadyknown")
UNDERPRICED_WORDS = ("underpriced", "replacement fee too low", "gas price too low to replace")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a transaction offers for gas, wei per gas."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int

    @classmethod
    def of(cls, fees: Fees | Attempt) -> Offer:
        """The two fields of an estimate or of an attempt."""
        return cls(fees.max_fee_per_gas, fees.max_priority_fee_per_gas)

    def raised(self, market: Offer) -> Offer:
        """An offer that nodes accept in place of this one, an eighth more in both fields, and that is no less than the market's."""
        fee, tip = (max(-(-old * 9 // 8), old + 1) for old in (self.max_fee_per_gas, self.max_priority_fee_per_gas))
        tip = max(tip, market.max_priority_fee_per_gas)
        return Offer(max(fee, market.max_fee_per_gas, tip), tip)

    def is_less_than(self, market: Offer) -> bool:
        """Whether the market asks for more in either field."""
        return self.max_fee_per_gas < market.max_fee_per_gas or self.max_priority_fee_per_gas < market.max_priority_fee_per_gas


class Dispatch:
    """Signs for one key on one chain, and sends."""

    def __init__(self, chain_id: int, node: Node, pen: Pen, signer: Signing, nonces: NonceOwner) -> None:
        self.chain_id = chain_id
        self.signer = signer
        self.nonces = nonces
        self._node = node
        self._pen = pen
        self._told_at: dict[str, float] = {}
        self._underpriced: set[str] = set()

    @property
    def account(self) -> str:
        """Whose key signs."""
        return self.signer.address.lower()

    async def sign_first(self, order: Order, entries: Sequence[Entry]) -> Order:
        """Sign the swap of a rehearsed order and write it down in one commit with the entries before it; the nonces were asked before.

        When this raises, nothing left the process. Raises JournalUnavailable when the journal did not take it, Broken.
        """
        routed, rehearsed = order.routed, order.rehearsed
        assert routed is not None and rehearsed is not None and rehearsed.fees is not None, "only a rehearsed order is signed"
        offer = Offer.of(rehearsed.fees)
        while True:
            # Nothing is awaited between taking the nonce and giving the entry to the journal.
            nonce = self.nonces.take()
            try:
                entry = self._signed(order.order_id, "swap", nonce, routed.to, routed.call_data, rehearsed.gas_limit, offer)
                await self._pen.write(*entries, entry)
            except Broken:
                self.nonces.give_back(nonce)
                if self._pen.orders[order.order_id].attempts:
                    return self._pen.orders[order.order_id]  # a commit that seemed lost had signed this very order
                if self._pen.journal.orders.owner_of(self.account, nonce) is None:
                    raise
                # A commit that seemed lost had given this nonce to another order after all. Ours was not sent: take the next.
            except BaseException:
                self.nonces.give_back(nonce)
                raise
            else:
                self.nonces.settle(nonce)
                return self._pen.orders[order.order_id]

    async def sign_again(self, order: Order, purpose: Purpose, market: Fees, *before: Entry) -> Order:
        """One more transaction for the order's nonce, offering at least an eighth more than the last one and what the market asks."""
        last = order.attempts[-1]
        offer = Offer.of(last).raised(Offer.of(market))
        if purpose == "cancel":
            entry = self._signed(order.order_id, "cancel", last.nonce, self.account, "0x", CANCELLATION_GAS, offer)
        else:
            assert order.routed is not None, "a signed swap was routed"
            entry = self._signed(order.order_id, "swap", last.nonce, order.routed.to, order.routed.call_data, last.gas_limit, offer)
        await self._pen.write(*before, entry)
        return self._pen.orders[order.order_id]

    async def fill(self, nonce: int, market: Fees, last: Offer | None) -> Offer | None:
        """Consume a nonce that nobody uses, so that ours behind it can go on. It moves nothing, whoever wins.

        None, and nothing is sent, when the nonce turns out to be an order's.
        """
        if not self.nonces.keep_from_orders(nonce):
            return None
        offer = last.raised(Offer.of(market)) if last else Offer.of(market)
        entry = self._signed("", "cancel", nonce, self.account, "0x", CANCELLATION_GAS, offer)
        facts = {**entry.facts, "chain_id": self.chain_id, "account": self.account}
        await self._pen.write(Entry(GAP_FILLED, None, entry.at, facts))
        if self.nonces.is_owned(nonce):
            return None  # the journal has just found that a commit which seemed lost had given it to an order
        await self._send(str(facts["raw"]), str(facts["tx_hash"]))
        return offer

    async def tell(self, order: Order) -> Order:
        """Give the node the order's newest transaction, and write down the first time that it took it. Never raises the node's problems."""
        attempt = order.attempts[-1]
        if await self._send(attempt.raw, attempt.tx_hash) and not attempt.was_broadcast:
            async with self._pen.holding(order.order_id):
                order = self._pen.orders[order.order_id]
                told = next((one for one in order.attempts if one.tx_hash == attempt.tx_hash), attempt)
                if not order.is_terminal and not told.was_broadcast:
                    entry = entry_of(State.BROADCAST, order.order_id, self._pen.now(), {"tx_hash": attempt.tx_hash})
                    await self._pen.write(entry)
        return self._pen.orders[order.order_id]

    def told_seconds_ago(self, attempt: Attempt) -> float | None:
        """How long ago the node answered to this transaction; None when it never did."""
        at = self._told_at.get(attempt.tx_hash)
        return None if at is None else self._pen.clock.monotonic() - at

    def was_underpriced(self, attempt: Attempt) -> bool:
        """Whether the node said that another transaction with this nonce offers more."""
        return attempt.tx_hash in self._underpriced

    def forget_telling(self, order: Order) -> None:
        """A block with one of its transactions was taken back, or the order is over: what the node was told counts no more."""
        for attempt in order.attempts:
            self._told_at.pop(attempt.tx_hash, None)
            self._underpriced.discard(attempt.tx_hash)

    async def _send(self, raw: str, tx_hash: str) -> bool:
        """Whether the node has it now, as far as it says."""
        self._underpriced.discard(tx_hash)
        try:
            await self._node.call("eth_sendRawTransaction", raw)
        except NodeRefused as refused:
            words = refused.message.lower()
            if not any(known in words for known in KNOWN_WORDS):
                if any(word in words for word in UNDERPRICED_WORDS):
                    self._underpriced.add(tx_hash)
                LOG.warning("the node does not take %s: %s", tx_hash, refused.message)
                self._told_at[tx_hash] = self._pen.clock.monotonic()
                return False
        except Unavailable as problem:
            LOG.warning("nobody knows whether the node has %s: %s", tx_hash, problem.message)
            return False
        self._told_at[tx_hash] = self._pen.clock.monotonic()
        return True

    def _signed(self, order_id: str, purpose: Purpose, nonce: int, to: str, data: str, gas_limit: int, offer: Offer) -> Entry:
        raw, tx_hash = self.signer.sign(
            {
                "type": 2,
                "chainId": self.chain_id,
                "nonce": nonce,
                "to": to,
                "data": data,
                "value": 0,
                "gas": gas_limit,
                "maxFeePerGas": offer.max_fee_per_gas,
                "maxPriorityFeePerGas": offer.max_priority_fee_per_gas,
            }
        )
        now = self._pen.now()
        attempt = Attempt(purpose, nonce, tx_hash.lower(), raw, gas_limit, offer.max_fee_per_gas, offer.max_priority_fee_per_gas, now)
        return entry_of(State.SIGNED, order_id, now, attempt)
