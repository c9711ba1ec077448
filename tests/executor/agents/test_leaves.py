"""What each agent makes of what it is shown, and what all of them promise."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.market import MarketHistory, Series
from domain.negotiation import EXECUTION_ACTIONS, NAME, Call, Proposal
from domain.problems import BadInput, Broken
from executor.agents.agent import agent_named, by_name, every_agent, leaning
from executor.agents.leaves import macro, news, onchain
from executor.agents.messages import Message, Refuse, decode, encode
from executor.agents.view import NewsItem, RecordedViews, View
from tests.executor.agents.recordings import AT, HOUR, MINUTE, conflict, prices

CALL = Call("t-1", "WETH", "USDC", AT * 1_000, AT * 1_000 + 10**9)
SAMPLE = """
from domain.negotiation import ActionUtility, Proposal


class Contrarian:
    name = "contrarian"

    async def propose(self, call, view):
        return Proposal(self.name, (ActionUtility(call.actions[-1], 100_000),), "contrarian/1")


AGENT = Contrarian()
"""


@pytest.fixture
def with_a_third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that brings an agent."""
    told = tmp_path / "grekko_contrarian-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: grekko-contrarian\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[grekko.agents]\ncontrarian = grekko_contrarian:AGENT\n")
    (tmp_path / "grekko_contrarian.py").write_text(SAMPLE)
    monkeypatch.syspath_prepend(tmp_path)
    every_agent.cache_clear()
    yield
    every_agent.cache_clear()
    sys.modules.pop("grekko_contrarian", None)


