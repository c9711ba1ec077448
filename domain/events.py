"""What pools say on the chain, as facts: frozen, decoded once, named as the protocol names them.

Every event knows its pool and, when it came from a log, where it stands on the chain. Amounts are in base units.
"""

from __future__ import annotations

from dataclasses import dataclass

Address = str
Hash = str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """Where a log stands on the chain; (chain_id, block_hash, log_index) identifies it.

    All fields are None for an event that was made up.
    """

    chain_id: int | None = None
    block_number: int | None = None
    block_hash: Hash | None = None
    tx_hash: Hash | None = None
    transaction_index: int | None = None
    log_index: int | None = None


@dataclass(frozen=True, slots=True)
class Initialize(LogPosition):
    """A concentrated pool received its first price."""

    pool: Address
    sqrt_price_x96: int
    tick: int


@dataclass(frozen=True, slots=True)
class Swap(LogPosition):
    """A trade that happened in a concentrated pool. Amounts are from the pool's side: positive means it received.

    The price, liquidity and tick are those after the trade; None where the source did not tell them.
    PancakeSwap also tells what the protocol took of the fee.
    """

    pool: Address
    amount0: int
    amount1: int
    sqrt_price_x96: int | None = None
    liquidity: int | None = None
    tick: int | None = None
    protocol_fees0: int | None = None
    protocol_fees1: int | None = None


@dataclass(frozen=True, slots=True)
class Mint(LogPosition):
    """Liquidity was added between two ticks, for `amount0` and `amount1` paid in."""

    pool: Address
    tick_lower: int
    tick_upper: int
    liquidity: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class Burn(LogPosition):
    """Liquidity was taken from between two ticks; the amounts are owed, not yet paid. Zero liquidity only settles fees."""

    pool: Address
    tick_lower: int
    tick_upper: int
    liquidity: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class Collect(LogPosition):
    """A position's owner took what the pool owed. It changes nothing that a swap can see."""

    pool: Address
    tick_lower: int
    tick_upper: int
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class Flash(LogPosition):
    """A loan within one transaction; `paid0` and `paid1` are what it brought the pool above the loan."""

    pool: Address
    amount0: int
    amount1: int
    paid0: int
    paid1: int


@dataclass(frozen=True, slots=True)
class SetFeeProtocol(LogPosition):
    """The protocol changed its part of the fee, for each token, in the unit of its venue (domain/amm/protocol_fee.py)."""

    pool: Address
    fee_protocol0: int
    fee_protocol1: int


@dataclass(frozen=True, slots=True)
class CollectProtocol(LogPosition):
    """The protocol took what it had earned."""

    pool: Address
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class IncreaseObservationCardinality(LogPosition):
    """The pool will remember more past prices. It changes nothing that a swap can see."""

    pool: Address
    cardinality_after: int


@dataclass(frozen=True, slots=True)
class Sync(LogPosition):
    """A constant-product pool told its reserves, as they are after whatever the next event of the transaction reports."""

    pool: Address
    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class PairSwap(LogPosition):
    """A trade that happened in a constant-product pool; both sides may carry both tokens."""

    pool: Address
    amount0_in: int
    amount1_in: int
    amount0_out: int
    amount1_out: int


ConcentratedEvent = Initialize | Swap | Mint | Burn | Collect | Flash | SetFeeProtocol | CollectProtocol | IncreaseObservationCardinality
ConstantProductEvent = Sync | PairSwap
Event = ConcentratedEvent | ConstantProductEvent
