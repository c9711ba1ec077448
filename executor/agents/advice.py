"""Agents for an executor: their lines, where their weights and their record are kept. Loaded only where agents are named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from domain.negotiation import NAME
from domain.problems import BadInput, Unavailable
from executor.agents.agent import agent_named, every_agent
from executor.agents.coordinator import Coordinator
from executor.agents.negotiations import Negotiations
from executor.agents.news_feed import NewsFeeds
from executor.agents.prompts import Prompts, with_prompts
from executor.agents.redis_weights import RedisWeights, open_weights
from executor.agents.settings import ALL, IN_PROCESS, PROCESSES, AgentSettings
from executor.agents.transcript import Transcript
from executor.agents.transcript_file import FILE, SqliteRows
from executor.agents.transports.in_process import InProcess
from executor.agents.transports.processes import Processes, agent_command
from executor.agents.transports.topic import Topic, agent_stream
from executor.agents.transports.transport import Transport
from executor.agents.view import NewsItem, Views
from executor.agents.weight_store import LiveWeights
from executor.journal import Journal
from executor.ports import Chance, Clock


def advised(
    folder: Path,
    settings: AgentSettings,
    views: Callable[[Callable[[], tuple[NewsItem, ...]]], Views],
    journal: Callable[[], Journal | None],
    clock: Clock,
    chance: Chance,
) -> Negotiations:
    """Negotiations with these agents, their record and their prompts in the folder, their weights where the settings say.

    `views` makes what agents in this process are shown, from the news. `journal` is asked when the executor starts. Raises BadInput for
    an agent that there is none of, or an address that is none.
    """
    names = list(every_agent()) if ALL in settings.names else list(settings.names)
    prompts, feeds = Prompts(folder), NewsFeeds(settings.feeds, clock)
    make = _lines(folder, settings.transport, names, views(lambda: feeds.items), prompts, clock)
    if settings.weights.startswith("redis"):
        RedisWeights(settings.weights)  # an address that is none is told now, not at the start

    async def begin() -> Coordinator:
        opened = journal()
        if opened is None:
            raise Unavailable("The agents' weights are in the journal, which is not open yet.")
        prompts.look()
        transport = make()
        weights = await LiveWeights.open(open_weights(settings.weights, opened, clock), transport.agents)
        transcript = await Transcript.opened(SqliteRows(folder / FILE))
        return Coordinator(
            transport, weights, transcript, clock, chance, deadline_seconds=settings.deadline_seconds, quorum=settings.quorum
        )

    tasks: dict[str, Callable[[], Awaitable[None]]] = {"the agents' prompts": lambda: prompts.run(clock)}
    if settings.feeds:
        tasks["the agents' news"] = feeds.run
    return Negotiations(folder, begin, tasks=tasks, clock=clock)


def _lines(folder: Path, setting: str, names: list[str], views: Views, prompts: Prompts, clock: Clock) -> Callable[[], Transport]:
    """Makes the lines to these agents, anew for each start."""
    if setting.startswith("kafka://"):
        if bad := [name for name in names if not NAME.fullmatch(name)]:
            raise BadInput(f"An agent on a topic is called by its name, not {bad[0]!r}.", field="agents")
        return lambda: Topic(agent_stream(setting, clock), names)
    agents = {name: with_prompts(agent_named(name), prompts, clock) for name in names}
    if setting == PROCESSES:
        commands = {agents[name].name: agent_command(name, folder) for name in names}
        return lambda: Processes(commands, clock)
    assert setting == IN_PROCESS
    return lambda: InProcess(agents.values(), views, clock)
