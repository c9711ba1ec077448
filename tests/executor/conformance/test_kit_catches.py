"""The kit finds a venue out: each of these says something that is not so, and a promise breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.amm.quote import Quote
from domain.problems import BadInput, Unavailable
from executor.chain.node import HttpNode
from executor.conformance import LocalStage, checks_for, fork_of, run_kit
from executor.conformance import __main__ as command
from executor.venue import Venue, every_venue

V3, V2, PANCAKE = (every_venue()[name] for name in ("uniswap_v3", "sushiswap", "pancakeswap_v3"))


class GenerousVenue(Venue):
    """Quotes one base unit more than the pool pays."""

    def quote(self, pool, sell, amount, exact_out=False) -> Quote:
        quote = super().quote(pool, sell, amount, exact_out)
        return quote._replace(amount_out=quote.amount_out + 1)


class ForgetfulVenue(Venue):
    """Loses a tick of every pool that it reads."""

    async def get_pool_state(self, node, pool, block="latest"):
        state = await super().get_pool_state(node, pool, block)
        kept = dict(list(state.ticks.items())[1:])  # pyright: ignore[reportAttributeAccessIssue]
        return replace(state, ticks=kept, _ordered=None)  # pyright: ignore[reportCallIssue]


class CrashingVenue(Venue):
    """Cannot decode at all."""

    def decode(self, log, chain_id=None):
        return {}["missing"]


class HastyVenue(Venue):
    """Forgets the minimum."""

    def swap(self, path, *, router, amount_in, min_amount_out, recipient, deadline):
        return super().swap(path, router=router, amount_in=amount_in, min_amount_out=1, recipient=recipient, deadline=deadline)


def told_as(kind: type[Venue], venue: Venue) -> Venue:
    return kind(**{name: getattr(venue, name) for name in venue.__dataclass_fields__})


LIARS = {
    "a wrong fee": (replace(V2, fee_pips=2500), "selling_token0_is_quoted_exactly"),
    "no topic for burns": (
        replace(V3, topics={topic: event for topic, event in V3.topics.items() if event != "burn"}),
        "state_from_logs_equals_state_from_the_chain",
    ),
    "the topic of another venue": (replace(V3, topics=PANCAKE.topics), "a_swap_tells_what_moved"),
    "events shorter than they are": (replace(PANCAKE, trailing_words={}), "a_swap_tells_what_moved"),
    "the protocol's part in another unit": (replace(PANCAKE, protocol_fee_denominator=None), "selling_token0_is_quoted_exactly"),
    "no first part for the protocol": (replace(PANCAKE, first_protocol_fee=None), "a_pool_begins_as_its_first_price_says"),
    "a better price than there is": (told_as(GenerousVenue, V3), "selling_token1_is_quoted_exactly"),
    "a tick less": (told_as(ForgetfulVenue, V3), "selling_token0_is_quoted_exactly"),
    "a crash": (told_as(CrashingVenue, V2), "an_event_keeps_its_place_on_the_chain"),
    "no minimum": (told_as(HastyVenue, V2), "the_minimum_is_enforced"),
}


@pytest.fixture(scope="module")
def stages(node_modules) -> Iterator[dict[str, LocalStage]]:
    opened = {}
    contexts = [LocalStage.open(venue) for venue in (V3, V2, PANCAKE)]
    try:
        for venue, context in zip((V3, V2, PANCAKE), contexts, strict=True):
            opened[venue.name] = context.__enter__()
        yield opened
    except Unavailable as absent:
        pytest.skip(absent.message)
    finally:
        for context in contexts[: len(opened)]:
            context.__exit__(None, None, None)


@pytest.mark.parametrize("lie", LIARS)
def test_a_venue_that_says_what_is_not_so_is_found_out(stages, lie):
    venue, expected = LIARS[lie]
    stage = stages[venue.name]
    honest = stage.venue

    async def run():
        stage.venue = venue
        try:
            async with HttpNode(stage.world.node.url) as stage.node:
                return await run_kit(venue, stage)
        finally:
            stage.venue = honest

    broken = {finding.check: finding for finding in asyncio.run(run()) if not finding.held}
    assert expected in broken
    assert broken[expected].reason


def test_the_command_tells_what_held(capsys, node_modules):
    assert command.main(["sushiswap", "--all"]) == 0
    printed = capsys.readouterr().out
    count = len(checks_for(V2))
    assert f"SushiSwap: {count} of {count} promises held" in printed
    assert "held    The pair's state carries the one fee that the venue names." in printed


def test_the_command_tells_what_broke(capsys, node_modules, monkeypatch):
    monkeypatch.setattr(command, "every_venue", lambda: {"sushiswap": replace(V2, fee_pips=2500)})
    assert command.main([]) == 1
    assert "broken  Any amount of token0 sold buys what the chain says" in capsys.readouterr().out


def test_the_command_refuses_a_name_nobody_has(capsys):
    assert command.main(["nonsense"]) == 2
    assert "There is no venue 'nonsense'" in capsys.readouterr().err


def test_a_venue_that_nobody_staged_is_refused():
    with pytest.raises(BadInput, match=r"grekko\.stages"):
        fork_of("nonsense")


def test_contracts_of_another_shape_cannot_be_staged(node_modules):
    from domain.problems import Broken

    wrong = replace(V3, shape="constant_product", fee_pips=3000)
    with pytest.raises(Broken), LocalStage.open(wrong, fork_of("uniswap_v3")):
        pass
