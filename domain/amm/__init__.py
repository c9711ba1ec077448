"""Exact pool mathematics as values: whole numbers, the contracts' own rounding, no I/O."""
