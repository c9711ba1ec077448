import json
from pathlib import Path

import polars as pl
import pytest

from domain.problems import BadInput
from executor.venue import every_venue
from pipelines.cli import main
from pipelines.commands.replay import replay_files
from tests.domain.amm.pools import ONE, pool_at_one

POOL = "0x" + "ab" * 20
TOPIC = {**{name: topic for topic, name in every_venue()["uniswap_v3"].topics.items()}}
SOMEBODY = "0x" + "00" * 12 + "11" * 20


def word(value):
    return f"{value % (1 << 256):064x}"


def log(name, topics, values, block, index=0, address=POOL):
    return {
        "address": address,
        "block_number": block,
        "log_index": index,
        "transaction_hash": f"0x{block:064x}",
        "topics": [TOPIC.get(name, name), *topics],
        "data": "0x" + "".join(map(word, values)),
    }


def a_days_logs():
    """Logs of a pool that swaps, mints, swaps, burns and collects; and the pool at their start and end."""
    start = pool_at_one()
    rows = [log("swap", [SOMEBODY, SOMEBODY], [1, -1, ONE, start.liquidity, 0], 1)]
    first, quote = start.swap(True, 10**15)
    rows.append(
        log("swap", [SOMEBODY, SOMEBODY], [quote.amount_in, -quote.amount_out, first.sqrt_price_x96, first.liquidity, first.tick], 2, 7)
    )
    ticks = ["0x" + word(-60), "0x" + word(60)]
    minted, paid0, paid1 = first.mint(-60, 60, 10**12)
    rows.append(log("mint", [SOMEBODY, *ticks], [0x11, 10**12, paid0, paid1], 2, 9))
    second, quote = minted.swap(False, 10**14, exact_out=True)
    rows.append(
        log("swap", [SOMEBODY, SOMEBODY], [-quote.amount_out, quote.amount_in, second.sqrt_price_x96, second.liquidity, second.tick], 3)
    )
    burned, back0, back1 = second.burn(-60, 60, 10**12)
    rows.append(log("burn", [SOMEBODY, *ticks], [10**12, back0, back1], 4, 0))
    rows.append(log("burn", [SOMEBODY, *ticks], [0, 0, 0], 4, 1))
    rows.append(log("collect", [SOMEBODY, *ticks], [0x11, back0, back1], 4, 2))
    rows.append(log("0x" + "77" * 32, [], [], 4, 3, address="0x" + "cd" * 20))  # another contract's log is nobody's business
    return rows, start, burned


def write(folder: Path, rows=None, key=None, ticks=None):
    told, start, end = a_days_logs()
    logs_path, key_path, ticks_path = folder / "logs.parquet", folder / "key.json", folder / "ticks.parquet"
    pl.DataFrame(told if rows is None else rows).write_parquet(logs_path)
    document = {
        "pool": POOL.upper().replace("X", "x"),
        "fee_pips": start.fee_pips,
        "tick_spacing": start.tick_spacing,
        "start_state": {"sqrt_price_x96": str(ONE), "tick": 0, "liquidity": str(start.liquidity), "block": 1, "log_index": 0},
        "end_state": {"sqrt_price_x96": str(end.sqrt_price_x96), "tick": end.tick, "liquidity": str(end.liquidity)},
        **(key or {}),
    }
    key_path.write_text(json.dumps({name: value for name, value in document.items() if value is not None}))
    entries = [{"tick": tick, "liquidity_net": str(entry.liquidity_net), "kind": "inferred"} for tick, entry in start.ticks.items()]
    pl.DataFrame(entries if ticks is None else ticks).write_parquet(ticks_path)
    return logs_path, key_path, ticks_path


def run(capsys, paths, *more):
    code = main(["replay", "--logs", str(paths[0]), "--key", str(paths[1]), "--ticks", str(paths[2]), *more])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_day_that_is_exact_is_told_in_json_with_exit_code_0(tmp_path, capsys):
    end = a_days_logs()[2]
    code, out, _ = run(capsys, write(tmp_path), "--json")
    assert code == 0
    assert json.loads(out) == {
        "pool": POOL,
        "events": 6,
        "swaps": 2,
        "exact": 2,
        "inexact": [],
        "liquidity_events": 2,
        "liquidity_exact": 2,
        "end_state": {"sqrt_price_x96": str(end.sqrt_price_x96), "tick": end.tick, "liquidity": str(end.liquidity)},
    }


