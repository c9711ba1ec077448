"""The flow is one story: the same seed tells it again, a branch tells another, and new pools open when they are due."""

from __future__ import annotations

import numpy as np

from recordings import plan
from recordings.actions import AddRange, CreatePool, SetProtocolFee, StartPool
from recordings.order_flow import OrderFlow
from tests.recordings.stages import market, scene

QUARTER_HOUR = 75


def flow(days: int = 1) -> OrderFlow:
    return OrderFlow(7, market(), scene().mirror, days)


def test_the_same_seed_tells_the_same_story():
    assert list(flow().run(2 * QUARTER_HOUR)) == list(flow().run(2 * QUARTER_HOUR))


def test_a_run_goes_to_the_end_of_its_days():
    late = flow()
    late.scene.slot = plan.SLOTS_PER_DAY - 20
    list(late.run())
    assert late.scene.slot == plan.SLOTS_PER_DAY


def test_times_only_go_forward_and_base_fees_are_the_markets():
    blocks = list(flow().run(4 * QUARTER_HOUR))
    times = [block.timestamp for block in blocks]
    assert times == sorted(set(times))
    assert all(block.base_fee == market().base_fees[block.slot] for block in blocks)


def test_the_dearest_tip_comes_first_and_an_accounts_own_order_is_kept():
    for block in flow().run(8 * QUARTER_HOUR):
        best: dict[int, int] = {}
        for request in block.requests:
            best[request.wallet] = max(best.get(request.wallet, 0), request.priority_fee)
        tips = [best[request.wallet] for request in block.requests]
        assert tips == sorted(tips, reverse=True)


def test_a_branch_goes_another_way_and_does_not_disturb_its_origin():
    origin, undisturbed = flow(), flow()
    list(origin.run(QUARTER_HOUR))
    list(undisturbed.run(QUARTER_HOUR))
    branch = origin.branch(7)
    branch.add_trade_of_a_passer_by()
    lost = list(branch.run(3 * QUARTER_HOUR))
    kept = list(origin.run(3 * QUARTER_HOUR))
    assert kept == list(undisturbed.run(3 * QUARTER_HOUR))
    assert lost[0] not in kept
    assert lost[0].slot == QUARTER_HOUR


def test_a_pool_is_born_in_the_middle_of_the_recording():
    late = flow()
    late.wishes = {}
    late.others = []
    late.scene.slot = plan.NEW_POOL_DAY * plan.SLOTS_PER_DAY + 9 * 300
    key = "uni-weth-dai-30"
    # The other pools still stand at the prices of the first day; only the birth matters here.
    late.reference_arbitrage.act = late.cycle_arbitrage.act = lambda *_: []
    assert key not in late.scene.pools
    requests = [request for block in late.run(late.scene.slot + 10) for request in block.requests]
    actions = [request.action for request in requests if getattr(request.action, "pool", "") == key]
    assert [type(action) for action in actions] == [CreatePool, StartPool, *[AddRange] * len(plan.POOLS[key].founders)]
    assert key in late.scene.pools
    assert late.scene.mirror.concentrated(key).liquidity > 0
    assert np.isclose(late.scene.deviation(key), 0, atol=1e-3)


def test_governance_takes_its_part_of_one_pools_fee():
    late = flow()
    late.wishes, late.others = {}, []
    late.scene.slot = plan.VOTE_DAY * plan.SLOTS_PER_DAY + 12 * 300
    block = late.step()
    assert block is not None
    assert SetProtocolFee(plan.VOTED_POOL, plan.VOTED_SHARE) in [request.action for request in block.requests]
    assert all(outcome.succeeded for outcome in block.outcomes)
