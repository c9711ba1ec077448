"""The live trade ledger: one row for each swap the chain shows, as it stands now and as far as it is final."""

from executor.ledger.rows import Block, Change, PoolFacts, Trade
from executor.ledger.store import LedgerStore

__all__ = ["Block", "Change", "LedgerStore", "PoolFacts", "Trade"]
