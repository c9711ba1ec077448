"""A chain that runs in memory: blocks, a pool of waiting transactions, reorgs of any depth, and the answers of an honest node.

It knows one contract, a router whose swaps move what their call says, and plain transfers of nothing. What a test needs to know of
the truth can be read off it: which transactions succeeded, and who consumed a nonce.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from executor.chain.node import Call, NodeRefused, quantity
from executor.ports import Chance
from executor.virtual.transactions import Transaction, read_raw, read_swap

GWEI = 10**9
ROUTER = "0x" + "70" * 20
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TRANSACTIONS_IN_A_BLOCK = 16
# What a node asks of a transaction that wants another one's place, in percent of the other's fees.
REPLACEMENT_PERCENT = 110


@dataclass(frozen=True, slots=True)
class SimulatedBlock:
    """A block. `counts` says how many transactions each account has up to here."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int
    transactions: tuple[Transaction, ...]
    counts: dict[str, int]


@dataclass
class SimulatedChain:
    """Blocks are made by `mine` and taken back by `reorg`. `now` tells unix seconds."""

    chance: Chance
    now: Callable[[], int]
    chain_id: int = 31337
    final_depth: int = 64
    base_fee: int = GWEI
    blocks: list[SimulatedBlock] = field(default_factory=list)
    pool: dict[tuple[str, int], Transaction] = field(default_factory=dict)
    sent: dict[tuple[str, int], list[Transaction]] = field(default_factory=dict)
    former: list[SimulatedBlock] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        if not self.blocks:
            self._add(())

    @property
    def head(self) -> SimulatedBlock:
        """The newest block."""
        return self.blocks[-1]

    def count(self, account: str) -> int:
        """How many transactions of the account are in blocks."""
        return self.head.counts.get(account, 0)

    def send(self, raw: str) -> str:
        """Take a transaction into the pool; returns its hash. Raises NodeRefused in the words of real nodes."""
        transaction = read_raw(raw, self.chain_id)
        place = (transaction.sender, transaction.nonce)
        known = self.pool.get(place)
        if transaction.nonce < self.count(transaction.sender):
            raise NodeRefused("eth_sendRawTransaction: nonce too low", code=-32000)
        if known is not None and known.hash == transaction.hash:
            raise NodeRefused("eth_sendRawTransaction: already known", code=-32000)
        if known is not None and not _outbids(transaction, known):
            raise NodeRefused("eth_sendRawTransaction: replacement transaction underpriced", code=-32000)
        self.pool[place] = transaction
        seen = self.sent.setdefault(place, [])
        if transaction not in seen:
            seen.append(transaction)
        return transaction.hash

    def mine(self, *, ignored: float = 0.0) -> SimulatedBlock:
        """One more block of what waits and pays enough; each transaction is passed over with the probability `ignored`."""
        counts = dict(self.head.counts)
        chosen: list[Transaction] = []
        for place in sorted(self.pool):
            sender, nonce = place
            transaction = self.pool[place]
            if len(chosen) == TRANSACTIONS_IN_A_BLOCK:
                break
            pays = transaction.max_fee_per_gas >= self.base_fee
            if nonce == counts.get(sender, 0) and pays and (not ignored or self.chance.random() >= ignored):
                chosen.append(transaction)
                counts[sender] = nonce + 1
        block = self._add(chosen)
        self.pool = {place: one for place, one in self.pool.items() if place[1] >= counts.get(place[0], 0)}
        return block

    def reorg(self, depth: int, *, forgotten: float = 0.5, flipped: float = 0.5) -> None:
        """Take back the newest `depth` blocks and grow another branch, one block longer.

        Each of their transactions is forgotten with the probability `forgotten`; the others wait in the pool again. In place of one
        that waits, another one ever sent with the same nonce comes with the probability `flipped`, as if other nodes knew only that.
        """
        depth = min(depth, len(self.blocks) - 1)
        self.former = list(self.blocks)
        taken_back = [one for block in self.blocks[len(self.blocks) - depth :] for one in block.transactions]
        del self.blocks[len(self.blocks) - depth :]
        for transaction in taken_back:
            place = (transaction.sender, transaction.nonce)
            if self.chance.random() >= forgotten:
                flips = self.chance.random() < flipped
                self.pool[place] = self.chance.choice(self.sent[place]) if flips else transaction
        late = self.chance.random()
        for made in range(depth + 1):
            # Transactions come back into the new branch at any of its blocks, or after it.
            if made >= late * (depth + 2):
                self.mine(ignored=0.3)
            else:
                self._add(())

    def consumer(self, account: str, nonce: int) -> Transaction | None:
        """The transaction in our blocks that used the nonce."""
        found = (one for block in self.blocks for one in block.transactions if (one.sender, one.nonce) == (account, nonce))
        return next(found, None)

    def succeeded(self, block: SimulatedBlock, transaction: Transaction) -> bool:
        """Whether the transaction did what it should in this block."""
        swap = read_swap(transaction.data)
        return swap is None or (transaction.to == ROUTER and block.timestamp <= swap.deadline)

    def swaps_of(self, tag: str) -> int:
        """How many swaps with this tag succeeded in our blocks."""
        tag_hash = hashlib.sha256(tag.encode()).hexdigest()
        return sum(
            1
            for block in self.blocks
            for one in block.transactions
            if (swap := read_swap(one.data)) is not None and swap.tag_hash == tag_hash and self.succeeded(block, one)
        )

    async def call(self, method: str, *params: Any) -> Any:
        """One answer of an honest node."""
        return self.answer(method, params)

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The answers of an honest node."""
        return [self.answer_or_refusal(method, params) for method, params in calls]

    def answer_or_refusal(self, method: str, params: Sequence[Any], blocks: Sequence[SimulatedBlock] | None = None) -> Any:
        """As `answer`, with a NodeRefused returned."""
        try:
            return self.answer(method, params, blocks)
        except NodeRefused as refused:
            return refused

    def answer(self, method: str, params: Sequence[Any], blocks: Sequence[SimulatedBlock] | None = None) -> Any:
        """What a node says that follows `blocks`, our own when none are given. Raises NodeRefused for what it does not know."""
        told = self.blocks if blocks is None else blocks
        match method:
            case "eth_chainId":
                return quantity(self.chain_id)
            case "eth_blockNumber":
                return quantity(told[-1].number)
            case "eth_getBlockByNumber":
                return _document(self._at(params[0], told), full=params[1])
            case "eth_getBlockByHash":
                return _document(next((one for one in reversed(told) if one.hash == params[0]), None), full=params[1])
            case "eth_getTransactionCount":
                return self._count(params[0].lower(), params[1], told)
            case "eth_sendRawTransaction":
                return self.send(params[0])
            case "eth_getTransactionReceipt":
                return self._receipt(params[0], told)
            case "eth_getTransactionByHash":
                return self._transaction(params[0], told)
            case "eth_getBlockReceipts":
                block = next((one for one in reversed(told) if one.hash == params[0]), None)
                return None if block is None else [self._receipt_in(block, place) for place in range(len(block.transactions))]
            case "eth_getLogs":
                return self._logs(params[0], told)
            case "eth_maxPriorityFeePerGas":
                return quantity(GWEI)
            case "eth_feeHistory":
                return self._fee_history(int(params[0], 16), params[2] if len(params) > 2 else [], told)
            case "eth_estimateGas":
                return quantity(100_000)
            case "eth_call":
                return "0x"
        raise NodeRefused(f"{method}: the method does not exist", code=-32601)

    def _add(self, transactions: Sequence[Transaction]) -> SimulatedBlock:
        parent = self.blocks[-1] if self.blocks else None
        number, parent_hash = (parent.number + 1, parent.hash) if parent else (0, "0x" + "0" * 64)
        self._made += 1
        block_hash = "0x" + hashlib.sha256(f"{number} {parent_hash} {self._made}".encode()).hexdigest()
        counts = dict(parent.counts) if parent else {}
        for one in transactions:
            counts[one.sender] = one.nonce + 1
        timestamp = max(self.now(), parent.timestamp if parent else 0)
        block = SimulatedBlock(number, block_hash, parent_hash, timestamp, self.base_fee, tuple(transactions), counts)
        self.blocks.append(block)
        return block

    def _at(self, tag: str, blocks: Sequence[SimulatedBlock]) -> SimulatedBlock | None:
        if tag == "finalized":
            return blocks[max(0, len(blocks) - 1 - self.final_depth)]
        if tag in ("latest", "pending"):
            return blocks[-1]
        number = int(tag, 16)
        return blocks[number] if number < len(blocks) else None

    def _count(self, account: str, tag: str, blocks: Sequence[SimulatedBlock]) -> str:
        block = self._at(tag, blocks)
        if block is None:
            raise NodeRefused("eth_getTransactionCount: header not found", code=-32000)
        count = block.counts.get(account, 0)
        if tag == "pending":
            while (account, count) in self.pool:
                count += 1
        return quantity(count)

    def _transaction(self, tx_hash: str, blocks: Sequence[SimulatedBlock]) -> Any:
        found = self._find(tx_hash, blocks)
        if found is not None:
            block, place = found
            return _transaction_document(block, block.transactions[place])
        waiting = next((one for one in self.pool.values() if one.hash == tx_hash), None)
        return _transaction_document(None, waiting) if waiting else None

    def _receipt(self, tx_hash: str, blocks: Sequence[SimulatedBlock]) -> Any:
        found = self._find(tx_hash, blocks)
        return self._receipt_in(*found) if found else None

    def _find(self, tx_hash: str, blocks: Sequence[SimulatedBlock]) -> tuple[SimulatedBlock, int] | None:
        for block in reversed(blocks):
            for place, one in enumerate(block.transactions):
                if one.hash == tx_hash:
                    return block, place
        return None

    def _receipt_in(self, block: SimulatedBlock, place: int) -> dict[str, Any]:
        one = block.transactions[place]
        worked = self.succeeded(block, one)
        return {
            "transactionHash": one.hash,
            "blockNumber": quantity(block.number),
            "blockHash": block.hash,
            "status": quantity(int(worked)),
            "from": one.sender,
            "to": one.to,
            "gasUsed": quantity(min(one.gas_limit, 90_000 if one.data != "0x" else 21_000)),
            "effectiveGasPrice": quantity(min(one.max_fee_per_gas, block.base_fee + one.max_priority_fee_per_gas)),
            "logs": self._logs_in(block, place) if worked else [],
        }

    def _logs_in(self, block: SimulatedBlock, place: int) -> list[dict[str, Any]]:
        one = block.transactions[place]
        swap = read_swap(one.data)
        if swap is None or not self.succeeded(block, one):
            return []
        account, router = (f"0x{address[2:]:0>64}" for address in (one.sender, ROUTER))
        moves = [(swap.sell, account, router, swap.amount_in), (swap.buy, router, account, swap.amount_out)]
        return [
            {
                "address": token,
                "topics": [TRANSFER, giver, taker],
                "data": f"0x{amount:064x}",
                "blockHash": block.hash,
                "blockNumber": quantity(block.number),
                "transactionHash": one.hash,
                "transactionIndex": quantity(place),
                "logIndex": quantity(2 * place + at),
            }
            for at, (token, giver, taker, amount) in enumerate(moves)
        ]

    def _logs(self, wanted: dict[str, Any], blocks: Sequence[SimulatedBlock]) -> list[dict[str, Any]]:
        if "blockHash" in wanted:
            chosen = [one for one in blocks if one.hash == wanted["blockHash"]]
            if not chosen:
                raise NodeRefused("eth_getLogs: unknown block", code=-32000)
        else:
            first, last = (self._at(wanted.get(end, "latest"), blocks) for end in ("fromBlock", "toBlock"))
            chosen = list(blocks[first.number : (last or blocks[-1]).number + 1]) if first else []
        addresses = wanted.get("address")
        addresses = [addresses] if isinstance(addresses, str) else addresses
        logs = [log for block in chosen for place in range(len(block.transactions)) for log in self._logs_in(block, place)]
        return [log for log in logs if addresses is None or log["address"] in addresses]

    def _fee_history(self, count: int, percentiles: Sequence[float], blocks: Sequence[SimulatedBlock]) -> dict[str, Any]:
        some = blocks[-count:]
        return {
            "oldestBlock": quantity(some[0].number),
            "baseFeePerGas": [quantity(one.base_fee) for one in some] + [quantity(self.base_fee)],
            "gasUsedRatio": [len(one.transactions) / TRANSACTIONS_IN_A_BLOCK for one in some],
            "reward": [[quantity(GWEI) for _ in percentiles] for _ in some],
        }


def _outbids(new: Transaction, old: Transaction) -> bool:
    return all(
        100 * ours >= REPLACEMENT_PERCENT * theirs
        for ours, theirs in (
            (new.max_fee_per_gas, old.max_fee_per_gas),
            (new.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        )
    )


def _document(block: SimulatedBlock | None, *, full: bool) -> dict[str, Any] | None:
    if block is None:
        return None
    return {
        "number": quantity(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": quantity(block.timestamp),
        "baseFeePerGas": quantity(block.base_fee),
        "transactions": [_transaction_document(block, one) if full else one.hash for one in block.transactions],
    }


def _transaction_document(block: SimulatedBlock | None, one: Transaction) -> dict[str, Any]:
    return {
        "hash": one.hash,
        "from": one.sender,
        "to": one.to,
        "nonce": quantity(one.nonce),
        "input": one.data,
        "gas": quantity(one.gas_limit),
        "maxFeePerGas": quantity(one.max_fee_per_gas),
        "maxPriorityFeePerGas": quantity(one.max_priority_fee_per_gas),
        "blockHash": block.hash if block else None,
        "blockNumber": quantity(block.number) if block else None,
    }
