"""The gas desk: what a transaction offers so that it gets in, and the word "no" when that could cost more than it may.

Budgets are checked against the worst case, gas limit times the highest price offered: once signed, no transaction can cost more than
that, whatever the base fee does before it is mined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.base_fee import highest_base_fee
from domain.problems import BadInput, OverGasBudget
from executor.chain.node import Node
from executor.gas.alerts import Alerts, LoggedAlerts
from executor.gas.forecast import LEVEL_PERCENTILE, FeeHistory, forecast, read_history
from executor.orders import Fees
from executor.ports import Clock

WEI = 10**18
GWEI = 10**9
ANY = "*"


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that the gas of one transaction may cost: in wei, or in dollars, at the price of the moment."""

    wei: int | None = None
    usd: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.wei is None) == (self.usd is None) or (self.wei or self.usd or 0) < 0:
            raise BadInput("A gas budget is an amount in wei or one in dollars, from zero up; give one of the two.", field="gas_budget")


@dataclass(frozen=True, slots=True)
class GasSettings:
    """What to aim for and what may be spent. `budgets` is by symbol, as in WETH/USDC; `*` is for all others; without one there is none.

    Of `history_blocks` the forecast learns; they are asked again when `fresh_seconds` have passed. Fees are wei per gas.
    """

    within_blocks: int = 3
    probability: float = 0.9
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    history_blocks: int = 120
    fresh_seconds: float = 1.0
    least_priority_fee: int = 10_000_000
    unknown_priority_fee: int = GWEI  # where there are no blocks to learn from, as on a chain that has just begun
    coin: str = "ETH"

    def __post_init__(self) -> None:
        if self.within_blocks < 1 or not 0 < self.probability < 1 or not 1 <= self.history_blocks <= 1024:
            raise BadInput(
                "within_blocks must be at least 1, probability between 0 and 1, history_blocks 1 to 1024 (what a node tells at once).",
                field="gas",
            )


class GasDesk:
    """Fees and budgets on one chain. `usd_per_coin` tells the price of the chain's coin, None when it is not known."""

    def __init__(
        self,
        node: Node,
        clock: Clock,
        settings: GasSettings | None = None,
        alerts: Alerts | None = None,
        usd_per_coin: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.settings = settings or GasSettings()
        self._node = node
        self._clock = clock
        self._alerts = alerts or LoggedAlerts()
        self._usd_per_coin = usd_per_coin
        self._history: FeeHistory | None = None
        self._asked_at = 0.0
        self._found: dict[tuple[int, float], Fees] = {}

    async def fees(self, within_blocks: int | None = None, probability: float | None = None) -> Fees:
        """What to offer so that a transaction is in one of the next blocks with that probability; the settings' when not given.

        The highest price is enough for the tip even if every block until then is full, so only the tip is a matter of chance. Where
        the history cannot bear the claim, `inclusion_probability` says what it can. Raises Unavailable.
        """
        asked = (within_blocks or self.settings.within_blocks, probability or self.settings.probability)
        history = await self._newest()
        if asked not in self._found:
            self._found[asked] = self._offer(history, *asked)
        return self._found[asked]

    def check_budget(self, symbol: str, gas_limit: int, fees: Fees) -> None:
        """Raises OverGasBudget, and an alert, when a transaction could cost more than the budget of the symbol."""
        budget = self._budget(symbol)
        if budget is None:
            return
        cost = gas_limit * fees.max_fee_per_gas
        most = budget.wei if budget.wei is not None else self._in_wei(budget.usd or Decimal())
        if most is not None and cost <= most:
            return
        facts: dict[str, Any] = {"rule": "gas_budget", "symbol": symbol, "cost_wei": cost, "budget_wei": most}
        facts |= {"gas_limit": gas_limit, "max_fee_per_gas": fees.max_fee_per_gas}
        if most is None:
            message = (
                f"Swapping {symbol} could cost {self._in_coin(cost)} in gas, the budget is {budget.usd} USD, and nobody knows the price of "
                f"{self.settings.coin}; set the budget in wei, or give a price."
            )
        else:
            message = (
                f"Swapping {symbol} would cost {self._in_coin(cost)} in gas, the budget is {self._in_coin(most)}; "
                "wait for cheaper gas, or raise the budget."
            )
        self._alerts.raise_alert("gas_budget", {**facts, "message": message})
        raise OverGasBudget(message, **facts)

    async def _newest(self) -> FeeHistory:
        now = self._clock.monotonic()
        if self._history is None or now - self._asked_at >= self.settings.fresh_seconds:
            told = await self._node.call("eth_feeHistory", hex(self.settings.history_blocks), "latest", [LEVEL_PERCENTILE])
            history = read_history(told)
            if history != self._history:
                self._found.clear()
            self._history, self._asked_at = history, now
        return self._history

    def _offer(self, history: FeeHistory, within_blocks: int, probability: float) -> Fees:
        found = forecast(history.levels, within_blocks, probability)
        tip = max(found.wei, self.settings.least_priority_fee) if found else self.settings.unknown_priority_fee
        highest = highest_base_fee(history.next_base_fee, within_blocks - 1) + tip
        return Fees(highest, tip, history.next_base_fee, found.probability if found else 0.0, within_blocks)

    def _budget(self, symbol: str) -> Budget | None:
        budgets, (sold, _, bought) = self.settings.budgets, symbol.partition("/")
        for name in (symbol, f"{bought}/{sold}", ANY):
            if name in budgets:
                return budgets[name]
        return None

    def _in_wei(self, usd: Decimal) -> int | None:
        price = self._usd_per_coin()
        return int(usd * WEI / Decimal(price)) if price is not None and price > 0 else None

    def _in_coin(self, wei: int) -> str:
        return f"{Decimal(wei) / WEI:.6g} {self.settings.coin}"