def test_people_get_a_table(tmp_path, capsys):
    code, out, _ = run(capsys, write(tmp_path))
    assert code == 0
    assert "2 of 2" in out


def test_the_order_of_rows_and_the_way_bytes_are_written_do_not_matter(tmp_path):
    rows = a_days_logs()[0][::-1]
    shuffled = replay_files(*write(tmp_path, rows))
    binary = [{**row, "topics": [bytes.fromhex(t[2:]) for t in row["topics"]], "data": bytes.fromhex(row["data"][2:])} for row in rows]
    assert replay_files(*write(tmp_path, binary)).to_json() == shuffled.to_json()
    assert shuffled.all_exact


def test_a_log_that_changes_no_state_is_not_an_event(tmp_path):
    lm_pool = every_venue()["pancakeswap_v3"].topic_of("set_lm_pool")
    found = replay_files(*write(tmp_path, [*a_days_logs()[0], log(lm_pool, [], [7], 9)]))
    assert (found.events, found.all_exact) == (6, True)


def test_a_missing_log_is_noticed_in_the_next_swap_and_exit_code_1(tmp_path, capsys):
    rows = [row for number, row in enumerate(a_days_logs()[0]) if number != 1]
    code, out, _ = run(capsys, write(tmp_path, rows), "--json")
    found = json.loads(out)
    assert code == 1
    assert (found["swaps"], found["exact"]) == (1, 0)
    named = [(one["event"], one["tx"], one["log_index"]) for one in found["inexact"]]
    assert ("mint", f"0x{2:064x}", 9) in named and ("swap", f"0x{3:064x}", 0) in named
    told = run(capsys, write(tmp_path, rows))[1].replace("\n", " ")
    assert "not exact: swap" in told


def test_a_burn_of_nothing_is_no_liquidity_event_and_a_wrong_amount_is_not_exact(tmp_path):
    rows = a_days_logs()[0]
    rows[5] = log("burn", [SOMEBODY, "0x" + word(-60), "0x" + word(60)], [0, 1, 0], 4, 1)
    found = replay_files(*write(tmp_path, rows))
    assert (found.liquidity_events, found.liquidity_exact) == (2, 2)
    assert [one["event"] for one in found.inexact] == ["burn"]


def test_a_burn_that_the_pool_cannot_take_is_told_as_such(tmp_path):
    rows = a_days_logs()[0]
    rows[4] = log("burn", [SOMEBODY, "0x" + word(-60), "0x" + word(60)], [10**30, 1, 0], 4, 0)
    found = replay_files(*write(tmp_path, rows))
    assert "active liquidity" in found.inexact[0]["reason"]


def test_an_end_that_the_key_does_not_tell_is_not_exact(tmp_path, capsys):
    other = {"end_state": {"sqrt_price_x96": str(ONE), "tick": 0, "liquidity": "1"}}
    assert run(capsys, write(tmp_path, key=other), "--json")[0] == 1
    assert "end state differs" in run(capsys, write(tmp_path, key=other))[1]
    assert run(capsys, write(tmp_path, key={"end_state": None}), "--json")[0] == 0


def test_known_gross_liquidity_is_used(tmp_path):
    ticks = [
        {"tick": tick, "liquidity_net": str(e.liquidity_net), "liquidity_gross": str(e.liquidity_gross)}
        for tick, e in pool_at_one().ticks.items()
    ]
    found = replay_files(*write(tmp_path, ticks=ticks))
    assert found.all_exact
    assert not found.end.ticks_are_inferred


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(capsys, paths):
    code, out, _ = run(capsys, paths, "--json")
    assert code == 2
    return json.loads(out)


def with_row(at, **changes):
    rows = a_days_logs()[0]
    rows[at] = {**rows[at], **changes}
    return rows


