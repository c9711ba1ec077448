"""Logs over a range of blocks, asked for in pieces as large as the node will answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.problems import Unavailable
from executor.chain.blocks import Log

if TYPE_CHECKING:
    from executor.chain.node import Node


async def logs_between(node: Node, criteria: Mapping[str, Any], first: int, last: int | None = None) -> list[Log]:
    """The logs of blocks `first` to `last` (the newest when None) that meet eth_getLogs' criteria, in the chain's order.

    A range that the node refuses is halved until it answers. Raises Unavailable when it refuses a single block.
    """
    from executor.chain.node import NodeRefused, number, quantity

    end = last if last is not None else number(await node.call("eth_blockNumber"), "eth_blockNumber")
    found: list[Log] = []
    span = max(end - first + 1, 1)
    while first <= end:
        until = min(first + span - 1, end)
        try:
            told = await node.call("eth_getLogs", {**criteria, "fromBlock": quantity(first), "toBlock": quantity(until)})
        except NodeRefused as refused:
            if span == 1:
                raise Unavailable(
                    f"The node refuses the logs of block {first} ({refused.message}); ask another node.", block=first
                ) from refused
            span = max(min(span, until - first + 1) // 2, 1)
            continue
        found += [log_of(one) for one in told]
        first = until + 1
    return found


def log_of(told: Any) -> Log:
    """A log as JSON-RPC tells it. Raises Unavailable when it is not whole."""
    try:
        return Log(
            told["address"].lower(),
            tuple(topic.lower() for topic in told["topics"]),
            bytes.fromhex(told["data"][2:]),
            int(told["blockNumber"], 16),
            told["blockHash"].lower(),
            told["transactionHash"].lower(),
            int(told["transactionIndex"], 16),
            int(told["logIndex"], 16),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(f"The node told a log that is not whole ({error!r}); ask again.") from error
