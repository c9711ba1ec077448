"""A ledger for the lake's tests: blocks that come in and are taken back, two trades each, with numbers one can do in one's head."""

from __future__ import annotations

from executor.ledger.rows import Block, Change, Trade

GENESIS_TIME = 1_772_366_400  # 2026-03-01 12:00 UTC
POOL, WETH, USDC = "0x" + "01" * 20, "0x" + "aa" * 20, "0x" + "bb" * 20


class ScriptedLedger:
    """Changes as the test tells them: `grow` and `fall_back`."""

    def __init__(self, identity: str = "first") -> None:
        self.identity = identity
        self.told: list[Change] = []
        self._chain: list[Change] = []
        self._forks = 0

    def grow(self, blocks: int = 1, *, trades: int = 2) -> None:
        """So many blocks come in, each with so many trades."""
        for _ in range(blocks):
            self._tell(1, self._block(len(self._chain), trades))

    def fall_back(self, blocks: int = 1) -> None:
        """A reorg takes back the newest blocks; what grows then is another chain."""
        for _ in range(blocks):
            self._tell(-1, self._chain.pop())
        self._forks += 1

    def changes(self, after: int, at_most: int = 1_000) -> list[Change]:
        return [change for change in self.told if change.seq > after][:at_most]

    def standing(self) -> list[tuple[str, int]]:
        """Block hash and log index of every trade that stands."""
        return sorted((trade.block_hash, trade.log_index) for change in self._chain for trade in change.trades)

    def _tell(self, sign: int, change: Change) -> None:
        told = Change(len(self.told) + 1, sign, change.block, change.block_time, change.trades)
        self.told.append(told)
        if sign > 0:
            self._chain.append(told)

    def _block(self, number: int, trades: int) -> Change:
        block = Block(number, f"0x{self._forks:032x}{number:032x}", f"0x{number - 1 if number else 0:064x}")
        time = GENESIS_TIME + 12 * number
        return Change(0, 1, block, time, tuple(self._trade(block, time, index) for index in range(trades)))

    def _trade(self, block: Block, time: int, index: int) -> Trade:
        return Trade(
            chain_id=31337,
            block_number=block.number,
            block_hash=block.hash,
            block_time=time,
            tx_hash=f"0x{self._forks:032x}{block.number:016x}{index:016x}",
            transaction_index=index,
            log_index=index,
            venue="DEX",
            protocol="uniswap_v3",
            pool=POOL,
            sender=WETH,
            recipient=USDC,
            token_in=WETH,
            token_out=USDC,
            amount_in=10**37 + block.number,
            amount_out=3_000_000_000,
            fee_pips=500,
            order_id="ours" if index else None,
        )
