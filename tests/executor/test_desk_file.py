"""The desk file: read as strictly as money deserves, and every refusal says where and what to write instead."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from executor.agents.settings import AgentSettings
from executor.desk_file import DeskFile, load_desk_file, read_desk_file
from executor.desk_sections import ComplianceSettings
from executor.guards.limits import market_of
from executor.orders import OrderRequest
from executor.strict_yaml import MAX_BYTES, read_settings
from tests.executor.desk_files import DESK, POOL, ROUTER, USDC, WETH, desk_text

HERE = Path("/desks/one/desk.yaml")
CHECKSUMMED = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
PRIVATE_KEY = "0x" + "5e" * 32


def read(text: str, **environment: str) -> DeskFile:
    return read_desk_file(text.encode(), HERE, environment)


def changed(old: str, new: str) -> str:
    assert old in DESK
    return DESK.replace(old, new)


def with_line(line: str) -> str:
    return f"{DESK}{line}\n"


def test_a_desk_file_is_read_whole():
    desk = read(DESK)
    assert (desk.mode, desk.chain_id, desk.node.http, desk.node.ws) == ("live", 1, "http://127.0.0.1:8545", None)
    assert (desk.tokens[WETH].symbol, desk.dollars, desk.wrapped_native) == ("WETH", frozenset((USDC,)), WETH)
    assert [(pool.address, pool.venue) for pool in desk.pools] == [(POOL, "uniswap_v3")]
    assert desk.routers.deployments["uniswap_v3"].router == ROUTER
    assert desk.gas.budget("WETH/USDC") == 2 * 10**16
    limits = desk.limits
    assert (limits.max_notional_per_order_usd, limits.max_slippage_bps, limits.max_rejects) == (Decimal(2500), 50, 10)
    assert limits.symbol_limit(market_of(USDC, WETH)) == 8000
    assert limits.amount_limits(WETH).max_per_order == 15 * 10**17
    assert desk.symbol_of(OrderRequest("a", WETH.upper().replace("0X", "0x"), USDC, 1)) == "WETH/USDC"
    assert desk.symbol_of(OrderRequest("a", POOL, USDC, 1)) == f"{POOL}/USDC"


def test_what_the_file_describes_is_what_may_be_traded():
    desk = read(with_line(f"split_router: '{'0x' + '99' * 20}'"))
    assert desk.limits.allowed_tokens == {WETH, USDC}
    assert desk.limits.allowed_pools == {POOL}
    assert desk.limits.allowed_routers == {ROUTER, "0x" + "99" * 20}
    narrower = read(changed("limits:\n", "limits:\n  allowed_tokens: [WETH]\n  allowed_routers: []\n"))
    assert narrower.limits.allowed_tokens == {WETH}
    assert narrower.limits.allowed_routers == frozenset()


def test_without_a_word_a_desk_simulates():
    assert read(DESK.replace("mode: live\n", "")).mode == "simulate"
    assert read(DESK.replace("mode: live", "mode:")).mode == "simulate"


def test_everything_not_said_lies_in_the_file_s_folder():
    desk = read(DESK)
    assert (desk.folder, desk.journal) == (HERE.parent, str(HERE.parent / "journal.sqlite"))
    assert (desk.ledger, desk.lake, desk.stream, desk.finality_depth) == (HERE.parent / "ledger", HERE.parent / "lake", "memory", None)
    moved = read(with_line("journal: sqlite:////var/j.db\nledger: /l\nlake: a/b\nstream: kafka://h:9092/t\nfinality: 64"))
    assert (moved.journal, str(moved.ledger), moved.stream, moved.finality_depth) == ("/var/j.db", "/l", "kafka://h:9092/t", 64)
    assert moved.lake == HERE.parent / "a" / "b"
    assert read(with_line("journal: postgresql://me@db/grekko\nfinality: finalized")).journal == "postgresql://me@db/grekko"
    assert read(with_line("dagster_url: http://127.0.0.1:3000")).dagster_url == "http://127.0.0.1:3000"


def test_a_secret_comes_from_the_environment_and_is_never_shown():
    desk = read(DESK.replace('http: "http://127.0.0.1:8545"', "http: {environment: NODE}, ws: wss://a/hush"), NODE="https://node/hush")
    assert (desk.node.http, desk.node.ws) == ("https://node/hush", "wss://a/hush")
    assert "hush" not in repr(desk)
    with pytest.raises(BadInput, match="the environment has no NODE"):
        read(DESK.replace('"http://127.0.0.1:8545"', "{environment: NODE}"))


def test_venues_stand_where_they_are_known_to_stand():
    desk = read(re.sub(r"venues:\n.*\n", "", DESK))
    assert desk.deployments["uniswap_v3"].router == "0xe592427a0aece92de3edee1f18e0157c05861564"
    elsewhere = DESK.replace("chain_id: 1", "chain_id: 31337")
    with pytest.raises(BadInput, match="write its factory"):
        read(elsewhere)
    told = f'uniswap_v3: {{factory: "{"0x" + "77" * 20}", router: "{ROUTER}", init_code_hash: "0x{"AB" * 32}"}}'
    place = read(re.sub(r"uniswap_v3: {router.*", told, elsewhere)).deployments["uniswap_v3"]
    assert (place.factory, place.router, place.init_code_hash) == ("0x" + "77" * 20, ROUTER, "0x" + "ab" * 32)


def test_pools_may_be_discovered_and_then_all_are_allowed():
    desk = read(re.sub(r"pools:\n.*\n", "pools: {discover_from_block: 12}\n", DESK))
    assert (desk.pools, desk.discover_from_block, desk.limits.allowed_pools) == ((), 12, None)


def test_a_pool_may_be_described():
    desk = read(changed("venue: uniswap_v3}", "venue: uniswap_v3, token0: WETH, token1: USDC, fee_pips: 500, tick_spacing: 10}"))
    pool = desk.pools[0]
    assert (pool.token0, pool.token1, pool.fee_pips, pool.tick_spacing) == (WETH, USDC, 500, 10)


def test_gas_is_told_in_words_and_holds_both_ways_round():
    text = changed(
        '  budgets: {"*": 0.02 ETH}',
        "  budgets: {USDC/WETH: 40 gwei, '*': 7}\n  max_cost: 1 ETH\n  inclusion_probability: 0.9\n  blocks: 5",
    )
    gas = read(text).gas
    assert (gas.budget("WETH/USDC"), gas.budget("USDC/WETH"), gas.budget("A/B")) == (40 * 10**9, 40 * 10**9, 7)
    assert (gas.max_cost_wei, gas.inclusion_probability, gas.blocks) == (10**18, 0.9, 5)
    assert read(re.sub(r"gas:\n.*\n", "", DESK)).gas.budget("A/B") is None


def test_limits_may_be_left_out():
    desk = read(DESK[: DESK.index("limits:")])
    assert (desk.limits.max_slippage_bps, desk.limits.max_open_orders, desk.limits.max_rejects) == (100, 16, None)
    assert desk.key is None


def test_a_mixed_case_address_must_have_its_checksum():
    assert CHECKSUMMED.lower() in read(DESK.replace(WETH, CHECKSUMMED)).tokens
    assert CHECKSUMMED.lower() in read(DESK.replace(f'"{WETH}"', CHECKSUMMED.lower())).tokens  # unquoted: a number to YAML, not here
    with pytest.raises(BadInput, match="checksum is wrong"):
        read(DESK.replace(WETH, CHECKSUMMED.replace("aaA", "aAA")))


WRONG = {
    "mode: live": [("mode: Live", "mode", "simulate or paper or live"), ("mode: [live]", "mode", "simulate or paper or live")],
    "chain_id: 1": [
        ("chain_id: 0", "chain_id", "whole number"),
        ("chain_id: 1e3", "chain_id", "whole number"),
        ("chain: 1", "chain_id", "no chain_id"),
    ],
    '"http://127.0.0.1:8545"': [
        ("ftp://x", "node.http", "http://"),
        ("[a]", "node.http", "text"),
        ("{env: X}", "node.http", "no environment"),
    ],
    f'"{WETH}", symbol: WETH': [
        ("0x11, symbol: WETH", "tokens[0].address", "40 hexadecimal"),
        (f'"{USDC}", symbol: WETH', "tokens[1]", "twice"),
        (f'"{WETH}", symbol: W/E', "tokens[0].symbol", "without a slash"),
        (f'"{WETH}", symbol: "*"', "tokens[0].symbol", "without a slash"),
        (f'"{WETH}", symbol: USDC', "dollars[0]", "two tokens"),
    ],
    "decimals: 18": [("decimals: 37", "tokens[0].decimals", "0 to 36"), ("decimals: 0x12", "tokens[0].decimals", "whole number")],
    "dollars: [USDC]": [("dollars: [DAI]", "dollars[0]", "described under tokens"), ("dollars: USDC", "dollars", "list")],
    "uniswap_v3: {router": [
        ("unswap_v3: {router", "venues.unswap_v3", "no such venue"),
        ("uniswap_v3: {ruter", "venues.uniswap_v3.ruter", "did you mean router"),
    ],
    "venue: uniswap_v3": [
        ("venue: nowhere", "pools[0].venue", "venue that stands"),
        ("venue: uniswap_v3, x: 1", "pools[0].x", "no such setting"),
    ],
    f'  - {{address: "{POOL}", venue: uniswap_v3}}\n': [
        (f'  - {{address: "{POOL}", venue: uniswap_v3}}\n' * 2, "pools[1]", "twice"),
        ("  - 5\n", "pools[0]", "section"),
    ],
    "0.02 ETH": [
        ("0.02 EUR", "gas.budgets.*", "0.015 ETH"),
        ("1.5 wei", "gas.budgets.*", "whole number of wei"),
        ("lots", "gas.budgets.*", "digits"),
    ],
    'budgets: {"*"': [
        ('budgets: {WETH: 1, "*"', "gas.budgets.WETH", "slash"),
        ("budgets: {WETH/WETH", "gas.budgets.WETH/WETH", "different"),
        ('budgets: {WETH/USDC: 1, USDC/WETH: 2, "*"', "gas.budgets.USDC/WETH", "other way round"),
        ("inclusion_probability: 1.5\n  budgets: {'*'", "gas.inclusion_probability", "between 0 and 1"),
    ],
    "max_notional_per_order_usd: 2500": [
        ("max_notional_per_order_usd: -1", "limits.max_notional_per_order_usd", "digits"),
        ("max_notional_per_order_usd: 1e9", "limits.max_notional_per_order_usd", "digits"),
        ("max_notional_per_order: 2500", "limits.max_notional_per_order", "did you mean max_notional_per_order_usd"),
    ],
    "{WETH/USDC: 8000": [("{WETH/USDC: 1, USDC/WETH: 2", "limits.max_notional_per_symbol_usd.USDC/WETH", "other way round")],
    "max_per_order: 1.5": [
        ("max_per_order: 0.0000000000000000001", "limits.amounts.WETH.max_per_order", "18 decimals"),
        ("max_per_hour: 1", "limits.amounts.WETH.max_per_hour", "did you mean"),
        (f'max_per_order: 1}}, "{WETH}": {{max_per_order: 2', f"limits.amounts.{WETH}", "twice"),
    ],
    "max_slippage_bps: 50": [
        ("max_slippage_bps: 10000", "limits.max_slippage_bps", "9999"),
        ("max_slippage_bps: '５０'", "limits.max_slippage_bps", "whole"),
    ],
    "max_rejects: 10": [
        ("max_rejects: 0", "limits.max_rejects", "1 to"),
        ("max_rejects:", "limits.max_rejects", "none where there shall be no limit"),
        ("max_open_orders: none", "limits.max_open_orders", "whole number"),
    ],
    "key: {environment: GREKKO_PRIVATE_KEY}": [
        (f"key: {PRIVATE_KEY}", "key", "no place in a file"),
        (f"key: {{environment: {PRIVATE_KEY}}}", "key.environment", "never the key"),
        ("key: {keystore: [a]}", "key.keystore", "path of a keystore"),
        ("key: {keystore: a, environment: B}", "key", "keystore: path"),
        ("journal: mysql://x", "journal", "postgresql"),
        ("stream: rabbit", "stream", "kafka"),
        ("finality: soon", "finality", "finalized"),
        ("venues: {uniswap_v3: {init_code_hash: 0xabc}}", "venues", "twice"),
    ],
}
CASES = [(old, *rest) for old, found in WRONG.items() for rest in found]


@pytest.mark.parametrize(("old", "new", "field", "fix"), CASES, ids=[f"{field}-{number}" for number, (_, _, field, _) in enumerate(CASES)])
def test_a_wrong_setting_is_named_with_its_line_and_the_fix(old: str, new: str, field: str, fix: str):
    with pytest.raises(BadInput) as refused:
        read(changed(old, new).replace("key: {keystore: a, environ", "key: {keystore: a, environ"))
    told = refused.value
    assert fix in told.message
    assert told.message.startswith(f"desk.yaml, line {told.facts['line']}: ")
    assert told.facts["field"] in (field, "") and PRIVATE_KEY not in told.message


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("- a\n", "a list"),
        ("mode: live\nmode: paper\n", "told twice"),
        ("a: &x [1]\nb: *x\n", "anchors"),
        ("a: !!python/object/apply:os.system [ls]\n", "tags"),
        ("a: 1\n---\nb: 1\n", "second document"),
        ("[" * 100_000, "nested deeper"),
        ("a: [1\n", "not YAML at line"),
        ("? [a]\n: 1\n", "name must be short text"),
        ('"": 1\n', "name must be short text"),
        ("a: \x01\n", "not text"),
        ("a" * (MAX_BYTES + 1), "longer than"),
        ("<<: {chain_id: 1}\n", "no chain_id"),
    ],
)
def test_yaml_s_traps_are_refused(text: str, what: str):
    with pytest.raises(BadInput, match=what):
        read(text)
    with pytest.raises(BadInput, match="UTF-8"):
        read_desk_file(b"\xff\xfe", HERE, {})


def test_a_thousand_laughs_cost_nothing():
    laughs = "a: &a [x,x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a]\n" for n in range(1000))
    with pytest.raises(BadInput, match="anchors"):
        read(laughs)


@pytest.mark.parametrize("told", [PRIVATE_KEY, "abandon " * 12, "https://user:password@host/x"])
@pytest.mark.parametrize("at", ["mode", "limits.max_slippage_bps", "stream"])
def test_what_could_be_a_secret_is_not_repeated(told: str, at: str):
    text = {"mode": changed("mode: live", f"mode: '{told}'"), "limits.max_slippage_bps": changed("bps: 50", f"bps: '{told}'")}
    with pytest.raises(BadInput) as refused:
        read(text.get(at, with_line(f"stream: '{told}'")))
    assert told.strip() not in str(refused.value.to_json())
    with pytest.raises(BadInput) as refused:
        read(with_line(f"'{told[:90]}': 1"))
    assert PRIVATE_KEY[2:] not in str(refused.value.to_json())


def test_a_limit_that_shall_not_hold_is_said_to():
    limits = read(changed("max_rejects: 10", "max_rejects: none\n  allowed_pools: none")).limits
    assert (limits.max_rejects, limits.allowed_pools) == (None, None)
    assert {"max_rejects", "allowed_pools"} < limits.said


def test_a_file_without_its_last_line_s_end_may_be_half_written():
    with pytest.raises(BadInput, match="half written"):
        read(DESK.rstrip("\n"))


def test_a_missing_file_says_how_to_begin(tmp_path: Path):
    with pytest.raises(BadInput, match="grekko desk example"):
        load_desk_file(tmp_path / "none.yaml")


def test_the_hash_is_of_the_bytes(tmp_path: Path):
    path = tmp_path / "desk.yaml"
    path.write_text(desk_text())
    first = load_desk_file(path)
    path.write_text(desk_text() + "# a word\n")
    assert load_desk_file(path).sha256 != first.sha256
    assert load_desk_file(path).limits == first.limits


TOKENS = st.sampled_from(re.findall(r"\w+|\W", DESK))


@settings(max_examples=600, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_for_any_bytes_there_is_a_desk_or_a_sentence(content: bytes):
    with pytest.raises(BadInput):
        read_desk_file(content, HERE, {})


@settings(max_examples=1_000, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(DESK)), st.integers(0, 30), st.one_of(TOKENS, st.text(max_size=6))), max_size=5))
def test_for_any_edit_there_is_a_desk_or_a_sentence(edits):
    text = DESK
    for at, cut, put in edits:
        text = text[:at] + put + text[at + cut :]
    try:
        desk = read_desk_file(text.encode("utf-8", "surrogatepass"), HERE, {})
    except BadInput as problem:
        assert problem.message.startswith("desk.yaml, line ")
    else:
        assert desk.mode != "live" or "live" in text


def test_settings_may_be_read_from_where_they_stand():
    with TemporaryDirectory() as folder:
        path = Path(folder) / "desk.yaml"
        path.write_text(desk_text())
        assert load_desk_file(path).folder == Path(folder)
    assert read_settings(b"a: 1", "x").get("b") is None


def test_a_desk_may_name_who_advises_it():
    text = "agents: {names: [technical, news], deadline_ms: 250, quorum: 2, weights: {environment: WEIGHTS}, transport: processes}"
    agents = read(with_line(text), WEIGHTS="redis://:secret@127.0.0.1").agents
    assert agents is not None and (agents.names, agents.deadline_seconds, agents.quorum) == (("technical", "news"), 0.25, 2)
    assert (agents.weights, agents.transport) == ("redis://:secret@127.0.0.1", "processes")
    assert "secret" not in repr(read(with_line(text), WEIGHTS="redis://:secret@127.0.0.1"))
    assert read(DESK).agents is None
    assert read(with_line("agents: {names: [all], feeds: ['https://news.example/rss']}")).agents == AgentSettings(
        ("all",), feeds=("https://news.example/rss",)
    )


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("{}", "names"),
        ("{names: [news], weights: redis}", "redis://"),
        ("{names: [news], deadline_ms: 1}", "deadline_ms"),
        ("{names: [news], x: 1}", "x"),
    ],
)
def test_agents_that_cannot_be_asked_like_that_are_refused_with_their_line(told: str, why: str):
    with pytest.raises(BadInput, match=why) as refused:
        read(with_line(f"agents: {told}"))
    assert "desk.yaml" in refused.value.message


PIN = "5f" * 32


def test_the_files_of_jurisdictions_are_found_from_the_desk_files_folder(tmp_path: Path):
    for name in ("regulations.yaml", "parties.yaml"):
        (tmp_path / name).touch()
    text = with_line(f"regulations: regulations.yaml\nparties: parties.yaml\nregulations_sha256: {PIN}")
    told = read_desk_file(text.encode(), tmp_path / "desk.yaml", {}).compliance
    assert told == ComplianceSettings(tmp_path / "regulations.yaml", tmp_path / "parties.yaml", None, PIN)
    paper = with_line("regulations: regulations.yaml\nparties: parties.yaml").replace("mode: live", "mode: paper")
    told = read_desk_file(paper.encode(), tmp_path / "desk.yaml", {}).compliance
    assert told == ComplianceSettings(tmp_path / "regulations.yaml", tmp_path / "parties.yaml")
    assert read(DESK).compliance is None


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("lists: lists", "line {line}: lists is 'lists'; nothing lies there"),
        ("regulations: regulations.yaml", "line {line}: regulations cannot be used; its limits are by client; write `parties` too"),
        (f"regulations_sha256: {PIN}", "line {line}: regulations_sha256 cannot be used; it is the hash of a rulebook"),
        ("regulations_sha256: 12ab", "line {line}: regulations_sha256 cannot be used; write the sha256 of the rulebook"),
        ("regulations: regulations.yaml\nparties: parties.yaml", "line {line}: regulations cannot be used; a live desk says which"),
    ],
)
def test_a_file_of_jurisdictions_that_is_missing_is_named_with_its_line(tmp_path: Path, lines: str, says: str):
    (tmp_path / "regulations.yaml").touch()
    (tmp_path / "parties.yaml").touch()
    with pytest.raises(BadInput) as problem:
        read_desk_file(with_line(lines).encode(), tmp_path / "desk.yaml", {})
    assert says.format(line=DESK.count("\n") + 1) in problem.value.message
