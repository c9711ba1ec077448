import polars as pl
import pytest

from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.constant_product import ConstantProductPool
from domain.problems import BadInput
from executor.routing.pool_files import family_of, load_pool_book, whole_number
from tests.executor.routing.books import ONE, POOL_ROWS, TICK_ROWS, WETH, changed, write_files


def test_both_families_come_from_one_pair_of_files(tmp_path):
    book = load_pool_book(*write_files(tmp_path))
    assert book.pool(0).pool == ConcentratedPool(
        500, 10, ONE, 0, 10**9, {-600: Tick(None, 10**9), 600: Tick(None, -(10**9))}, ticks_are_inferred=True
    )
    assert book.pool(1).pool == ConstantProductPool(3000, 10**6, 10**6)
    assert (book.pool(1).address, book.pool(1).venue) == (None, None)


def test_gross_liquidity_address_and_venue_are_kept_where_the_files_tell_them(tmp_path):
    pools = [{**row, "pool": f"0x{row['pool_id']:040x}", "venue": "uniswap_v3"} for row in POOL_ROWS]
    ticks = [{**row, "liquidity_gross": "1000000000"} for row in TICK_ROWS]
    booked = load_pool_book(*write_files(tmp_path, pools, ticks)).pool(0)
    assert booked.pool.ticks[600] == Tick(10**9, -(10**9))
    assert not booked.pool.ticks_are_inferred
    assert (booked.address, booked.venue) == ("0x" + "0" * 40, "uniswap_v3")


def test_ticks_that_say_they_were_inferred_need_not_add_up(tmp_path):
    ticks = [{**row, "is_inferred": True} for row in TICK_ROWS[:1]]
    assert set(load_pool_book(*write_files(tmp_path, None, ticks)).pool(0).pool.ticks) == {-600}
    with pytest.raises(BadInput, match="ticks are missing"):
        load_pool_book(*write_files(tmp_path, None, TICK_ROWS[:1]))


@pytest.mark.parametrize(
    ("protocol", "family"),
    [
        ("UniswapV3State", "concentrated"),
        ("pancakeswap_v3", "concentrated"),
        ("concentrated", "concentrated"),
        ("UniswapV2State", "constant_product"),
        ("sushiswap", "constant_product"),
        ("constant_product", "constant_product"),
        ("CurveState", None),
    ],
)
def test_a_protocols_name_tells_its_family(protocol, family):
    assert family_of(protocol) == family


@pytest.mark.parametrize(
    ("field", "at", "changes"),
    [
        ("protocol", 0, {"protocol": "CurveState"}),
        ("token0", 0, {"token0": "USDC"}),
        ("token0", 0, {"token0": WETH.address}),
        ("token0", 0, {"token0": "0x" + "f" * 40}),
        ("token1_decimals", 0, {"token1_decimals": None}),
        ("token1_decimals", 0, {"token1_decimals": 256}),
        ("fee_pips", 0, {"fee_pips": 10**6}),
        ("sqrt_price_x96", 0, {"sqrt_price_x96": None}),
        ("sqrt_price_x96", 0, {"sqrt_price_x96": "0xff"}),
        ("liquidity", 0, {"liquidity": "5"}),
        ("liquidity", 0, {"liquidity": "1e9"}),
        ("tick", 0, {"tick": 7}),
        ("reserve0", 1, {"reserve0": None}),
        ("reserve1", 1, {"reserve1": "-5"}),
        ("pool_id", 1, {"pool_id": 0}),
    ],
)
def test_a_wrong_field_is_refused_by_name_file_and_pool(tmp_path, field, at, changes):
    with pytest.raises(BadInput, match=r"pools\.parquet") as refusal:
        load_pool_book(*write_files(tmp_path, changed(POOL_ROWS, at, **changes)))
    assert refusal.value.facts["field"] == field


@pytest.mark.parametrize(
    ("field", "ticks"),
    [
        ("tick", [*TICK_ROWS, TICK_ROWS[0]]),
        ("tick", [*TICK_ROWS, {"pool_id": 1, "tick": 0, "liquidity_net": "0"}]),
        ("tick", changed(TICK_ROWS, 0, tick=-601)),
        ("pool_id", [*TICK_ROWS, {"pool_id": 9, "tick": 0, "liquidity_net": "0"}]),
        ("liquidity_net", changed(TICK_ROWS, 0, liquidity_net="much")),
        ("liquidity_net", changed(TICK_ROWS, 0, liquidity_net="7")),
    ],
)
def test_a_wrong_tick_is_refused_by_name(tmp_path, field, ticks):
    with pytest.raises(BadInput) as refusal:
        load_pool_book(*write_files(tmp_path, None, ticks))
    assert refusal.value.facts["field"] == field


@pytest.mark.parametrize("column", ["protocol", "fee_pips", "reserve1", "sqrt_price_x96"])
def test_a_missing_column_is_named(tmp_path, column):
    rows = [{name: value for name, value in row.items() if name != column} for row in POOL_ROWS]
    with pytest.raises(BadInput, match=f"no column {column}"):
        load_pool_book(*write_files(tmp_path, rows))


def test_a_missing_column_of_the_ticks_is_named(tmp_path):
    with pytest.raises(BadInput, match="no column liquidity_net"):
        load_pool_book(*write_files(tmp_path, None, [{"pool_id": 0, "tick": 0}]))


def test_a_file_that_is_absent_cut_or_empty_is_refused(tmp_path):
    pools, ticks = write_files(tmp_path)
    with pytest.raises(BadInput, match="does not exist"):
        load_pool_book(tmp_path / "nowhere.parquet", ticks)
    pools.write_bytes(pools.read_bytes()[:200])
    with pytest.raises(BadInput, match="cannot be read as Parquet"):
        load_pool_book(pools, ticks)
    pools, ticks = write_files(tmp_path)
    pl.read_parquet(pools).clear().write_parquet(pools)
    pl.read_parquet(ticks).clear().write_parquet(ticks)
    with pytest.raises(BadInput, match="holds no pool"):
        load_pool_book(pools, ticks)


@pytest.mark.parametrize("value", [None, True, 1.0, "", "-", "1.5", "٣", "0x10", " 7", "9" * 81])
def test_only_a_whole_number_in_plain_digits_is_a_whole_number(tmp_path, value):
    with pytest.raises(BadInput, match="whole number"):
        whole_number(value, "liquidity", tmp_path)


def test_whole_numbers_come_as_numbers_or_as_text(tmp_path):
    assert [whole_number(value, "liquidity", tmp_path) for value in (7, "7", "-7")] == [7, 7, -7]
