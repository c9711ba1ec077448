"""Our own Solidity, for the local chain and for swaps across venues, with the compiled result beside its sources."""
