"""Whose voice counts how much: agents' weights, learnt from what each one's own proposals would have earned.

Every agent is scored by its own counterfactual result, whether or not it was followed, so all of them learn from every trade. The
evidence is a bet on the agent (as in domain/sequential.py): its capital is spread over a few guesses of its skill, the mean result in
standard deviations, and each score multiplies the capital on a guess by `1 + guess × score`. After every score a share of the capital
goes back to where it began, so old evidence is discounted and a change of regime is caught up with (fixed share: Herbster & Warmuth,
"Tracking the Best Expert", 1998). An agent's skill is the mean guess, and those above the average skill count alike: chasing the best
of several good agents pays for luck, dropping the bad one is what earns. bench/agent_weights.py compares the formula with its peers.

Everything is integers, so equal histories give equal bytes on every machine. Weights are parts of a million.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isqrt
from typing import Any, Self

from domain.problems import BadInput
from domain.shares import split

MILLION = 1_000_000
# A weight moves by at most this a trade, parts of a million: one lucky trade cannot turn the house around.
MOST_STEP = 50_000
# The least weight of an agent: it keeps being heard, so it can be right again. With more than 10 agents it is half of an equal share.
FLOOR = 50_000
# Scores older than this when they arrive say what the market was, not what the agents are.
MOST_AGE = timedelta(hours=1)

# The guesses of an agent's skill, thousandths of a standard deviation a trade.
_GUESSES = (-100, 0, 100, 200, 300)
_CAPITAL = 10**12
# The part of the capital that goes back to equal guesses after each score, parts of a million.
_RETURNED = 6_000
# Skill up to the average counts by this power.
_SHARPNESS = 5
# A score counts as at most this many standard deviations, in millionths, so no bet can lose all of its capital.
_MOST_SIGMAS = 2_500_000
# The square of a score is remembered for about a hundred scores: the part that is kept, parts of a million.
_KEPT = 990_000


@dataclass(frozen=True, slots=True)
class Standing:
    """One agent: its weight in parts of a million, the capital on each guess of its skill, and how many scores it was given.

    `squares` is the discounted sum of its squared scores, `counted` their discounted number in millionths.
    """

    name: str
    ppm: int
    capital: tuple[int, ...]
    scores: int = 0
    squares: int = 0
    counted: int = 0

    @property
    def skill(self) -> int:
        """The mean guess of its skill, in 10^-15 of a standard deviation a trade; guesses below 0 count as none."""
        return sum(max(guess, 0) * part for guess, part in zip(_GUESSES, self.capital, strict=True))


@dataclass(frozen=True, slots=True)
class AgentWeights:
    """The weights at one moment, and the evidence behind them; every change gives new ones of the next `generation`.

    `scored_at` is the time of the latest scores. `frozen` says why the last scores changed nothing, and is empty when they counted.
    """

    agents: tuple[Standing, ...] = ()
    generation: int = 0
    scored_at: datetime | None = None
    frozen: str = ""

    @classmethod
    def equal(cls, names: Iterable[str]) -> Self:
        """The same weight for all: where a new desk begins. Raises BadInput for an empty name or one that is given twice."""
        ordered = sorted(names)
        if len(set(ordered)) != len(ordered) or "" in ordered:
            raise BadInput("Agents need names that differ and are not empty.", field="names")
        parts = split(MILLION, [1] * len(ordered)) if ordered else []
        return cls(tuple(Standing(name, ppm, _no_evidence()) for name, ppm in zip(ordered, parts, strict=True)))

    @property
    def names(self) -> tuple[str, ...]:
        """Who is known, by name."""
        return tuple(agent.name for agent in self.agents)

    def ppm(self, present: Iterable[str] | None = None) -> dict[str, int]:
        """The weights of those who are present (all by default), by name: they add up to a million, the absent ones' weight is shared.

        Nobody present gives no weights. Raises BadInput for somebody who never joined.
        """
        wanted = set(self.names if present is None else present)
        unknown = sorted(wanted - set(self.names))
        if unknown:
            raise BadInput(f"No agent is called {', '.join(unknown)}; let it join first.", field="present", unknown=unknown)
        here = [agent for agent in self.agents if agent.name in wanted]
        parts = split(MILLION, [agent.ppm for agent in here]) if here else []
        return {agent.name: part for agent, part in zip(here, parts, strict=True)}

    def joined(self, name: str) -> AgentWeights:
        """With a new agent at a cold start: no evidence, and half of an equal share of the weight, which all others give up alike.

        The first agent has it all. Who is here already changes nothing. Raises BadInput for an empty name.
        """
        if not name:
            raise BadInput("An agent needs a name.", field="name")
        if name in self.names:
            return self
        cold = MILLION // (2 * (len(self.agents) + 1)) if self.agents else MILLION
        rest = _with(self.agents, split(MILLION - cold, [agent.ppm for agent in self.agents]) if self.agents else [])
        agents = sorted((*rest, Standing(name, cold, _no_evidence())), key=lambda agent: agent.name)
        return replace(self, agents=tuple(agents), generation=self.generation + 1)

    def left(self, name: str) -> AgentWeights:
        """Without the agent: the others take its weight in proportion to theirs. Who is not here changes nothing."""
        rest = tuple(agent for agent in self.agents if agent.name != name)
        if len(rest) == len(self.agents):
            return self
        parts = split(MILLION, [agent.ppm for agent in rest]) if rest else []
        return replace(self, agents=_with(rest, parts), generation=self.generation + 1)

    def scored(
        self, scores: Mapping[str, int | None], at: datetime, *, now: datetime | None = None, max_age: timedelta = MOST_AGE, stale: str = ""
    ) -> AgentWeights:
        """After one trade: what each agent's own proposal would have earned at its horizon, micro-units; None when it abstained.

        The best score is the result at a size in proportion to the utility that the agent saw: who is sure when it is right learns its
        weight soonest. Each agent is measured against its own usual score, so the unit and the size of its trades do not matter.

        `at` is the time of the prices behind the scores. Scores older than `max_age` at `now`, or whose prices are `stale` (the reason,
        in words), leave weights and evidence as they are: `frozen` says so. An abstaining agent's evidence stays as it is, and so does
        everything when there is no score at all. An agent that left since it proposed is passed over. Raises BadInput for a score that
        is not a whole number, or a time without a zone.
        """
        _check(scores, at)
        if now is not None and now - at > max_age:
            stale = stale or f"the scores are of {_text(at)}, {now - at} before they came; at most {max_age} is allowed"
        if stale:
            return self if stale == self.frozen else replace(self, frozen=stale, generation=self.generation + 1)
        told = {agent.name: score for agent in self.agents if (score := scores.get(agent.name)) is not None}
        if not told:
            return self
        agents = tuple(_bet(agent, told[agent.name]) if agent.name in told else agent for agent in self.agents)
        parts = _stepped([agent.ppm for agent in agents], _aim(agents))
        latest = max(at, self.scored_at or at)
        return AgentWeights(_with(agents, parts), self.generation + 1, latest)

    def to_json(self) -> str:
        """The state as one line; equal states have equal bytes."""
        document = {
            "agents": [asdict(agent) for agent in self.agents],
            "frozen": self.frozen,
            "generation": self.generation,
            "guesses": list(_GUESSES),
            "scored_at": _text(self.scored_at) if self.scored_at else None,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The state that `to_json` wrote. Raises BadInput, naming what is wrong, for anything else."""
        try:
            document = json.loads(text)
            if document["guesses"] != list(_GUESSES):
                raise BadInput("The weights were learnt with other guesses of skill; begin anew from equal weights.", field="guesses")
            agents = tuple(_standing(each) for each in document["agents"])
            at = document["scored_at"]
            at = datetime.fromisoformat(at) if at else None
            state = cls(agents, _is(int, document["generation"]), at, _is(str, document["frozen"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"These are no agent weights ({error!r}); restore the last good state.", field="weights") from error
        state._hold()
        return state

    def _hold(self) -> None:
        """Raises BadInput when the numbers cannot be those of weights."""
        names = self.names
        if list(names) != sorted(set(names)):
            raise BadInput("The agents of these weights are not in order, or named twice.", field="agents")
        if self.agents and (sum(agent.ppm for agent in self.agents) != MILLION or min(agent.ppm for agent in self.agents) < 0):
            raise BadInput("These weights do not add up to a million.", field="ppm")
        if any(len(agent.capital) != len(_GUESSES) or sum(agent.capital) != _CAPITAL or min(agent.capital) < 0 for agent in self.agents):
            raise BadInput(f"The capital of an agent of these weights does not add up to {_CAPITAL}.", field="capital")
        if min(self.generation, *(min(agent.squares, agent.counted, agent.scores) for agent in self.agents), 0) < 0:
            raise BadInput("No count and no sum of these weights is below 0.", field="squares")


def _no_evidence() -> tuple[int, ...]:
    return tuple(split(_CAPITAL, [1] * len(_GUESSES)))


def _bet(agent: Standing, score: int) -> Standing:
    """The agent after one score, which is measured against what its scores come to usually."""
    squares = agent.squares * _KEPT // MILLION + score * score
    counted = agent.counted * _KEPT // MILLION + MILLION
    deviation = isqrt(squares * MILLION // counted)
    sigmas = max(-_MOST_SIGMAS, min(_MOST_SIGMAS, score * MILLION // deviation)) if deviation else 0
    won = [part * (1_000 * MILLION + guess * sigmas) for guess, part in zip(_GUESSES, agent.capital, strict=True)]
    total = sum(won)
    kept = [part * (MILLION - _RETURNED) * len(won) + total * _RETURNED for part in won]
    return Standing(agent.name, agent.ppm, tuple(split(_CAPITAL, kept)), agent.scores + 1, squares, counted)


def _aim(agents: tuple[Standing, ...]) -> list[int]:
    """The weights that the evidence asks for: skill up to the average counts by its fifth power, above it nobody counts more."""
    skills = [agent.skill for agent in agents]
    floor = min(FLOOR, MILLION // (2 * len(agents)))
    # Times the number of agents, so that the average is a whole number.
    counted = [min(skill * len(skills), sum(skills)) ** _SHARPNESS for skill in skills]
    return [floor + part for part in split(MILLION - floor * len(agents), counted)]


def _stepped(now: list[int], aim: list[int]) -> list[int]:
    """On the way from the weights of now to those aimed at, as far as nobody moves by more than a step."""
    furthest = max(abs(there - here) for here, there in zip(now, aim, strict=True))
    if furthest <= MOST_STEP:
        return aim
    # The one that moves furthest moves by a whole step exactly, so largest remainders cannot push anyone beyond.
    return split(MILLION, [here * (furthest - MOST_STEP) + there * MOST_STEP for here, there in zip(now, aim, strict=True)])


def _with(agents: Iterable[Standing], parts: list[int]) -> tuple[Standing, ...]:
    return tuple(replace(agent, ppm=part) for agent, part in zip(agents, parts, strict=True))


def _check(scores: Mapping[str, Any], at: datetime) -> None:
    for name, score in scores.items():
        if score is not None and (not isinstance(score, int) or isinstance(score, bool)):
            raise BadInput(
                f"The score of {name} is {score!r}; give whole micro-units, or None when it abstained.", field="scores", agent=name
            )
    if at.tzinfo is None:
        raise BadInput("The time of the scores has no zone; give UTC.", field="at")


def _standing(each: Mapping[str, Any]) -> Standing:
    capital = tuple(_is(int, part) for part in each["capital"])
    scores, squares, counted = (_is(int, each[name]) for name in ("scores", "squares", "counted"))
    return Standing(_is(str, each["name"]), _is(int, each["ppm"]), capital, scores, squares, counted)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _is(kind: type, value: Any) -> Any:
    """The value, when it is of that kind. Raises TypeError otherwise."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
