"""Our pools against the production bytecode of Uniswap V3, PancakeSwap V3 and Uniswap V2: not one base unit of difference."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from domain import events
from domain.amm.constant_product import UINT112_MAX, ConstantProductPool
from domain.amm.protocol_fee import pancakeswap_at_initialize
from domain.amm.quote import INT256_MAX
from domain.amm.ticks import (
    MAX_SQRT_PRICE_X96,
    MIN_SQRT_PRICE_X96,
    TICKS_PER_WORD,
    highest_usable_tick,
    lowest_usable_tick,
    max_liquidity_per_tick,
    sqrt_price_at_tick,
)
from domain.problems import Refused, Unavailable
from executor.chain.local.contracts import own
from tests.bytecode.onchain import WIDEST_FEE, WIDEST_SPACING, ConcentratedWorld, OnChainPool, Reverted, json_contract, two_tokens, word

SEED = 20260105
# Venue, fee in pips, tick of the first price, and how far positions reach, in ticks. Prices near both ends are among them.
POOLS: tuple[tuple[str, int, int, int], ...] = (
    ("uniswap_v3", 500, 0, 4_000),
    ("uniswap_v3", 3000, 195_000, 30_000),
    ("uniswap_v3", 10_000, -200_000, 90_000),
    ("uniswap_v3", 100, 12, 900),
    ("uniswap_v3", 3000, -880_000, 40_000),
    ("uniswap_v3", 3000, 880_000, 40_000),
    ("uniswap_v3", WIDEST_FEE, 880_000, 800_000),  # steps so wide that the contract's 256-bit products overflow
    ("pancakeswap_v3", 500, -195_300, 5_000),
    ("pancakeswap_v3", 2500, 70_000, 30_000),
    ("pancakeswap_v3", 100, -5, 600),
    ("pancakeswap_v3", 10_000, 1_000, 200_000),
)
QUOTES_A_STATE = 750
EXHAUSTIVE_SHARE = 0.005  # of the quotes, where a pool has thousands of bitmap words to walk


@pytest.fixture(scope="module")
def world(node_modules) -> ConcentratedWorld:
    try:
        return ConcentratedWorld(node_modules)
    except Unavailable as absent:
        pytest.skip(absent.message)


def pool_with_positions(world: ConcentratedWorld, number: int) -> OnChainPool:
    """A pool with positions that overlap, leave gaps, weigh one unit or a lot; each mint is compared with the contract's."""
    venue, fee, tick, reach = POOLS[number]
    chance = random.Random(SEED + number)
    price = sqrt_price_at_tick(tick)
    pool = world.create_pool(venue, fee, price + chance.randrange(sqrt_price_at_tick(tick + 1) - price))
    for _ in range(chance.randint(10, 18)):
        lower, upper = some_range(chance, pool, reach)
        mint(pool, lower, upper, some_liquidity(chance, pool))
    return pool


