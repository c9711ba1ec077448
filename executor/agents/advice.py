"""Agents for an executor: what they are shown, where their weights and their record are kept. Loaded only where agents are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from domain.market import MarketHistory
from domain.problems import Unavailable
from executor.activation import Activation
from executor.agents.agent import agent_named
from executor.agents.coordinator import Coordinator
from executor.agents.negotiations import Negotiations
from executor.agents.transcript import Transcript
from executor.agents.transcript_file import FILE, SqliteRows
from executor.agents.transports.in_process import InProcess
from executor.agents.view import View, Views
from executor.agents.weight_store import JournalWeights, LiveWeights
from executor.journal import Journal
from executor.ports import Chance, Clock


class HandedOverViews:
    """The market of the hand-over in force, each token by its address and its symbol. It tells no flow and no news."""

    def __init__(self, activation: Activation) -> None:
        self._activation = activation

    async def at(self, time_us: int) -> View:
        """What was known at a moment. Raises Unavailable when nothing was handed over."""
        snapshot = self._activation.current
        known = snapshot.history
        tokens = {token.address: token.symbol for booked in snapshot.book for token in (booked.token0, booked.token1)}
        by_symbol = {tokens[address]: series for address, series in known.prices.items() if address in tokens}
        market = MarketHistory({**known.prices, **by_symbol}, known.base_fee_wei, known.native_price_usd)
        return View(time_us, market).until(time_us)


def advised(
    folder: Path,
    names: Sequence[str],
    views: Views,
    journal: Callable[[], Journal | None],
    clock: Clock,
    chance: Chance,
    *,
    deadline_seconds: float = 1.0,
    quorum: int = 1,
) -> Negotiations:
    """Negotiations with these agents within the process; their weights in the executor's journal, their record in the folder.

    Raises BadInput for an agent that there is none of. `journal` is asked when the executor starts.
    """
    agents = [agent_named(name) for name in names]

    async def begin() -> Coordinator:
        opened = journal()
        if opened is None:
            raise Unavailable("The agents' weights are in the journal, which is not open yet.")
        weights = await LiveWeights.open(JournalWeights(opened, clock), [agent.name for agent in agents])
        transcript = await Transcript.opened(SqliteRows(folder / FILE))
        transport = InProcess(agents, views, clock)
        return Coordinator(transport, weights, transcript, clock, chance, deadline_seconds=deadline_seconds, quorum=quorum)

    return Negotiations(folder, begin)
