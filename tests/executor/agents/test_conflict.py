"""News wants to buy, Technical wants to sell: what is written down, which side is taken, and that it follows again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.problems import BadInput
from executor.agents.agent import every_agent
from executor.agents.messages import decode
from executor.agents.terms import Question
from executor.agents.transcript import Kind, faults, replay
from executor.agents.transports.in_process import InProcess
from executor.agents.view import RecordedViews, View
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.agents.parlour import EqualWeights, KeptWeights, held
from tests.executor.agents.recordings import AT, conflict


class Trusting(EqualWeights):
    """Nine parts for one agent, one for all the others together."""

    favourite = "news"

    def ppm(self, present):
        if len(present) == 1:
            return super().ppm(present)
        others = len(present) - 1
        shares = {name: 100_000 // others for name in present if name != self.favourite}
        return {**shares, self.favourite: 1_000_000 - sum(shares.values())}


class TrustingTechnical(Trusting):
    favourite = "technical"


def negotiated(weights: EqualWeights):
    views = RecordedViews(conflict())

    async def story(clock: VirtualClock):
        transport = InProcess(every_agent().values(), views, clock)
        async with held(clock, transport=transport, weights=KeptWeights(weights)) as parts:
            question = Question("t-1", "WETH", "USDC", 10**18, as_of_ns=AT * 1_000, input_sha256=views.sha256)
            return await parts.coordinator.negotiate(question), parts.rows.rows

    return run_virtually(story)


NAMES = ("macro", "news", "onchain", "technical")


def test_the_side_is_that_of_the_greater_weighted_utility_and_follows_again_to_the_byte() -> None:
    negotiation, rows = negotiated(EqualWeights(NAMES))
    news, technical = (negotiation.decision.heard.proposals[name] for name in ("news", "technical"))
    assert news.favourite(negotiation.call) == "BUY"
    assert technical.favourite(negotiation.call) == "SELL"
    assert set(negotiation.decision.heard.refused) == {"macro", "onchain"}
    scores = {one.action: one.numerator for one in negotiation.decision.tallies}
    assert scores["BUY"] == 500_000 * (news.weight_of("BUY") + technical.weight_of("BUY")) == -scores["SELL"]
    assert negotiation.action == max(scores, key=lambda action: scores[action]) != "HOLD"
    again = replay(rows)
    assert again.is_equal and again.derived == negotiation.decision.canonical()
    assert list(faults(rows)) == []


def test_whoever_earned_more_weight_prevails() -> None:
    assert negotiated(Trusting(NAMES))[0].action == "BUY"
    assert negotiated(TrustingTechnical(NAMES))[0].action == "SELL"


def test_the_transcript_tells_who_wanted_what_on_which_evidence_and_version() -> None:
    negotiation, rows = negotiated(EqualWeights(NAMES))
    acts = [(row.agent, decode(row.payload).kind) for row in rows if row.kind in (Kind.SENT, Kind.HEARD)]
    winner, loser = ("news", "technical") if negotiation.action == "BUY" else ("technical", "news")
    assert sorted(acts[-2:]) == sorted([(winner, "accept"), (loser, "reject")])
    said = {row.agent: decode(row.payload).body for row in rows if row.kind == Kind.HEARD}
    assert said["news"].model_version == "news/1+vader-1.0.0"
    assert said["news"].utilities[0].evidence_ref.startswith("3 items, sha256")  # what came later, or has no date, is not among them
    assert "move -" in said["technical"].utilities[0].evidence_ref


def test_the_same_recording_gives_the_same_bytes_again() -> None:
    assert negotiated(EqualWeights(NAMES))[1] == negotiated(EqualWeights(NAMES))[1]


def test_a_view_is_read_as_it_was_written_and_a_bad_one_is_named(tmp_path) -> None:
    view = conflict()
    assert View.from_document(view.to_document()) == view
    good = view.to_document()
    for wrong in (
        {**good, "format": "x"},
        [],
        {**good, "extra": 1},
        {**good, "time_us": "x"},
        {**good, "news": [{"title": 1}]},
        {**good, "flow": [[1]]},
        {**good, "market": {}},
        {**good, "cross": []},
        {**good, "pool_price": [[1, float("inf")], [float("inf"), 1]]},
    ):
        with pytest.raises(BadInput):
            View.from_document(wrong)  # type: ignore[arg-type]
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(BadInput, match="larger"):
        RecordedViews.read(huge)
    assert replace(view, news=()).until(0).now.price_usd("WETH") is None
