"""What an agent is: it is shown what was known at a moment, and says what it gives for each action; or that it abstains, and why.

An agent is one file in `executor/agents/leaves/` that defines `AGENT`, or a package with an entry point in the group `grekko.agents`.
Dropping the file in is the whole registration.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

from domain.negotiation import NAME, ActionUtility, Call, Proposal
from domain.problems import BadInput, Broken
from executor.agents.messages import COORDINATOR, Refuse
from executor.agents.view import View


class Agent(Protocol):
    """An adviser. What it proposes must follow from the call and the view alone, so that it can be asked again."""

    @property
    def name(self) -> str:
        """What its messages are signed with: small letters, digits, - and _."""
        ...

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        """Its utilities for the call's actions, or why it abstains. A Problem that is raised becomes a refusal with its sentence."""
        ...


def leaning(
    agent: str, call: Call, lean: float, *, confidence: float, horizon_seconds: int, version: str, evidence: str = ""
) -> Proposal | Refuse:
    """A proposal from one number in [-1, 1]: the price of `base` will rise (positive), fall, or neither. Outside of it is cut off.

    BUY gets it, SELL its opposite, and an execution call's NOW gets how strongly it leans at all; the safest action gets nothing.
    """
    lean, confidence = max(-1.0, min(1.0, lean)), max(0.0, min(1.0, confidence))
    micro, ppm = round(lean * 1e6), round(confidence * 1e6)
    given = {"BUY": micro, "SELL": -micro, "NOW": abs(micro)}
    utilities = tuple(
        ActionUtility(action, 0 if action == call.safest else given[action], ppm, horizon_seconds, evidence)
        for action in call.actions
        if action == call.safest or action in given
    )
    if len(utilities) < 2:
        return Refuse(f"I know nothing of {', '.join(call.actions[1:])}.")
    return Proposal(agent, utilities, version)


@cache
def every_agent() -> Mapping[str, Agent]:
    """All agents by name: those of this repository and those that installed packages bring. Raises Broken when two share a name."""
    folder = importlib.import_module("executor.agents.leaves")
    built_in = [importlib.import_module(f"{folder.__name__}.{module.name}").AGENT for module in pkgutil.iter_modules(folder.__path__)]
    return by_name([*built_in, *(point.load() for point in entry_points(group="grekko.agents"))])


def by_name(agents: Iterable[Agent]) -> Mapping[str, Agent]:
    """Agents keyed by name. Raises Broken when a name is taken twice or none can sign with it."""
    found: dict[str, Agent] = {}
    for agent in agents:
        if agent.name in found or agent.name == COORDINATOR or not NAME.fullmatch(agent.name):
            raise Broken(f"An agent cannot be called {agent.name!r}: taken, or no name; rename it.", agent=agent.name)
        found[agent.name] = agent
    return found


def agent_named(name: str) -> Agent:
    """The agent of that name, or the one at `package.module:ATTRIBUTE`. Raises BadInput when there is none."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise BadInput(f"There is no agent at {name} ({error}).", field="agent") from error
    if name not in every_agent():
        raise BadInput(f"There is no agent {name}; there are {', '.join(every_agent())}.", field="agent")
    return every_agent()[name]
