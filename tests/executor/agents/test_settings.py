"""How agents are set is checked as a whole before anything starts."""

from __future__ import annotations

import pytest

from domain.problems import BadInput
from executor.agents.settings import AgentSettings, as_settings


def test_nobody_is_asked_unless_named() -> None:
    assert AgentSettings.told(" , ", {"GREKKO_AGENT_WEIGHTS": "nonsense"}) is None
    assert as_settings(()) is None and as_settings(None) is None
    assert as_settings(["news"]) == AgentSettings(("news",))


def test_the_environment_says_how_they_are_asked() -> None:
    environment = {
        "GREKKO_AGENT_WEIGHTS": "redis://:secret@127.0.0.1/1",
        "GREKKO_AGENT_TRANSPORT": "kafka://127.0.0.1:9092",
        "GREKKO_AGENT_DEADLINE_MS": "250",
        "GREKKO_AGENT_QUORUM": "2",
    }
    told = AgentSettings.told("technical, news", environment)
    assert told is not None and (told.names, told.deadline_seconds, told.quorum) == (("technical", "news"), 0.25, 2)
    assert (told.weights, told.transport) == ("redis://:secret@127.0.0.1/1", "kafka://127.0.0.1:9092")
    assert "secret" not in repr(told)
    feeds = AgentSettings.told("all", {"GREKKO_AGENT_FEEDS": "https://a.example/rss,https://b.example/rss"})
    assert feeds is not None and len(feeds.feeds) == 2 and feeds.weights == "journal"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"names": ()}, "at least one"),
        ({"names": ("news", "news")}, "each once"),
        ({"deadline_seconds": 0.0}, "deadline"),
        ({"quorum": 0}, "quorum"),
        ({"weights": "postgres://x"}, "redis://"),
        ({"transport": "smoke"}, "kafka://"),
        ({"names": ("all",), "transport": "kafka://x:1"}, "instead of all"),
        ({"feeds": ("file:///etc/passwd",)}, "https://"),
        ({"feeds": ("https://x.example",), "transport": "processes"}, "in this process"),
    ],
)
def test_what_cannot_be_set_is_refused(changed: dict, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        AgentSettings(**{"names": ("news",), **changed})


def test_a_number_that_is_none_is_named() -> None:
    with pytest.raises(BadInput, match="GREKKO_AGENT_QUORUM"):
        AgentSettings.told("news", {"GREKKO_AGENT_QUORUM": "-1"})