def asked(agent, view: View, call: Call = CALL) -> Proposal | Refuse:
    return asyncio.run(agent.propose(call, view.until(call.as_of_ns // 1_000)))


def lean(answer: Proposal | Refuse) -> int:
    assert isinstance(answer, Proposal), answer
    return answer.weight_of("BUY") // 1_000_000


def rich() -> View:
    """A view in which every agent has something to say."""
    flow = Series.of((AT - at * MINUTE, 1.0 + at % 3) for at in range(50))
    cross = {"BTC/USDT": prices(60_000.0, 4.0, every=HOUR, count=30), "SOL/USDT": prices(100.0, 9.0, every=HOUR, count=30)}
    return replace(conflict(), flow=flow, liquidity=Series.of([(AT - 2 * HOUR, 10.0), (AT - MINUTE, 8.0)]), cross=cross)


# --- the contract, over whatever lies in the folder and what a package brings


def test_every_agent_keeps_the_contract(with_a_third_party: None) -> None:
    agents = every_agent()
    assert set(agents) >= {"technical", "onchain", "macro", "news", "contrarian"}
    for (name, agent), view, actions in itertools.product(
        agents.items(), (View(AT), rich(), RecordedViews(rich()).whole), (CALL.actions, EXECUTION_ACTIONS, ("HOLD", "DANCE"))
    ):
        call = replace(CALL, actions=actions)
        assert NAME.fullmatch(name)
        first, second = asked(agent, view, call), asked(agent, view, call)
        assert first == second, f"{name} must answer the same to the same"
        assert isinstance(first, Proposal | Refuse)
        told = Message("n-1", "t-1", 0, name, "coordinator", 1, 2, first)
        assert decode(encode(told)) == told
        if isinstance(first, Proposal):
            first.check(call)
            assert first.agent == name and first.model_version


def test_every_agent_of_ours_abstains_when_it_knows_nothing() -> None:
    for agent in every_agent().values():
        assert isinstance(asked(agent, View(AT)), Refuse)


def test_no_agent_sees_what_became_known_later() -> None:
    """What is added to the future changes no answer."""
    view = rich()
    later = replace(
        view,
        market=MarketHistory({**view.market.prices, "WETH": prices(9_000.0, 500.0, until=AT + HOUR // 2, count=40)}),
        flow=Series.of([*zip(view.flow.times, view.flow.values, strict=True), (AT + 1, -1e9)]),
        news=(*view.news, NewsItem(AT + 1, "Ethereum crash, ether hacked, all lost")),
        cross={symbol: Series.of([*zip(one.times, one.values, strict=True), (AT + 1, 1.0)]) for symbol, one in view.cross.items()},
    )
    for name, agent in every_agent().items():
        if name != "technical":
            assert asked(agent, view) == asked(agent, later)
    at = replace(view, market=view.until(AT).market)
    assert asked(every_agent()["technical"], view) == asked(every_agent()["technical"], at)


def test_two_agents_of_one_name_and_names_nobody_can_sign_with_are_refused() -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

    for names in (["a", "a"], ["Coordinator!"], ["coordinator"]):
        with pytest.raises(Broken):
            by_name([Named(name) for name in names])  # type: ignore[list-item]
    with pytest.raises(BadInput):
        agent_named("nobody")
    assert agent_named("executor.agents.leaves.news:AGENT") is news.AGENT


def test_a_lean_outside_of_one_is_cut_off() -> None:
    told = leaning("a", CALL, 7.0, confidence=-1.0, horizon_seconds=1, version="1")
    assert isinstance(told, Proposal)
    assert [(one.utility_micro, one.confidence_ppm) for one in told.utilities] == [(0, 0), (1_000_000, 0), (-1_000_000, 0)]


# --- technical


def test_technical_follows_the_reference_and_expects_the_pool_to_follow_it_too() -> None:
    technical = every_agent()["technical"]
    up, down = prices(3_000.0, 6.0), prices(3_000.0, -6.0)
    dollars = Series.of([(AT - HOUR, 1.0)])

    def view(reference: Series, gap_bps: float | None) -> View:
        pool = Series.of([(AT - MINUTE, reference.values[-1] * (1 - gap_bps / 10_000))]) if gap_bps is not None else Series()
        return View(AT, MarketHistory({"WETH": reference, "USDC": dollars}), pool)

    assert lean(asked(technical, view(up, 0.0))) > 300_000
    assert lean(asked(technical, view(down, 0.0))) < -300_000
    assert lean(asked(technical, view(up, None))) > lean(asked(technical, view(up, 0.0)))
    flat = prices(3_000.0, 0.0)
    assert lean(asked(technical, view(flat, 30.0))) > 300_000  # the pool is cheap
    assert lean(asked(technical, view(flat, -30.0))) < -300_000
    answer = asked(technical, view(flat, 0.0), replace(CALL, actions=EXECUTION_ACTIONS))
    assert isinstance(answer, Proposal) and answer.weight_of("NOW") == 0


# --- onchain


def test_one_sided_flow_is_toxic_and_balanced_flow_is_not() -> None:
    assert onchain.vpin([1.0] * 20) == pytest.approx(1.0)
    assert onchain.vpin([1.0, -1.0] * 20) == pytest.approx(0.0)
    assert onchain.vpin([100.0]) == pytest.approx(1.0)  # divided over all buckets
    assert onchain.vpin([]) == 0.0
    assert 0.0 < onchain.vpin([3.0, -1.0] * 20) < 1.0


def test_onchain_follows_the_flow_and_is_less_sure_when_liquidity_leaves_or_gas_is_dear() -> None:
    buying = Series.of((AT - at * MINUTE, 1.0) for at in range(50))
    calm = View(AT, flow=buying)
    assert lean(asked(onchain.AGENT, calm)) == 1_000_000
    selling = replace(calm, flow=Series(buying.times, tuple(-one for one in buying.values)))
    assert lean(asked(onchain.AGENT, selling)) == -1_000_000
    leaving = replace(calm, liquidity=Series.of([(AT - 2 * HOUR, 10.0), (AT, 5.0)]))
    assert lean(asked(onchain.AGENT, leaving)) == 500_000
    fees = Series.of([(AT - 3 * MINUTE, 10.0), (AT - 2 * MINUTE, 10.0), (AT, 40.0)])
    assert lean(asked(onchain.AGENT, replace(calm, market=MarketHistory({}, fees)))) == 250_000


# --- macro


def test_macro_goes_with_the_others_and_is_less_sure_when_few_are_awake() -> None:
    rising = View(AT, cross={symbol: prices(100.0, 5.0, every=HOUR, count=30) for symbol in ("A", "B", "C")})
    assert lean(asked(macro.AGENT, rising)) > 300_000
    falling = View(AT, cross={"A": prices(100.0, -5.0, every=HOUR, count=30)})
    assert lean(asked(macro.AGENT, falling)) < -100_000
    assert lean(asked(macro.AGENT, View(AT, cross={"A": prices(100.0, 0.0, every=HOUR, count=30)}))) == 0
    assert isinstance(asked(macro.AGENT, View(AT, cross={"A": Series.of([(AT, 1.0)])})), Refuse)
    assert macro.attention(datetime(2026, 3, 4, 13, tzinfo=UTC)) == 1.0
    assert macro.attention(datetime(2026, 3, 7, 13, tzinfo=UTC)) == 0.5  # a Saturday
    assert macro.attention(datetime(2026, 3, 4, 15, 50, tzinfo=UTC)) == 0.5
    assert macro.attention(datetime(2026, 3, 8, 0, 5, tzinfo=UTC)) == 0.25


# --- news


def told(*items: NewsItem) -> Proposal | Refuse:
    return asked(news.AGENT, View(AT, news=items))


def test_news_follows_the_tone_of_what_is_written_about_the_token() -> None:
    good, bad = NewsItem(AT - MINUTE, "Ether rallies, great optimism"), NewsItem(AT - MINUTE, "Ethereum bridge hacked, funds drained")
    assert lean(told(good)) > 0 > lean(told(bad))
    assert isinstance(told(NewsItem(AT - MINUTE, "Bitcoin rallies")), Refuse)
    assert isinstance(told(NewsItem(AT - MINUTE, "Together we win", "a method")), Refuse)  # eth is not a word of it


def test_only_what_was_published_before_and_lately_counts() -> None:
    bad = "Ether crash, terrible"
    for item in (NewsItem(AT + 1, bad), NewsItem(None, bad), NewsItem(AT - 7 * HOUR, bad)):
        assert isinstance(told(item), Refuse)
    old, new = NewsItem(AT - 5 * HOUR, bad), NewsItem(AT - MINUTE, "Ether surges, wonderful")
    assert lean(told(old, new)) > 0  # newer items count more


def test_an_item_that_was_copied_counts_once() -> None:
    item = NewsItem(AT - MINUTE, "Ether surges")
    assert told(item, replace(item, link="elsewhere")) == told(item)
    assert len(news.about("WETH", View(AT, news=tuple(replace(item, title=f"Ether {at}") for at in range(500))))) == news.MOST_ITEMS
