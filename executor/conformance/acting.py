"""Random but repeatable deeds on a pool, and the state that its logs then tell."""

from __future__ import annotations

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.replay import rederive
from domain.events import Swap
from executor.chain.blocks import Log
from executor.conformance.stage import Stage, expect
from executor.ports import Chance
from executor.venue import PoolValue

UNIT = 10**18


def act_at_random(stage: Stage, *, seed: int, actions: int) -> list[Log]:
    """So many random deeds on the stage's pool; every log of the transactions that worked, in order."""
    chance = Chance(seed)
    act = _on_ranges if stage.pool.is_concentrated else _on_pair
    logs: list[Log] = []
    done = 0
    while done < actions:
        receipt = act(stage, chance)
        done += 1
        logs += receipt.logs
    expect(any(log.address == stage.pool.address for log in logs), "Nothing that was done to the pool worked.")
    return logs


def from_logs(stage: Stage, value: PoolValue, logs: list[Log]) -> PoolValue:
    """The pool after its logs. Raises Disagreement when a swap among them does not follow from the state before it."""
    for log in logs:
        event = stage.venue.decode(log) if log.address == stage.pool.address else None
        if event is None:
            continue
        if isinstance(value, ConcentratedPool) and isinstance(event, Swap):
            derived = rederive(value, event)
            expect(derived.exact, f"A swap does not follow from the state before it: {derived.reason}")
            value = derived.pool_after
        else:
            value = value.apply(event)  # pyright: ignore[reportArgumentType]
    return value


def _on_ranges(stage: Stage, chance: Chance):
    pool, spacing = stage.pool, stage.pool.tick_spacing or 1
    deed = chance.choice(("sell", "sell", "buy", "limit", "mint", "burn", "flash", "fee", "collect", "poke"))
    zero_for_one = chance.random() < 0.5
    lower = (chance.randint(-60, 40) + 1_234 // spacing) * spacing
    upper = lower + spacing * chance.randint(1, 40)
    match deed:
        case "sell":
            return stage.sell(pool, zero_for_one, int(10 ** chance.uniform(3, 21)))
        case "buy":
            return stage.buy(pool, zero_for_one, int(10 ** chance.uniform(3, 20)))
        case "limit":
            now = stage.price(pool)
            return stage.sell(pool, zero_for_one, 10**24, now * (997 if zero_for_one else 1003) // 1000)
        case "burn":
            return stage.burn(pool, *chance.choice(stage.positions(pool)))
        case "poke":
            return stage.burn(pool, *chance.choice(stage.positions(pool))[:2], 0)
        case "flash":
            return stage.flash(pool, (chance.randint(1, UNIT), chance.randint(0, UNIT)), (chance.randint(10**16, UNIT), UNIT // 100))
        case "fee":
            return stage.set_protocol_fee(pool, chance.random() < 0.7)
        case "collect":
            return stage.collect_protocol(pool)
    return stage.mint(pool, lower, upper, int(10 ** chance.uniform(10, 22)))


def _on_pair(stage: Stage, chance: Chance):
    pool = stage.pool
    zero_for_one = chance.random() < 0.5
    match chance.choice(("sell", "sell", "buy", "modest", "add", "remove", "gift", "skim", "fee")):
        case "sell":
            return stage.sell(pool, zero_for_one, int(10 ** chance.uniform(3, 23)))
        case "buy":
            return stage.buy(pool, zero_for_one, int(10 ** chance.uniform(3, 22)))
        case "modest":
            paid = chance.randint(1, 100) * UNIT
            return stage.swap_pair(pool, (paid, 0) if zero_for_one else (0, paid), (0, UNIT // 10) if zero_for_one else (UNIT // 10, 0))
        case "add":
            return stage.add(pool, chance.randint(1, 1000) * UNIT, chance.randint(1, 1000) * UNIT)
        case "remove":
            return stage.remove(pool, chance.randint(1, 2000))
        case "gift":
            stage.invoke(pool.token0.address, "transfer(address,uint256)", pool.address, chance.randint(1, UNIT))
            return stage.invoke(pool.address, "sync()")
        case "skim":
            return stage.invoke(pool.address, "skim(address)", stage.stranger)
    return stage.set_protocol_fee(pool, chance.random() < 0.7)


def empty_of(value: PoolValue) -> bool:
    """Whether the pool can trade nothing at all."""
    if isinstance(value, ConstantProductPool):
        return not value.reserve0 or not value.reserve1
    return not value.liquidity and not value.ticks
