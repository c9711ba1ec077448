"""A language model that is slow, wrong or hostile makes one agent abstain; one that is right is recorded and replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.problems import BadInput, Unavailable
from executor.agents.llm import LONGEST_ANSWER, Cassette, LlmAgent, schema_of
from executor.agents.prompts import Prompt
from executor.agents.terms import Question
from executor.agents.transcript import replay
from executor.agents.transports.in_process import InProcess
from executor.agents.view import RecordedViews
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.agents.parlour import held
from tests.executor.agents.recordings import AT, conflict

PROMPT = Prompt("trade", 4, "{{ base }}/{{ quote }} at {{ price }}. {{ actions }}?\n{{ news }}")
GOOD = {"utilities": [{"action": "BUY", "utility_micro": 250_000, "confidence_ppm": 800_000, "horizon_seconds": 600}], "why": "good news"}


class Model:
    """A completer that says what it was told to, after so many seconds."""

    model = "sample-1"

    def __init__(self, answer: object, clock: VirtualClock, seconds: float = 0.0) -> None:
        self.answer, self.clock, self.seconds = answer, clock, seconds
        self.prompts: list[str] = []

    async def complete(self, prompt: str, schema: Mapping[str, Any]) -> str:
        self.prompts.append(prompt)
        await self.clock.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer)


def negotiated(answer: object, seconds: float = 0.0, folder: Path | None = None, prompt: Prompt = PROMPT):
    """One negotiation of one agent with this model; through a cassette when there is a folder."""

    async def story(clock: VirtualClock):
        model = Model(answer, clock, seconds)
        completer = Cassette(folder, completer=model) if folder else model
        agent = LlmAgent("llm", completer, lambda: prompt, clock)
        transport = InProcess([agent], RecordedViews(conflict()), clock)
        async with held(clock, transport=transport) as parts:
            negotiation = await parts.coordinator.negotiate(Question("t-1", "WETH", "USDC", as_of_ns=AT * 1_000))
            await clock.sleep(10)
        assert replay(parts.rows.rows).is_equal
        return negotiation.decision.heard, model

    return run_virtually(story)


def test_an_answer_that_follows_the_schema_becomes_a_proposal_with_its_versions() -> None:
    heard, model = negotiated(GOOD)
    proposal = heard.proposals["llm"]
    assert (proposal.model_version, proposal.prompt_version) == ("llm/sample-1", "trade/4")
    (utility,) = proposal.utilities
    assert (utility.action, utility.utility_micro, utility.confidence_ppm, utility.evidence_ref) == ("BUY", 250_000, 800_000, "good news")
    assert model.prompts[0].startswith("WETH/USDC at 29") and "- Ethereum rallies" in model.prompts[0]
    assert "hacked" not in model.prompts[0]  # published later


def bad(**changed: object) -> dict:
    return {"utilities": [GOOD["utilities"][0] | changed], "why": "x"}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I would rather buy.", "no JSON"),
        ("[" * 20_000, "no JSON"),
        ("x" * (LONGEST_ANSWER + 1), "letters"),
        ([], "does not follow the schema"),
        (bad(utility_micro=1_000_001), "utility_micro"),
        (bad(utility_micro=0.5), "utility_micro"),
        (bad(action="BURN"), "action"),
        (bad(send="0x00"), "send"),
        (GOOD | {"utilities": []}, "utilities"),
        (GOOD | {"utilities": GOOD["utilities"] * 2}, "two for one action"),
        (Unavailable("The model is overloaded."), "overloaded"),
    ],
    ids=lambda told: str(told)[:20],
)
def test_an_answer_that_does_not_is_a_refusal_with_the_reason(answer: object, why: str) -> None:
    heard, _ = negotiated(answer)
    assert why in heard.refused["llm"]


def test_one_that_is_too_slow_refuses_before_the_deadline() -> None:
    heard, _ = negotiated(GOOD, seconds=5.0)
    assert heard.refused["llm"] == "sample-1 did not answer within 0.9 s."


def test_a_prompt_that_asks_for_what_there_is_not_is_a_refusal() -> None:
    heard, _ = negotiated(GOOD, prompt=Prompt("trade", 5, "{{ secret }}"))
    assert "asks for secret" in heard.refused["llm"]


def test_a_whole_number_with_a_point_is_a_whole_number() -> None:
    heard, _ = negotiated(json.dumps(bad()).replace("250000", "250000.0"))
    assert heard.proposals["llm"].utilities[0].utility_micro == 250_000


def test_what_was_recorded_is_replayed_without_the_model(tmp_path: Path) -> None:
    first, model = negotiated(GOOD, folder=tmp_path)
    second, unasked = negotiated("must not be asked", folder=tmp_path)
    assert (len(model.prompts), len(unasked.prompts)) == (1, 0)
    assert first.proposals == second.proposals
    other, again = negotiated(GOOD, folder=tmp_path, prompt=Prompt("trade", 5, "Another."))
    assert len(again.prompts) == 1 and other.proposals["llm"].prompt_version == "trade/5"
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_cassette_that_was_changed_or_never_recorded_is_a_refusal(tmp_path: Path) -> None:
    negotiated(GOOD, folder=tmp_path)
    (file,) = tmp_path.glob("*.json")
    good = file.read_text()
    for wrong in ("{", "[]", good.replace("WETH", "WBTC"), good.replace('"model": "sample-1"', '"model": "sample-2"')):
        file.write_text(wrong)
        heard, _ = negotiated(GOOD, folder=tmp_path)
        assert "record it again" in heard.refused["llm"]

    async def story(clock: VirtualClock) -> None:
        with pytest.raises(Unavailable, match="record it first"):
            await Cassette(tmp_path, model="other").complete("x", {})

    run_virtually(story)
    with pytest.raises(BadInput):
        Cassette(tmp_path)


def test_the_schema_knows_the_calls_own_actions() -> None:
    from domain.negotiation import Call

    told = schema_of(Call("t", "A", "B", 1, 2, actions=("WAIT", "NOW")))
    assert told["properties"]["utilities"]["items"]["properties"]["action"] == {"enum": ["WAIT", "NOW"]}
