"""How an executor's agents are set: who is asked, until when, over which lines, and where their weights are kept. Light to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from domain.problems import BadInput

ALL = "all"
JOURNAL = "journal"
IN_PROCESS, PROCESSES = "in_process", "processes"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Whom to ask (`names`; `all` stands for every agent there is) and how.

    `weights` is `journal` or redis://host:port, `transport` is `in_process`, `processes` or kafka://host:port (agents that run
    elsewhere), `feeds` are addresses of news. Addresses may hold a secret and are not printed. Raises BadInput.
    """

    names: tuple[str, ...]
    deadline_seconds: float = 1.0
    quorum: int = 1
    weights: str = field(default=JOURNAL, repr=False)
    transport: str = field(default=IN_PROCESS, repr=False)
    feeds: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise BadInput("agents: name each once, and at least one; or all.", field="agents")
        if not 0.01 <= self.deadline_seconds <= 60.0:
            raise BadInput(f"The agents' deadline is {self.deadline_seconds} s; give 0.01 to 60.", field="deadline_ms")
        if self.quorum < 1:
            raise BadInput(f"The agents' quorum is {self.quorum}; at least one must propose.", field="quorum")
        if self.weights != JOURNAL and not self.weights.startswith(("redis://", "rediss://")):
            raise BadInput("The agents' weights are kept in `journal` or at redis://host:port/database.", field="weights")
        if self.transport not in (IN_PROCESS, PROCESSES) and not self.transport.startswith("kafka://"):
            raise BadInput("The agents' transport is in_process, processes or kafka://host:port.", field="transport")
        if self.transport.startswith("kafka://") and ALL in self.names:
            raise BadInput("Agents that run elsewhere are not known here; name each instead of all.", field="agents")
        if any(not url.startswith(("http://", "https://")) for url in self.feeds):
            raise BadInput("A feed of news is http:// or https://.", field="feeds")
        if self.feeds and self.transport != IN_PROCESS:
            raise BadInput("Only agents in this process are shown feeds of news; leave the feeds out.", field="feeds")

    @classmethod
    def told(cls, names: str, environment: Mapping[str, str]) -> Self | None:
        """From names with commas, and the variables GREKKO_AGENT_WEIGHTS, _TRANSPORT, _DEADLINE_MS, _QUORUM and _FEEDS.

        None when nobody is named. Raises BadInput.
        """
        asked = _listed(names)
        if not asked:
            return None
        deadline = _whole(environment, "GREKKO_AGENT_DEADLINE_MS", 1_000)
        return cls(
            asked,
            deadline / 1_000,
            _whole(environment, "GREKKO_AGENT_QUORUM", 1),
            environment.get("GREKKO_AGENT_WEIGHTS") or JOURNAL,
            environment.get("GREKKO_AGENT_TRANSPORT") or IN_PROCESS,
            _listed(environment.get("GREKKO_AGENT_FEEDS", "")),
        )


def as_settings(agents: AgentSettings | Sequence[str] | None) -> AgentSettings | None:
    """Settings of names alone are the usual ones; None of none."""
    if agents is None or isinstance(agents, AgentSettings):
        return agents
    return AgentSettings(tuple(agents)) if agents else None


def _listed(told: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in told.split(",") if one.strip())


def _whole(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    told = environment.get(name) or str(otherwise)
    if not (told.isascii() and told.isdecimal()) or len(told) > 9:
        raise BadInput(f"{name} is {told!r}; give a whole number.", field=name)
    return int(told)
