"""Where the agents' weights are kept, and the weights in force: they survive a restart, and a store that is down stops nobody.

A store refuses weights that do not follow those it has, so that two executors on one store cannot undo each other's learning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

from domain.agent_weights import AgentWeights
from domain.problems import BadInput, Unavailable, WeightsOvertaken
from executor.journal import Journal
from executor.orders import Entry
from executor.ports import Clock

LOG = logging.getLogger(__name__)

# The kind of a journal entry about no order: {"generation": …, "weights": the text of AgentWeights.to_json()}.
AGENT_WEIGHTS = "agent_weights"
# So many changes are remembered while nothing can be saved; the oldest go first, their effect stays in the weights in force.
MOST_UNSAVED = 10_000
_TRIES = 5

Change = Callable[[AgentWeights], AgentWeights]


class WeightStore(Protocol):
    """Keeps the last weights. It remembers what it loaded or saved last, and only ever replaces that."""

    async def load(self) -> AgentWeights | None:
        """The last weights, None when there never were any.

        Raises Unavailable when the store does not answer, BadInput when what it keeps are no weights.
        """
        ...

    async def save(self, weights: AgentWeights) -> None:
        """Keeps the weights; saving the same ones again does nothing.

        Raises WeightsOvertaken when the store has others than those loaded or saved last, or newer ones: nothing is replaced then.
        Raises Unavailable when it does not answer; whether they were kept is not known then, and the same may be saved again.
        """
        ...


class JournalWeights:
    """In the executor's own journal: the last entry of the kind counts. The journal has one owner, so nobody can come between."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock

    async def load(self) -> AgentWeights | None:
        text = self._last_text()
        return None if text is None else AgentWeights.from_json(text)

    async def save(self, weights: AgentWeights) -> None:
        text, last = weights.to_json(), self._last_text()
        if text == last:
            return
        if last is not None and weights.generation <= (kept := AgentWeights.from_json(last).generation):
            raise overtaken(weights.generation, kept)
        facts = {"generation": weights.generation, "weights": text}
        await self._journal.append(Entry(AGENT_WEIGHTS, None, self._clock.now(), facts))

    def _last_text(self) -> str | None:
        for row in reversed(self._journal.entries()):
            if row.about == (AGENT_WEIGHTS, None):
                return row.entry.facts["weights"]
        return None


class LiveWeights:
    """The weights in force, changed in memory at once and saved behind; `now` is what a decision counts with.

    While the store does not answer the weights in memory stay in force and go on learning; `trouble` says so. When it is back, or
    another executor was faster, what was not saved is applied on top of what the store has.
    """

    def __init__(self, store: WeightStore, weights: AgentWeights) -> None:
        self._store = store
        self._unsaved: list[tuple[Change, AgentWeights]] = []  # what was done, and what came of it
        self._saving = asyncio.Lock()
        self.now = weights
        self.trouble: str | None = None

    @classmethod
    async def open(cls, store: WeightStore, agents: Iterable[str]) -> Self:
        """The last weights, joined by those agents that were not among them; equal weights where there were none.

        A store that does not answer does not keep anyone from starting: weights are equal then until it is back. Raises BadInput when
        it keeps something that is no weights.
        """
        names, kept, trouble = sorted(agents), None, None
        try:
            kept = await store.load()
        except Unavailable as problem:
            trouble = problem.message
            LOG.warning("the agents start at equal weights: %s", problem.message)
        live = cls(store, AgentWeights.equal(names) if kept is None else kept)
        live.trouble = trouble
        newcomers = [name for name in names if name not in live.now.names]
        if newcomers:
            await live.change(lambda weights: _all_joined(weights, newcomers))
        return live

    async def change(self, change: Change) -> AgentWeights:
        """Changes the weights in force (`lambda weights: weights.scored(...)`), saves them, and returns them.

        The change may be applied once more, to what another executor saved, so it must depend on its argument alone. Whatever it raises
        comes through and changes nothing.
        """
        changed = change(self.now)
        if changed is not self.now:
            self.now = changed
            self._unsaved.append((change, changed))
        async with self._saving:
            if self._unsaved:
                await self._save()
        return self.now

    async def _save(self) -> None:
        trouble: str | None = "other executors save weights faster than this one"
        try:
            for _ in range(_TRIES):
                taken = len(self._unsaved)
                try:
                    await self._store.save(self.now)
                except WeightsOvertaken as problem:
                    LOG.warning("learning goes on from what the store has: %s", problem.message)
                    await self._rebase()
                else:
                    del self._unsaved[:taken]
                    trouble = None
                    break
        except (Unavailable, BadInput) as problem:
            trouble = problem.message
        if trouble is not None and trouble != self.trouble:
            LOG.warning("the agents' weights are in memory only: %s", trouble)
        self.trouble = trouble
        del self._unsaved[:-MOST_UNSAVED]

    async def _rebase(self) -> None:
        """What the store has, with what was not saved on top. A change that the store's weights refuse is left out, and told."""
        kept = await self._store.load()
        weights, waiting = kept or AgentWeights(), self._unsaved
        # Our own weights, whose saving was not answered: what led to them is in them.
        saved = [place for place, (_, result) in enumerate(waiting) if result == kept]
        self._unsaved = []
        for change, _ in waiting[saved[-1] + 1 if saved else 0 :]:
            try:
                weights = change(weights)
                self._unsaved.append((change, weights))
            except BadInput as problem:
                LOG.warning("a change of weights does not fit those of the store: %s", problem.message)
        self.now = weights

    def to_json(self) -> dict[str, Any]:
        """The state as an operator sees it: weights in parts of a million, evidence, why frozen, and whether saving works."""
        agents = {agent.name: {"ppm": agent.ppm, "scores": agent.scores, "skill": agent.skill / 1e15} for agent in self.now.agents}
        return {
            "agents": agents,
            "generation": self.now.generation,
            "frozen": self.now.frozen,
            "trouble": self.trouble,
            "unsaved": len(self._unsaved),
        }


def overtaken(generation: int, kept: int | None) -> WeightsOvertaken:
    """Why weights of this generation are not taken."""
    sentence = f"Weights of generation {generation} do not follow generation {kept}, which the store has; load those and learn from there."
    return WeightsOvertaken(sentence, generation=generation, kept=kept)


def _all_joined(weights: AgentWeights, names: Iterable[str]) -> AgentWeights:
    for name in names:
        weights = weights.joined(name)
    return weights
