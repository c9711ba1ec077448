"""The journal: what was decided, signed and seen, written down before anything is done about it.

`Journal` is the door; the entries lie in a `Store` (SQLite, PostgreSQL, or memory for tests and virtual time), each sealed with the
hash of the one before it, and `verify` reads them as a stranger would.
"""

from executor.journal.journal import Journal
from executor.journal.memory import MemoryStore
from executor.journal.sealing import Sealed
from executor.journal.store import Store, open_store, read_rows

__all__ = ["Journal", "MemoryStore", "Sealed", "Store", "open_store", "read_rows"]
