"""Follows a chain: every block with its logs in order, what a reorg took back, and what is final, whatever the node forgets to say."""

from executor.listener.follower import Follower
from executor.listener.heads import Heads, follow
from executor.listener.listener import Listener
from executor.listener.reader import BlockReader, LogFilter
from executor.listener.rebuild import rebuild

__all__ = ["BlockReader", "Follower", "Heads", "Listener", "LogFilter", "follow", "rebuild"]