@pytest.mark.parametrize(
    ("field", "rows"),
    [
        ("data", with_row(1, data="0x" + "00" * 159)),
        ("data", with_row(1, data="0x" + "00" * 192)),
        ("data", with_row(1, data="0xzz")),
        ("data", with_row(1, data="no hex")),
        ("topics", with_row(1, topics=["0x" + "77" * 32])),
        ("topics", with_row(1, topics=[])),
        ("topics", with_row(1, topics=[TOPIC["swap"], SOMEBODY])),
        ("sqrt_price_x96", with_row(1, data="0x" + word(5) + word(-5) + "f" * 64 + word(1) + word(0))),
        ("log_index", [*a_days_logs()[0], a_days_logs()[0][1]]),
        ("log_index", with_row(1, log_index=None)),
        ("address", [a_days_logs()[0][-1]]),
        ("block_number", a_days_logs()[0][:1]),
    ],
)
def test_a_log_that_is_not_whole_is_refused_by_field(tmp_path, capsys, field, rows):
    found = refused(capsys, write(tmp_path, rows))
    assert (found["error"], found["field"]) == ("BadInput", field)
    assert found["file"].endswith("logs.parquet")


def test_an_address_in_bytes_is_refused(tmp_path, capsys):
    rows = [{**row, "address": bytes.fromhex(row["address"][2:])} for row in a_days_logs()[0]]
    assert refused(capsys, write(tmp_path, rows))["field"] == "address"


@pytest.mark.parametrize("column", ["address", "data", "topics", "log_index", "transaction_hash"])
def test_a_missing_column_is_named(tmp_path, capsys, column):
    rows = [{name: value for name, value in row.items() if name != column} for row in a_days_logs()[0]]
    found = refused(capsys, write(tmp_path, rows))
    assert found["missing"] == [column]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("pool", {"pool": None}),
        ("pool", {"pool": "0x12"}),
        ("pool", {"pool": "0x" + "zz" * 20}),
        ("fee_pips", {"fee_pips": None}),
        ("fee_pips", {"fee_pips": 10**7}),
        ("tick_spacing", {"tick_spacing": "sixty"}),
        ("start_state", {"start_state": None}),
        ("start_state.liquidity", {"start_state": {"sqrt_price_x96": str(ONE), "tick": 0, "block": 1, "log_index": 0}}),
        ("end_state.tick", {"end_state": {"sqrt_price_x96": str(ONE), "liquidity": "5"}}),
    ],
)
def test_a_wrong_key_file_is_refused_by_field(tmp_path, capsys, field, key):
    assert refused(capsys, write(tmp_path, key=key))["field"] == field


def test_a_key_file_that_is_absent_or_no_json_is_refused(tmp_path, capsys):
    paths = write(tmp_path)
    paths[1].write_text("{")
    assert refused(capsys, paths)["field"] == "key"
    paths[1].unlink()
    assert "does not exist" in refused(capsys, paths)["message"]


@pytest.mark.parametrize(
    ("field", "ticks"),
    [
        ("tick", [{"tick": 60, "liquidity_net": "1"}, {"tick": 60, "liquidity_net": "1"}]),
        ("tick", [{"tick": 61, "liquidity_net": "1"}]),
        ("liquidity_net", [{"tick": 60, "liquidity_net": "a lot"}]),
        ("liquidity_net", [{"tick": 60}]),
    ],
)
def test_wrong_ticks_are_refused_by_field(tmp_path, capsys, field, ticks):
    assert refused(capsys, write(tmp_path, ticks=ticks))["field"] == field


def test_files_that_are_absent_or_cut_are_refused_and_people_are_told_in_a_sentence(tmp_path, capsys):
    logs, key, ticks = write(tmp_path)
    logs.write_bytes(logs.read_bytes()[:500])
    with pytest.raises(BadInput, match="cannot be read as Parquet"):
        replay_files(logs, key, ticks)
    ticks.unlink()
    code, out, err = run(capsys, (logs, key, ticks))
    assert (code, out) == (2, "")
    assert "does not exist" in err
