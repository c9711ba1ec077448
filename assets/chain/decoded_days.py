"""The days' raw logs, decoded: what the tables of swaps, of liquidity events and of rows set aside are cut from."""

from __future__ import annotations

from assets.chain import pools, raw_logs
from assets.chain.blocks import sift_blocks
from assets.chain.decode import DecodedLogs, decode_logs
from assets.chain.recorded_chain import RecordedChain
from assets.partitions import Span
from assets.warehouse import Warehouse


def decoded_days(warehouse: Warehouse, recorded_chain: RecordedChain, span: Span | None) -> DecodedLogs:
    """Every raw log of the span, decoded or set aside with its reason."""
    recording = recorded_chain.recording()
    # Headers of all days: a log that lies about its time must be caught whichever day it claims.
    headers = sift_blocks(recording.blocks(), recording.chain_id, recording.days[0], recording.days[-1]).rows
    return decode_logs(warehouse.read(raw_logs.TABLE, span), warehouse.read(pools.TABLE), headers, recording.chain_id)
