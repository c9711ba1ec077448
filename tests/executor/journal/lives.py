"""Lives of orders, entry by entry, with numbers one can do in one's head."""

from __future__ import annotations

from datetime import UTC, datetime

from executor.orders import (
    UNSEEN,
    Attempt,
    Entry,
    Fees,
    Mode,
    OrderRequest,
    Outcome,
    PlannedLeg,
    Purpose,
    Rehearsed,
    Routed,
    Seen,
    State,
    entry_of,
    intent_entry,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACCOUNT = "0x" + "ac" * 20
WETH, USDC, ROUTER = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
BLOCK = "0x" + "0b" * 32


def hash_of(name: str) -> str:
    """A transaction hash that is the same for the same name."""
    return "0x" + name.encode().hex().rjust(64, "0")[-64:]


def intent(order_id: str = "a", mode: Mode = "live", account: str | None = ACCOUNT) -> Entry:
    return intent_entry(OrderRequest(order_id, WETH, USDC, 10**18), mode, account, NOON)


def routed(order_id: str = "a") -> Entry:
    leg = PlannedLeg(1, "0x" + "01" * 20, "uniswap_v3", True, 500, WETH, USDC, 2**64, 10**18, 3_000_000_000)
    plan = Routed((leg,), 10**18, 3_000_000_000, 2_985_000_000, 0.4, 100, BLOCK, ROUTER, ROUTER, "0x1234", 1_772_366_520)
    return entry_of(State.ROUTED, order_id, NOON, plan)


def simulated(order_id: str = "a") -> Entry:
    fees = Fees(30_000_000_000, 1_000_000_000, 20_000_000_000, 0.95, 3)
    return entry_of(
        State.SIMULATED, order_id, NOON, Rehearsed(10**18, 3_000_000_000, 150_000, 180_000, fees, 5_400_000_000_000_000, 100, BLOCK)
    )


def signed(order_id: str = "a", nonce: int = 7, tx: str = "tx", purpose: Purpose = "swap", raw: str | None = None) -> Entry:
    attempt = Attempt(purpose, nonce, hash_of(tx), raw or "0x02" + tx.encode().hex(), 180_000, 30_000_000_000, 1_000_000_000, NOON)
    return entry_of(State.SIGNED, order_id, NOON, attempt)


def broadcast(order_id: str = "a", tx: str = "tx") -> Entry:
    return entry_of(State.BROADCAST, order_id, NOON, {"tx_hash": hash_of(tx)})


def seen(order_id: str = "a", tx: str = "tx") -> Entry:
    return entry_of(State.SEEN, order_id, NOON, Seen(hash_of(tx), 101, BLOCK, 1))


def unseen(order_id: str = "a") -> Entry:
    return entry_of(UNSEEN, order_id, NOON)


def ended(kind: State, order_id: str = "a", tx: str | None = "tx", block_number: int | None = 101) -> Entry:
    return entry_of(kind, order_id, NOON, Outcome(hash_of(tx) if tx else None, block_number, BLOCK, 1, 10**18, 3_000_000_000))


def until_signed(order_id: str = "a", nonce: int = 7, tx: str = "tx") -> list[Entry]:
    return [intent(order_id), routed(order_id), simulated(order_id), signed(order_id, nonce, tx)]


def whole(order_id: str = "a", nonce: int = 7, tx: str = "tx") -> list[Entry]:
    """From intent to final."""
    return [*until_signed(order_id, nonce, tx), broadcast(order_id, tx), seen(order_id, tx), ended(State.FINAL, order_id, tx)]
