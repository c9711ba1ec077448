"""The close: what lots are worth when the day ends."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import polars as pl

from assets.chain import pool_states, reference_prices, tokens
from assets.profit import closed_lots, open_lots
from assets.profit.book import Close, Closed
from assets.profit.closing import Marks, closed_lot_rows, open_lot_rows
from assets.profit.lots import Closing, Lot
from assets.profit.positions import amounts_of
from domain.amm.ticks import sqrt_price_at_tick
from tests.assets.enrichment.market import DAY, MIDNIGHT, POOL, POOLS, USDC, WETH, frame_of

ETH, DOLLAR = 10**18, 10**6
TOKENS = frame_of(tokens.TABLE, {"token": WETH, "decimals": 18}, {"token": USDC, "decimals": 6})
STATE = {
    "pool": POOL,
    "day": DAY,
    "is_day_close": True,
    "protocol": "concentrated",
    "tick": 0,
    "sqrt_price_x96": (1 << 96).to_bytes(32, "big"),
}


def priced(*rows: tuple[str, float, float]) -> pl.DataFrame:
    """Token, hours after midnight, dollars; all filed under the same day, as the first and last days file their neighbours' prices."""
    return frame_of(
        reference_prices.TABLE,
        *(
            {"token": token, "price_time": MIDNIGHT + timedelta(hours=hours), "price_usd": price, "day": DAY}
            for token, hours, price in rows
        ),
    )


def marks(*rows: tuple[str, float, float], states: list[dict] | None = None) -> Marks:
    return Marks(priced(*rows), TOKENS, frame_of(pool_states.TABLE, *(states or [])), POOLS)


def lots(*amounts_and_costs: tuple[int, int], token: str = WETH) -> Close:
    return Close(DAY, "Arbitrage", token, "WETH", tuple(Lot(MIDNIGHT, "1:1:1", amount, cost) for amount, cost in amounts_and_costs))


def test_lots_are_worth_the_last_price_of_their_own_day():
    rows = open_lot_rows(
        open_lots.TABLE,
        [lots((ETH, 5 * DOLLAR), (-0 + ETH // 2, DOLLAR))],
        marks((WETH, 1, 2000.0), (WETH, 23, 3000.0), (WETH, 25, 9000.0)),
    )

    assert rows["value_micro_usd"].to_list() == [3000 * DOLLAR, 1500 * DOLLAR]
    assert rows["is_priced"].to_list() == [True, True]


def test_a_position_is_valued_once_and_its_lots_add_up_to_it():
    third = 10**6 // 3

    rows = open_lot_rows(open_lots.TABLE, [lots(*[(third, 0)] * 3, token=USDC)], marks((USDC, 1, 1.0000007)))

    assert sum(rows["value_micro_usd"]) == marks((USDC, 1, 1.0000007)).value(DAY, USDC, 3 * third)


def test_a_short_position_is_worth_what_buying_it_back_would_take():
    rows = open_lot_rows(open_lots.TABLE, [lots((-ETH, -5 * DOLLAR))], marks((WETH, 1, 3000.0)))

    assert rows["value_micro_usd"].to_list() == [-3000 * DOLLAR]


def test_what_has_no_price_that_day_is_kept_at_its_cost_and_says_so():
    unknown = lots((ETH, 7 * DOLLAR), token="0xunknown")

    rows = open_lot_rows(open_lots.TABLE, [lots((ETH, 5 * DOLLAR)), unknown], marks((USDC, 1, 1.0), (WETH, 25, 9.0), ("0xunknown", 1, 2.0)))

    assert rows["value_micro_usd"].to_list() == [5 * DOLLAR, 7 * DOLLAR]
    assert rows["is_priced"].to_list() == [False, False]


def test_liquidity_is_worth_what_it_would_give_back():
    position, units = f"position:{POOL}:-600:600", 10**15
    weth, usdc = amounts_of(position, units, STATE)

    value = marks((WETH, 1, 3000.0), (USDC, 1, 1.0), states=[STATE]).value(DAY, position, units)

    expected = weth * 3000 * DOLLAR / ETH + usdc
    assert value is not None and abs(value - expected) <= 1
    assert marks((WETH, 1, 3000.0), (USDC, 1, 1.0), states=[STATE]).value(DAY, position, -units) == -value


def test_liquidity_that_stands_in_one_token_needs_only_that_price():
    above = {**STATE, "tick": 700, "sqrt_price_x96": sqrt_price_at_tick(700).to_bytes(32, "big")}

    assert marks((USDC, 1, 1.0), states=[above]).value(DAY, f"position:{POOL}:-600:600", 10**15) is not None
    assert marks((WETH, 1, 3000.0), states=[above]).value(DAY, f"position:{POOL}:-600:600", 10**15) is None


def test_liquidity_of_a_pool_without_a_state_has_no_value():
    assert marks((WETH, 1, 3000.0), (USDC, 1, 1.0)).value(DAY, f"position:{POOL}:-600:600", 10**15) is None


def test_a_share_of_a_pair_is_its_part_of_the_reserves():
    pair = {**STATE, "protocol": "constant_product", "reserve0": Decimal(4 * ETH), "reserve1": Decimal(9 * 10**18)}

    assert amounts_of(f"position:{POOL}", 3 * 10**18, pair) == (2 * ETH, 45 * 10**17)  # half of the root of 36e36
    assert amounts_of(f"position:{POOL}", 5, {**pair, "reserve0": Decimal(0)}) == (0, 0)


def test_what_is_owed_is_counted_with_the_token_and_worth_nothing_twice():
    assert marks().value(DAY, f"owed:{POOL}:-600:600:{WETH}", ETH) == 0


def test_a_closed_piece_becomes_a_row_with_both_proofs():
    closing = Closing(MIDNIGHT, "1:1:1", ETH, 5 * DOLLAR, 7 * DOLLAR)

    (row,) = closed_lot_rows(closed_lots.TABLE, [Closed(DAY, "Arbitrage", WETH, "WETH", "trade", MIDNIGHT, "1:9:9", 0, closing)]).iter_rows(
        named=True
    )

    assert (row["opened_by"], row["closed_by"], int(row["gain_micro_usd"])) == ("1:1:1", "1:9:9", 2 * DOLLAR)
