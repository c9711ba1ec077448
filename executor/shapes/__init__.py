"""The two shapes most venues copied, on the chain: reading a pool, decoding its logs, finding its siblings, calling its router."""