def some_range(chance: random.Random, pool: OnChainPool, reach: int) -> tuple[int, int]:
    spacing = pool.tick_spacing
    low, high = lowest_usable_tick(spacing), highest_usable_tick(spacing)
    if spacing >= 10 and chance.random() < 0.05:  # over all prices; with a spacing of 1 that takes the EVM too many steps
        return low, high
    lower = (pool.value.tick + chance.randint(-reach, reach)) // spacing * spacing
    lower = min(max(lower, low), high - spacing)
    return lower, min(lower + spacing * chance.randint(1, max(2, reach // spacing)), high)


def some_liquidity(chance: random.Random, pool: OnChainPool) -> int:
    most = max_liquidity_per_tick(pool.tick_spacing) // 1000
    return chance.choice((1, chance.randint(1, 1000), int(10 ** chance.uniform(6, 22)), int(10 ** chance.uniform(16, 22)), most))


def mint(pool: OnChainPool, lower: int, upper: int, liquidity: int) -> None:
    after, *ours = pool.value.mint(lower, upper, liquidity)
    assert tuple(ours) == pool.mint(lower, upper, liquidity)
    pool.value = after


def swap(pool: OnChainPool, zero_for_one: bool, amount: int, exact_out: bool, limit: int) -> None:
    after, quote = pool.value.swap(zero_for_one, amount, exact_out=exact_out, sqrt_price_limit_x96=limit or None)
    assert (quote.amount_in, quote.amount_out) == pool.swap(zero_for_one, amount, exact_out, limit)
    pool.value = after


def some_limit(chance: random.Random, pool: OnChainPool, zero_for_one: bool) -> int:
    """A price limit that may lie just beside the price, on a tick, on a bitmap word's end, or anywhere."""
    value, spacing = pool.value, pool.tick_spacing
    way = -1 if zero_for_one else 1
    word_ticks = TICKS_PER_WORD * spacing
    ticks = [*value.ticks, value.tick + way * chance.randint(1, 3000), (value.tick // word_ticks + way * chance.randint(0, 2)) * word_ticks]
    ticks.append(((value.tick // spacing | TICKS_PER_WORD - 1) + TICKS_PER_WORD * chance.randint(0, 2)) * spacing)
    ticks = [tick for tick in ticks if lowest_usable_tick(1) < tick < highest_usable_tick(1)]
    candidates = [value.sqrt_price_x96 + way, *(sqrt_price_at_tick(tick) for tick in ticks)]
    candidates.append(sqrt_price_at_tick(chance.choice(ticks)) + way * chance.randint(1, 10**9))
    candidates = [
        price
        for price in candidates
        if (MIN_SQRT_PRICE_X96 < price < value.sqrt_price_x96 if zero_for_one else value.sqrt_price_x96 < price < MAX_SQRT_PRICE_X96)
    ]
    return chance.choice(candidates) if candidates else 0


def some_amount(chance: random.Random, most: int, may_exhaust: bool) -> int:
    """From one base unit to absurd: mostly spread over the magnitudes that the pool holds."""
    if may_exhaust:
        return chance.choice((INT256_MAX, 2**128, most + 1, most, 10 * most + 1))
    if chance.random() < 0.05:
        return chance.choice((1, 2, 3))
    return max(1, int(2 ** chance.uniform(0, max(1, most.bit_length() - 0.05))) % (most + 1))


def interesting_states(pool: OnChainPool, chance: random.Random) -> Iterator[str]:
    """The pool as it is, then with its price exactly on an initialised tick from above and from below."""
    yield "as created"
    for zero_for_one in (True, False):
        price = pool.value.sqrt_price_x96
        ahead = [tick for tick in pool.value.ticks if -887_000 < tick < 887_000]
        ahead = [tick for tick in ahead if (sqrt_price_at_tick(tick) < price if zero_for_one else sqrt_price_at_tick(tick) > price)]
        if ahead:
            swap(pool, zero_for_one, INT256_MAX, False, sqrt_price_at_tick(chance.choice(ahead)))
            yield "on a tick"


@pytest.mark.parametrize("number", range(len(POOLS)), ids=[f"{venue}-{fee}-at-{tick}" for venue, fee, tick, _ in POOLS])
def test_every_quote_is_the_contracts_to_the_base_unit(world, number):
    chance = random.Random(SEED * 7 + number)
    pool = pool_with_positions(world, number)
    asked = crossed = partial = 0
    for _ in interesting_states(pool, chance):
        most = {(down, out): pool.value.quote(down, INT256_MAX, exact_out=out)[out] for down in (True, False) for out in (True, False)}
        for _ in range(QUOTES_A_STATE):
            down, out = chance.random() < 0.5, chance.random() < 0.5
            limit = some_limit(chance, pool, down) if chance.random() < 0.3 else 0
            far = limit == 0 and chance.random() < (0.15 if pool.tick_spacing >= 50 else EXHAUSTIVE_SHARE)
            amount = some_amount(chance, max(1, most[down, out]), far)
            quote = pool.value.quote(down, amount, exact_out=out, sqrt_price_limit_x96=limit or None)
            told = pool.quote(down, amount, out, limit)
            ours = (quote.amount_in, quote.amount_out, quote.sqrt_price_x96_after, quote.tick_after)
            assert ours == told, f"{'down' if down else 'up'} {amount} exact_out={out} limit={limit} from {pool.value}"
            assert quote.partial == ((quote.amount_out if out else quote.amount_in) < amount)
            asked, crossed, partial = asked + 1, crossed + (quote.ticks_crossed > 0), partial + quote.partial
    # A sample that never crossed a tick or never ran dry would prove little. Eleven pools make more than 20,000 quotes.
    assert asked >= 2000 and crossed > asked // 20 and partial > asked // 100


def compare(pool: OnChainPool, down: bool, amount: int, exact_out: bool) -> None:
    quote = pool.value.quote(down, amount, exact_out=exact_out)
    ours = (quote.amount_in, quote.amount_out, quote.sqrt_price_x96_after, quote.tick_after)
    assert ours == pool.quote(down, amount, exact_out, 0), f"{'down' if down else 'up'} {amount} exact_out={exact_out} from {pool.value}"


@pytest.mark.parametrize("liquidity", [10**6, 10**18, 1 << 100])
@pytest.mark.parametrize("venue", ["uniswap_v3", "pancakeswap_v3"])
def test_amounts_beside_the_end_of_a_step_are_exact(world, venue, liquidity):
    """A unit less or more decides whether a tick is crossed; with very much liquidity rounding alone carries the price over."""
    pool = world.create_pool(venue, 500, (1 << 96) + 12345)
    for reach in (10, 40, 5000):
        mint(pool, -reach, reach, liquidity)
    for down in (True, False):
        for distance in (10, 40, 2560, 5000):
            limit = sqrt_price_at_tick(-distance if down else distance)
            edge = pool.value.quote(down, INT256_MAX, sqrt_price_limit_x96=limit)
            for beside in (-17, -3, -2, -1, 0, 1, 2, 3):
                compare(pool, down, edge.amount_in + beside, exact_out=False)
                compare(pool, down, edge.amount_out + beside, exact_out=True)


def test_where_a_product_passes_256_bits_we_round_as_the_contract_does(world):
    chance = random.Random(SEED)
    pool = world.create_pool("uniswap_v3", WIDEST_FEE, sqrt_price_at_tick(880_000) + 1)
    most = highest_usable_tick(WIDEST_SPACING)
    mint(pool, -most, most, 1 << 111)
    for _ in range(300):
        compare(pool, True, int(2 ** chance.uniform(95, 105)), exact_out=False)


@pytest.mark.parametrize("number", range(len(POOLS)), ids=[f"{venue}-{fee}-at-{tick}" for venue, fee, tick, _ in POOLS])
def test_the_whole_state_follows_the_contract_through_any_sequence(world, number):
    """Fee growth inside and outside every tick, protocol fees, liquidity, tick and price, after each of 60 random actions."""
    chance = random.Random(SEED * 13 + number)
    pool = pool_with_positions(world, number)
    venue, *_, reach = POOLS[number]
    minted: dict[tuple[int, int], int] = {}
    touched = set(pool.value.ticks)
    for _ in range(60):
        action = chance.choice(("swap", "swap", "swap", "swap", "mint", "burn", "flash", "protocol", "collect"))
        if action == "swap":
            down = chance.random() < 0.5
            swap(pool, down, some_amount(chance, 2**80, False), chance.random() < 0.4, some_limit(chance, pool, down))
        elif action == "mint":
            place = some_range(chance, pool, reach)
            liquidity = some_liquidity(chance, pool)
            mint(pool, *place, liquidity)
            minted[place] = minted.get(place, 0) + liquidity
            touched.update(place)
        elif action == "burn" and minted:
            place = chance.choice(list(minted))
            liquidity = minted[place] if chance.random() < 0.5 else chance.randint(0, minted[place])
            after, *ours = pool.value.burn(*place, liquidity)
            assert tuple(ours) == pool.burn(*place, liquidity)
            pool.value = after
            minted[place] -= liquidity
            if not minted[place]:
                del minted[place]
        elif action == "flash" and pool.value.liquidity:
            paid0, paid1 = (min(pool.value.liquidity, 2**100) * chance.randint(0, 5) // 3 for _ in range(2))
            lend(pool, paid0, paid1)
        elif action == "protocol":
            pick = (0, 4, 7, 10) if venue == "uniswap_v3" else (0, 1000, 3300, 4000)
            settings = chance.choice(pick), chance.choice(pick)
            pool.set_fee_protocol(*settings)
            pool.value = pool.value.apply(events.SetFeeProtocol(pool.address, *settings))
        elif action == "collect":
            taken = pool.collect_protocol()
            pool.value = pool.value.apply(events.CollectProtocol(pool.address, *taken))
        assert pool.value == pool.state(sorted(touched))


def test_fee_growth_wraps_around_as_the_contracts_does(world):
    pool = world.create_pool("uniswap_v3", 3000, 1 << 96)
    mint(pool, -120, 120, 1)
    for _ in range(3):
        lend(pool, 2**127, 2**127 + 1)
    mint(pool, -60, 60, 1)
    before = pool.value
    for _ in range(2):
        lend(pool, 2**127, 2**127 + 1)
    assert pool.value.fee_growth_global1_x128 < before.fee_growth_global1_x128  # past 2^256 it begins again
    swap(pool, True, 1000, False, sqrt_price_at_tick(-180))
    assert pool.value == pool.state([-120, -60, 60, 120])
    assert pool.value.ticks[-60].fee_growth_outside1_x128 > pool.value.fee_growth_global1_x128


def lend(pool: OnChainPool, paid0: int, paid1: int) -> None:
    pool.flash(0, 0, paid0, paid1)
    pool.value = pool.value.apply(events.Flash(pool.address, 0, 0, paid0, paid1))


@pytest.mark.parametrize("fee_pips", [100, 500, 2500, 10_000])
def test_a_new_pancakeswap_pool_keeps_the_protocols_share_that_we_expect(world, fee_pips):
    pool = world.create_pool("pancakeswap_v3", fee_pips, 1 << 96)
    assert (pool.value.fee_protocol0, pool.value.fee_protocol1) == pancakeswap_at_initialize(fee_pips)


def test_what_we_refuse_the_contract_refuses(world):
    pool = world.create_pool("uniswap_v3", 3000, 1 << 96)
    mint(pool, -600, 600, 10**18)
    too_much = max_liquidity_per_tick(60) + 1
    for down, limit in ((True, (1 << 96) + 1), (False, 1 << 96), (True, MIN_SQRT_PRICE_X96), (False, MAX_SQRT_PRICE_X96)):
        both_refuse_to_swap(pool, down, 1000, limit)
    for place, liquidity in (((600, -600), 1), ((0, 0), 1), ((-600, 601), 1), ((-887_280, 0), 1), ((-600, 600), 0), ((-60, 60), too_much)):
        both_refuse(pool, "mint", *place, liquidity)
    both_refuse(pool, "burn", -600, 600, 10**18 + 1)
    both_refuse(pool, "burn", -120, 120, 1)
    swap(pool, True, INT256_MAX, False, 0)
    both_refuse_to_swap(pool, True, 1000, 0)
    assert pool.value == pool.state([-600, 600])


def both_refuse_to_swap(pool: OnChainPool, down: bool, amount: int, limit: int) -> None:
    with pytest.raises(Refused):
        pool.value.quote(down, amount, sqrt_price_limit_x96=limit or None)
    with pytest.raises(Refused):
        pool.value.swap(down, amount, sqrt_price_limit_x96=limit or None)
    with pytest.raises(Reverted):
        pool.swap(down, amount, False, limit)


def both_refuse(pool: OnChainPool, function: str, *arguments: int) -> None:
    with pytest.raises(Refused):
        getattr(pool.value, function)(*arguments)
    with pytest.raises(Reverted):
        getattr(pool, function)(*arguments)


# --- constant product -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def router(world, node_modules):
    contract = json_contract(node_modules / "@uniswap/v2-periphery/build/UniswapV2Router02.json")
    address = world.chain.deploy(contract, "0x" + "00" * 20, "0x" + "00" * 20)
    selectors = {name: contract.call_data(name, 1, 1, 1)[:4] for name in ("getAmountOut", "getAmountIn")}

    def ask(name: str, *numbers: int) -> int:
        return int.from_bytes(world.chain.send(address, selectors[name] + b"".join(map(word, numbers))), "big")

    return ask


def test_every_constant_product_quote_is_the_routers_to_the_base_unit(router):
    chance = random.Random(SEED)
    compared = refused = 0
    while compared < 5000:
        pool = ConstantProductPool(3000, *(int(2 ** chance.uniform(1, 112)) for _ in range(2)))
        down, exact_out = chance.random() < 0.5, chance.random() < 0.5
        held_in, held_out = (pool.reserve0, pool.reserve1) if down else (pool.reserve1, pool.reserve0)
        amount = max(1, int(2 ** chance.uniform(0, (held_out if exact_out else held_in).bit_length() + 2)))
        try:
            quote = pool.quote(down, amount, exact_out=exact_out)
        except Refused:
            # Refused either because the reserve does not hold it, or because the pair could not keep what comes in.
            refused += 1
            if exact_out and amount < held_out:
                assert held_in + router("getAmountIn", amount, held_in, held_out) > UINT112_MAX
            elif exact_out:
                with pytest.raises(Reverted):
                    router("getAmountIn", amount, held_in, held_out)
            else:
                assert held_in + amount > UINT112_MAX
            continue
        told = router("getAmountIn" if exact_out else "getAmountOut", amount, held_in, held_out)
        assert (quote.amount_in if exact_out else quote.amount_out) == told
        compared += 1
    assert refused > 100


def test_the_pair_grants_what_we_quote_and_not_one_unit_more(world, node_modules):
    chain, chance = world.chain, random.Random(SEED)
    contract, token = json_contract(node_modules / "@uniswap/v2-core/build/UniswapV2Pair.json"), own("MintableERC20")
    owner = "0x" + "a1" * 20
    pair = chain.deploy(contract)
    tokens = two_tokens(chain, owner)
    chain.call(contract, pair, "initialize", *tokens)
    for one, amount in zip(tokens, (10**18, 3 * 10**9), strict=True):
        chain.call(token, one, "transfer", pair, amount)
    chain.call(contract, pair, "sync")
    pool = ConstantProductPool(3000, 10**18, 3 * 10**9)
    for _ in range(200):
        down, exact_out = chance.random() < 0.5, chance.random() < 0.5
        held_in, held_out = (pool.reserve0, pool.reserve1) if down else (pool.reserve1, pool.reserve0)
        amount = chance.randint(1, held_out // 3) if exact_out else chance.randint(1, held_in)
        quote = pool.quote(down, amount, exact_out=exact_out)
        if not quote.amount_out:
            continue
        after, _ = pool.swap(down, amount, exact_out=exact_out)
        before = chain.evm.snapshot()
        chain.call(token, tokens[0 if down else 1], "transfer", pair, quote.amount_in)
        best = pool.quote(down, quote.amount_in).amount_out  # rounding up an exact output may leave a unit on the table
        with pytest.raises(Reverted):
            chain.call(contract, pair, "swap", *((0, best + 1) if down else (best + 1, 0)), owner, b"")
        chain.call(contract, pair, "swap", *((0, quote.amount_out) if down else (quote.amount_out, 0)), owner, b"")
        assert chain.call(contract, pair, "getReserves")[:2] == (after.reserve0, after.reserve1)
        if chance.random() < 0.3:
            chain.evm.revert(before)
        else:
            pool = pool.apply(events.Sync(pair, after.reserve0, after.reserve1))
