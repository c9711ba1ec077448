"""A local chain for tests and for the shipped recording: anvil, and the venues' production contracts deployed on it."""
