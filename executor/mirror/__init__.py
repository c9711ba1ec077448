"""The mirror: every pool's state kept from the chain's logs, compared with the chain, and taken out of routing when it disagrees."""

from executor.mirror.mirror import Mirror, MirrorLost
from executor.mirror.watched import Head, Notice, WatchedPool, watched_pools

__all__ = ["Head", "Mirror", "MirrorLost", "Notice", "WatchedPool", "watched_pools"]
