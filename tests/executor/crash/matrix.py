"""The crash matrix: every transition of a story, each crossed with everything else that may go wrong at that moment.

The transitions are counted by living the story once without a kill, so a new step in the code is a new row of the matrix.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from executor.chain.local.anvil import CHAIN_ID, Anvil, NodeRefused
from executor.chain.local.contracts import own
from executor.journal import read_rows
from executor.journal.orders_by_id import OrdersById
from executor.journal.sealing import faults as chain_faults
from executor.orders import Order, OrderRequest, State
from executor.witnesses import TRANSFER
from tests.executor.crash.keys import NOBODY, RealSigner, foreign_transaction
from tests.executor.crash.lives import (
    DEEPEST_REORG,
    USUAL_REORG,
    Faults,
    Job,
    SharedFacts,
    World,
    again,
    begin,
    live,
    small_pages,
)
from tests.untraced import untraced

TROUBLES = ("nothing", "late receipts", "no receipts", "reorg", "replaced", "foreign before", "full disk")
# A node copies the accounts with every block it makes, so each story gets a node of its own with few of them.
KEYS = 40


@dataclass
class Chain:
    """The local chain, and keys with money that nobody used yet."""

    node: Anvil
    world: World
    used: int = 0

    @classmethod
    def on(cls, node: Anvil, keys: int = KEYS) -> Chain:
        """Deploy the token and give every key its money, deep below any reorg to come."""
        erc20 = own("MintableERC20")
        node.send(node.accounts[0], None, erc20.creation("Token", "TKN", 18), gas_limit=3_000_000)
        node.rpc("anvil_mine", "0x1")
        created = node.rpc("eth_getBlockReceipts", "latest")[0]["contractAddress"].lower()
        chain = cls(node, World(node.url, CHAIN_ID, created, erc20))
        for number in range(keys):
            node.rpc("anvil_setBalance", _address_of(chain.key(number)), hex(10**24))
        node.rpc("anvil_mine", hex(DEEPEST_REORG + 2))
        return chain

    @staticmethod
    def key(number: int) -> bytes:
        """The private key with this number."""
        return hashlib.sha256(f"crash {number}".encode()).digest()

    def fresh_key(self) -> bytes:
        """A key that nobody used."""
        self.used += 1
        return self.key(self.used)

    def foreign(self, key: bytes, nonce: int) -> None:
        """Somebody else uses the key, and pays well."""
        with suppress(NodeRefused):  # it came before already
            self.node.rpc("eth_sendRawTransaction", foreign_transaction(key, CHAIN_ID, nonce))
        self.node.rpc("anvil_mine", "0x1")

    def count(self, account: str) -> int:
        """How many transactions of the account are in blocks."""
        return int(self.node.rpc("eth_getTransactionCount", account, "latest"), 16)


_addresses: dict[bytes, str] = {}


def _address_of(key: bytes) -> str:
    if key not in _addresses:
        _addresses[key] = RealSigner(key).address
    return _addresses[key]


@dataclass
class Run:
    """One cell of the matrix."""

    chain: Chain
    folder: Path
    script: str
    trouble: str
    dies_at: int | None
    passed: list[str] = field(default_factory=list)

    def go(self) -> list[str]:
        """Live until killed, let the trouble happen, live on to the end; returns what is wrong then."""
        number, node = self.chain.used, self.chain.node
        key = self.chain.fresh_key()
        account = _address_of(key)
        journal = self.folder / f"{number}.journal"
        facts = SharedFacts()
        facts.market = 1.0
        amount = 1_000 + number
        request = OrderRequest(f"order-{number}", NOBODY, self.chain.world.token, amount, valid_for_seconds=120)
        begun_at = node.block_number()
        lies = Faults(
            hides_receipts=self.trouble == "no receipts",
            receipts_late_by=3 if self.trouble == "late receipts" else 0,
            old_counts=6 if self.trouble == "foreign before" else 0,
        )
        # Finality is as deep as the deepest reorg of the story; where it is not about reorgs, few blocks make it quick.
        final_depth = DEEPEST_REORG if self.trouble == "reorg" else USUAL_REORG
        depth = 1 + (self.dies_at or 0) * 7 % final_depth
        job = Job(self.chain.world, facts, self.script, key, journal, request, lies, self.dies_at)
        job.reorg_depth, job.final_depth = depth, final_depth
        if self.trouble == "full disk" and self.dies_at:
            small_pages(journal)
            # Full from the commit before the kill on; the first, which begins the journal, has room.
            job.full_from = max(3, self.dies_at - 2)
        if self.trouble == "foreign before":
            self.chain.foreign(key, 0)
        faults: list[str] = []
        if self.dies_at is None:
            self.passed = asyncio.run(live(job))
        else:
            faults += self._lived(begin(job))
        if facts.acknowledged and request.client_order_id not in _orders(journal):
            faults.append("it was acknowledged and is not in the journal")
        if self.dies_at is not None:
            self._trouble(key, account, journal, depth)
            job = again(job, faults=Faults(lies.hides_receipts, lies.receipts_late_by))
            if self.dies_at % 3 == 0:  # and it dies once more while it takes up what was left
                faults += self._lived(begin(replace(job, dies_at=1 + self.dies_at // 3 % 6)))
            faults += self._lived(begin(job))
        faults += self._judged(journal, account, amount, begun_at)
        node.rpc("anvil_dropAllTransactions")
        return [f"{self.script}, killed at {self.dies_at}, {self.trouble}: {fault}" for fault in faults]

    @staticmethod
    def _lived(process: int) -> list[str]:
        _, status = os.waitpid(process, 0)
        was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        return [] if was_killed or os.waitstatus_to_exitcode(status) == 0 else ["the process failed, see its words above"]

    def _trouble(self, key: bytes, account: str, journal: Path, depth: int) -> None:
        """What happens while the process is dead."""
        node = self.chain.node
        if self.trouble == "reorg":
            # What waits lands first, and is then taken back from so deep.
            node.rpc("anvil_mine", hex(depth))
            node.rpc("anvil_rollback", depth)
            if depth % 2:
                node.rpc("anvil_dropAllTransactions")
            node.rpc("anvil_mine", hex(depth + 1))
        elif self.trouble == "replaced":
            orders = _orders(journal)
            nonces = [order.nonce for order in orders.values() if order.nonce is not None]
            nonce = max(nonces, default=self.chain.count(account))
            if self.chain.count(account) > nonce:
                if any(order.is_terminal for order in orders.values()):
                    return  # what is final is not taken back
                node.rpc("anvil_rollback", USUAL_REORG)
                node.rpc("anvil_dropAllTransactions")
                node.rpc("anvil_mine", hex(USUAL_REORG + 1))
                if self.chain.count(account) > nonce:
                    return
            self.chain.foreign(key, nonce)

    def _judged(self, journal: Path, account: str, amount: int, begun_at: int) -> list[str]:
        """What the journal says against what the chain knows."""
        node, found = self.chain.node, []
        found += [sentence for _, sentence in chain_faults(read_rows(journal))]
        logs = node.rpc(
            "eth_getLogs",
            {"fromBlock": hex(begun_at), "address": self.chain.world.token, "topics": [TRANSFER, None, f"0x{account[2:]:0>64}"]},
        )
        swaps = [log for log in logs if int(log["data"], 16) == amount]
        orders = _orders(journal)
        if len(orders) != 1:
            return [*found, f"there are {len(orders)} orders"]
        order = next(iter(orders.values()))
        if len(swaps) > 1:
            found.append(f"it swapped {len(swaps)} times")
        if not order.is_terminal:
            return [*found, f"it is lost: {order.state}"]
        if (order.state is State.FINAL) != (len(swaps) == 1):
            found.append(f"it ended {order.state} and swapped {len(swaps)} times")
        if order.nonce is not None:
            found += self._end_judged(order, account)
        return found

    def _end_judged(self, order: Order, account: str) -> list[str]:
        node = self.chain.node
        landed = [one for one in order.attempts if node.rpc("eth_getTransactionReceipt", one.tx_hash) is not None]
        used = self.chain.count(account) > (order.nonce or 0)
        truth: Any = {"swap": State.FINAL, "cancel": State.ABANDONED}[landed[0].purpose] if landed else State.REPLACED if used else None
        if order.state is not truth:
            return [f"it ended {order.state} and in truth {truth}"]
        told = order.outcome.tx_hash if order.outcome else None
        return [] if not landed or told == landed[0].tx_hash else [f"it ended with {told} and {landed[0].tx_hash} landed"]


def transitions(chain: Chain, folder: Path, script: str) -> list[str]:
    """The transitions of a story, from living it once, in this process: so its children begin warm. Raises when that alone goes wrong."""
    run = Run(chain, folder, script, "nothing", None)
    faults = run.go()
    assert faults == [], faults
    return run.passed


def column(chain: Chain, folder: Path, script: str, trouble: str) -> tuple[int, list[str]]:
    """All transitions of one story with one trouble: how many, and what went wrong."""
    found: list[str] = []
    names = transitions(chain, folder, script)
    with untraced():  # also for the processes that are killed, whose counts nobody would ever see
        for dies_at in range(1, len(names) + 1):
            found += [f"{fault} ({names[dies_at - 1]})" for fault in Run(chain, folder, script, trouble, dies_at).go()]
    return len(names), found


def _orders(journal: Path) -> dict[str, Order]:
    orders = OrdersById()
    if journal.is_file():
        for row in read_rows(journal):
            orders.take(row)
    return dict(orders)
