"""Fetches a stretch of blocks from a node: headers, the pools' logs, and the transactions those logs came from.

The three are asked for one after the other while the chain moves on, so they are only believed when they agree:
each header names the one before it, each log and receipt names a header we hold, each receipt shows no log that we lack.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from domain.problems import BadInput, Unavailable
from executor.chain.layout import TABLES
from executor.chain.parts import Stretch
from executor.chain.rpc import NodeError, Rpc, hex_bytes, hex_text, quantity

LARGEST_INT64 = 2**63 - 1
LARGEST_AMOUNT = 10**38 - 1
ATTEMPTS = 5


class Inconsistent(Exception):
    """The answers contradict each other: the chain moved while we asked, or the node left something out."""


class StretchReader:
    """Reads stretches of blocks; remembers how many blocks of logs the node gives at once."""

    def __init__(self, rpc: Rpc, pools: Sequence[str], senders: Collection[str], blocks_at_once: int) -> None:
        self._rpc = rpc
        self._pools = sorted(pools)
        self._senders = frozenset(senders)
        self._log_span = blocks_at_once

    def read(self, first: int, last: int) -> Stretch:
        """The blocks from `first` to `last`, both included; raises Unavailable when the node cannot make up its mind."""
        trouble = ""
        for _ in range(ATTEMPTS):
            try:
                return self._read_once(first, last)
            except Inconsistent as error:
                trouble = str(error)
        raise Unavailable(
            f"Blocks {first} to {last} came back contradicting each other {ATTEMPTS} times ({trouble}); try again, or use another node.",
            first_block=first,
            last_block=last,
        )

    def _read_once(self, first: int, last: int) -> Stretch:
        headers = self._headers(first, last)
        hash_of = {number: header["hash"] for number, header in headers.items()}
        logs = self._logs(first, last)
        for log in logs:
            if log.get("removed") or _hash(log, "blockHash") != hash_of.get(quantity(log.get("blockNumber"), "blockNumber")):
                raise Inconsistent(f"a log names a block {log.get('blockHash')} that is not on the chain")
        hashes = dict.fromkeys(_hash(log, "transactionHash") for log in logs)
        for header in headers.values():
            if self._senders:
                sent = (tx for tx in header["transactions"] if _address(tx, "from") in self._senders)
                hashes.update(dict.fromkeys(_hash(tx, "hash") for tx in sent))
        transactions = self._transactions(list(hashes), hash_of, logs)
        times = {number: header["time"] for number, header in headers.items()}
        return Stretch(
            _frame("blocks", [_block_row(number, header) for number, header in headers.items()]),
            _frame("logs", [_log_row(log, times) for log in logs]),
            _frame("transactions", transactions),
        )

    def _headers(self, first: int, last: int) -> dict[int, dict[str, Any]]:
        numbers = range(first, last + 1)
        headers: dict[int, dict[str, Any]] = {}
        for number, header in zip(numbers, self._rpc.headers(numbers, bool(self._senders)), strict=True):
            if header is None:
                raise Inconsistent(f"block {number} is not there")
            hash = _hash(header, "hash")
            if number > first and _hash(header, "parentHash") != headers[number - 1]["hash"]:
                raise Inconsistent(f"block {number} does not follow block {number - 1}")
            seconds = quantity(header.get("timestamp"), "timestamp")
            if seconds > 4_102_444_800:  # the year 2100: nodes that count in milliseconds
                raise BadInput(
                    f"The node says block {number} is of second {seconds}; use a node that counts in seconds.", field="timestamp"
                )
            headers[number] = {**header, "hash": hash, "time": datetime.fromtimestamp(seconds, UTC)}
        return headers

    def _logs(self, first: int, last: int) -> list[dict[str, Any]]:
        """The pools' logs, asked for in as many pieces as the node wants."""
        found: list[dict[str, Any]] = []
        start = first
        while start <= last:
            end = min(last, start + self._log_span - 1)
            query = {"fromBlock": hex(start), "toBlock": hex(end), "address": self._pools}
            answer = self._rpc.batch([("eth_getLogs", [query])])[0]
            if isinstance(answer, NodeError):
                if not answer.asks_for_less:
                    raise self._rpc.refusal("eth_getLogs", answer)
                if start == end:
                    raise Unavailable(f"The node cannot give the logs of block {start} ({answer.message}); use another node.", block=start)
                self._log_span = (end - start + 1) // 2
                continue
            if not isinstance(answer, list) or not all(isinstance(log, dict) for log in answer):
                raise BadInput("The node answered eth_getLogs with something that is not a list of logs; use another node.", field="rpc")
            found += answer
            start = end + 1
        return sorted(found, key=lambda log: (quantity(log.get("blockNumber"), "blockNumber"), quantity(log.get("logIndex"), "logIndex")))

    def _transactions(self, hashes: list[str], hash_of: dict[int, str], logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        transactions = self._rpc.lookups("eth_getTransactionByHash", hashes)
        receipts = self._rpc.lookups("eth_getTransactionReceipt", hashes)
        have = {(_hash(log, "blockHash"), quantity(log.get("logIndex"), "logIndex")) for log in logs}
        rows = []
        for hash, transaction, receipt in zip(hashes, transactions, receipts, strict=True):
            if transaction is None or receipt is None:
                raise Inconsistent(f"transaction {hash} is not there")
            number = quantity(receipt.get("blockNumber"), "blockNumber")
            if not _hash(receipt, "blockHash") == _hash(transaction, "blockHash") == hash_of.get(number):
                raise Inconsistent(f"transaction {hash} moved to another block")
            for log in receipt.get("logs") or []:
                if _address(log, "address") in self._pools and (hash_of[number], quantity(log.get("logIndex"), "logIndex")) not in have:
                    raise Inconsistent(f"eth_getLogs left out log {log.get('logIndex')} of block {number}")
            rows.append(_transaction_row(hash, number, transaction, receipt))
        return rows


def _block_row(number: int, header: dict[str, Any]) -> dict[str, Any]:
    base_fee = header.get("baseFeePerGas")
    return {
        "number": number,
        "hash": header["hash"],
        "parent_hash": _hash(header, "parentHash"),
        "timestamp": header["time"],
        "base_fee_per_gas": None if base_fee is None else _within(base_fee, "baseFeePerGas", LARGEST_AMOUNT),
        "gas_used": _within(header.get("gasUsed"), "gasUsed"),
        "gas_limit": _within(header.get("gasLimit"), "gasLimit"),
        "is_canonical": True,
    }


def _log_row(log: dict[str, Any], times: dict[int, datetime]) -> dict[str, Any]:
    number = quantity(log.get("blockNumber"), "blockNumber")
    topics = log.get("topics")
    if not isinstance(topics, list) or len(topics) > 4:
        raise BadInput(f"The node answered a log of block {number} with topics {topics!r:.80}; use another node.", field="topics")
    texts = [hex_text(topic, 32, "topics") for topic in topics]
    return {
        "block_number": number,
        "block_hash": _hash(log, "blockHash"),
        "block_timestamp": times[number],
        "transaction_hash": _hash(log, "transactionHash"),
        "transaction_index": _within(log.get("transactionIndex"), "transactionIndex"),
        "log_index": _within(log.get("logIndex"), "logIndex"),
        "address": _address(log, "address"),
        **{f"topic{place}": texts[place] if place < len(texts) else None for place in range(4)},
        "data": hex_bytes(log.get("data"), "data"),
    }


def _transaction_row(hash: str, number: int, transaction: dict[str, Any], receipt: dict[str, Any]) -> dict[str, Any]:
    price, status = receipt.get("effectiveGasPrice", transaction.get("gasPrice")), receipt.get("status")
    return {
        "hash": hash,
        "block_number": number,
        "block_hash": _hash(receipt, "blockHash"),
        "transaction_index": _within(receipt.get("transactionIndex"), "transactionIndex"),
        "from_address": _address(transaction, "from"),
        "to_address": None if transaction.get("to") is None else _address(transaction, "to"),
        "nonce": _within(transaction.get("nonce"), "nonce"),
        "value": _within(transaction.get("value"), "value", LARGEST_AMOUNT),
        "gas_limit": _within(transaction.get("gas"), "gas"),
        "gas_used": _within(receipt.get("gasUsed"), "gasUsed"),
        "effective_gas_price": None if price is None else _within(price, "effectiveGasPrice", LARGEST_AMOUNT),
        "status": None if status is None else _within(status, "status", 1),
    }


def _within(value: Any, field: str, largest: int = LARGEST_INT64) -> int:
    number = quantity(value, field)
    if number > largest:
        raise BadInput(f"The node answered {field} = {number}, which no chain can mean; use another node.", field=field)
    return number


def _hash(answer: dict[str, Any], field: str) -> str:
    return hex_text(answer.get(field), 32, field)


def _address(answer: dict[str, Any], field: str) -> str:
    return hex_text(answer.get(field), 20, field)


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TABLES[table].schema, orient="row")
