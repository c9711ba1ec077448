"""What pools, their ticks and their tokens say of themselves at the end of one block, read with eth_call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from domain.problems import BadInput
from executor.chain.known_factories import VENUE_OF_FACTORY
from executor.chain.known_tokens import known_token
from executor.chain.layout import TABLES
from executor.chain.rpc import Rpc
from executor.venue import Venue, every_venue

# The first four bytes of keccak-256 of each signature.
SELECTORS: Mapping[str, str] = {
    "factory()": "0xc45a0155",
    "token0()": "0x0dfe1681",
    "token1()": "0xd21220a7",
    "fee()": "0xddca3f43",
    "tickSpacing()": "0xd0c93a7c",
    "slot0()": "0x3850c7bd",
    "liquidity()": "0x1a686502",
    "feeGrowthGlobal0X128()": "0xf3058399",
    "feeGrowthGlobal1X128()": "0x46141319",
    "getReserves()": "0x0902f1ac",
    "tickBitmap(int16)": "0x5339c296",
    "ticks(int24)": "0xf30dba93",
    "symbol()": "0x95d89b41",
    "name()": "0x06fdde03",
    "decimals()": "0x313ce567",
}
NEVER_CHANGING = ("factory()", "token0()", "token1()", "fee()", "tickSpacing()")
STATE = ("slot0()", "liquidity()", "feeGrowthGlobal0X128()", "feeGrowthGlobal1X128()", "getReserves()")
LARGEST_TICK = 887_272
LONGEST_TEXT = 64


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The three tables a recording starts from."""

    pools: pl.DataFrame
    ticks: pl.DataFrame
    tokens: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Pool:
    address: str
    venue: Venue
    token0: str
    token1: str
    fee_pips: int
    tick_spacing: int | None


def take_snapshot(
    rpc: Rpc,
    pools: Sequence[str],
    first_block: int,
    newest_block: int,
    venues: Mapping[str, str],
    reference_symbols: Mapping[str, str],
    chain_id: int,
    on_step: Callable[[str], None] = lambda _: None,
) -> Snapshot:
    """The pools as they stand just before `first_block`, with their ticks and tokens.

    A pool that does not exist yet, or holds nothing yet, has `has_state` false: its life begins with its first logs.
    What never changes is read at `newest_block`. Raises BadInput for an address that is no pool of a known venue.
    """
    on_step("reading the pools")
    facts = _ask_each(rpc, pools, NEVER_CHANGING, newest_block)
    known = [_identify(pool, facts[pool], venues.get(pool)) for pool in pools]
    state = _ask_each(rpc, pools, STATE, first_block - 1) if first_block > 0 else {pool: {} for pool in pools}
    rows = [_pool_row(pool, state[pool.address], first_block) for pool in known]
    on_step("reading the ticks")
    with_ticks = [pool for pool, row in zip(known, rows, strict=True) if row["has_state"] and pool.tick_spacing]
    ticks = [tick for pool in with_ticks for tick in _read_ticks(rpc, pool.address, pool.tick_spacing or 1, first_block - 1)]
    on_step("reading the tokens")
    addresses = sorted({token for pool in known for token in (pool.token0, pool.token1)})
    tokens = _read_tokens(rpc, addresses, newest_block, reference_symbols, chain_id)
    return Snapshot(_frame("pools", rows), _frame("ticks", ticks), _frame("tokens", tokens))


def _ask_each(rpc: Rpc, addresses: Iterable[str], questions: Sequence[str], block: int) -> dict[str, dict[str, bytes]]:
    """Every question put to every address; questions that revert, or that nobody answers, are left out."""
    asked = [(address, question) for address in addresses for question in questions]
    answers = rpc.eth_calls([(address, SELECTORS[question]) for address, question in asked], block)
    found: dict[str, dict[str, bytes]] = {address: {} for address, _ in asked}
    for (address, question), answer in zip(asked, answers, strict=True):
        if answer:
            found[address][question] = answer
    return found


def _identify(pool: str, facts: Mapping[str, bytes], named: str | None) -> _Pool:
    if "token0()" not in facts or "token1()" not in facts:
        raise BadInput(f"{pool} is not a pool: it does not answer token0() and token1(); check --pools.", field="pools", pool=pool)
    factory = _address(facts["factory()"]) if "factory()" in facts else None
    name = named or VENUE_OF_FACTORY.get(factory or "")
    if name is None:
        raise BadInput(f"{pool} comes from the factory {factory}, which we do not know; say --venue {pool}=NAME.", field="venue", pool=pool)
    venues = every_venue()
    if name not in venues:
        raise BadInput(f"There is no venue {name!r} for {pool}; the venues are {', '.join(sorted(venues))}.", field="venue", pool=pool)
    venue = venues[name]
    spacing = _signed(facts["tickSpacing()"]) if "tickSpacing()" in facts else None
    if (spacing is not None) != (venue.shape == "concentrated"):
        raise BadInput(
            f"{pool} is not a pool of {name}: {name} is {venue.shape.replace('_', ' ')}; correct --venue.", field="venue", pool=pool
        )
    own_fee = _unsigned(facts["fee()"]) if "fee()" in facts else None
    fee_pips = venue.fee_pips if venue.fee_pips is not None else own_fee
    if fee_pips is None:
        raise BadInput(f"{pool} does not tell its fee and {name} has none for all; use another pool.", field="pools", pool=pool)
    return _Pool(pool, venue, _address(facts["token0()"]), _address(facts["token1()"]), fee_pips, spacing)


def _pool_row(pool: _Pool, state: Mapping[str, bytes], first_block: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(TABLES["pools"].columns)
    row.update(
        pool=pool.address,
        venue=pool.venue.name,
        protocol=pool.venue.shape,
        token0=pool.token0,
        token1=pool.token1,
        fee_pips=pool.fee_pips,
        tick_spacing=pool.tick_spacing,
        block_number=first_block,
        log_index=-1,
        has_state=False,
    )
    if pool.venue.shape == "concentrated":
        slot0 = state.get("slot0()", b"")
        if len(slot0) >= 192 and (sqrt_price := _unsigned(slot0)):
            if silent := [question for question in STATE[:4] if question not in state]:
                raise BadInput(f"{pool.address} answers slot0() and not {silent[0]}; it is no pool we understand.", field="pools")
            row.update(
                has_state=True,
                sqrt_price_x96=str(sqrt_price),
                tick=_signed(slot0[32:]),
                fee_protocol=_unsigned(slot0[160:]),
                liquidity=str(_unsigned(state["liquidity()"])),
                fee_growth_global0_x128=str(_unsigned(state["feeGrowthGlobal0X128()"])),
                fee_growth_global1_x128=str(_unsigned(state["feeGrowthGlobal1X128()"])),
            )
    else:
        reserves = state.get("getReserves()", b"")
        if len(reserves) >= 64 and (_unsigned(reserves) or _unsigned(reserves[32:])):
            row.update(has_state=True, reserve0=str(_unsigned(reserves)), reserve1=str(_unsigned(reserves[32:])))
    return row


def _read_ticks(rpc: Rpc, pool: str, spacing: int, block: int) -> list[dict[str, Any]]:
    """Every initialised tick: first the bitmap, a word for each 256 spacings, then the ticks it marks."""
    smallest = -(LARGEST_TICK // spacing) >> 8
    largest = (LARGEST_TICK // spacing) >> 8
    words = range(smallest, largest + 1)
    bitmaps = rpc.eth_calls([(pool, SELECTORS["tickBitmap(int16)"] + _argument(word)) for word in words], block)
    ticks = [
        ((word << 8) + bit) * spacing
        for word, bitmap in zip(words, bitmaps, strict=True)
        if bitmap and (marked := _unsigned(bitmap))
        for bit in range(256)
        if marked >> bit & 1
    ]
    answers = rpc.eth_calls([(pool, SELECTORS["ticks(int24)"] + _argument(tick)) for tick in ticks], block)
    rows = []
    for tick, answer in zip(ticks, answers, strict=True):
        if answer is None or len(answer) < 64:
            raise BadInput(f"{pool} marks tick {tick} as initialised and does not answer ticks({tick}); use another node.", field="ticks")
        rows.append(
            {
                "pool": pool,
                "tick": tick,
                "liquidity_gross": str(_unsigned(answer)),
                "liquidity_net": str(_signed(answer[32:])),
                "is_inferred": False,
            }
        )
    return rows


def _read_tokens(
    rpc: Rpc, addresses: Sequence[str], block: int, reference_symbols: Mapping[str, str], chain_id: int
) -> list[dict[str, Any]]:
    rows = []
    for address, facts in _ask_each(rpc, addresses, ("symbol()", "name()", "decimals()"), block).items():
        if "decimals()" not in facts or (decimals := _unsigned(facts["decimals()"])) > 255:
            raise BadInput(f"The token {address} does not answer decimals(); leave its pools out.", field="pools", token=address)
        known = known_token(chain_id, address)
        symbol = _text(facts.get("symbol()", b"")) or address[:10]
        rows.append(
            {
                "address": address,
                "symbol": symbol,
                "name": _text(facts.get("name()", b"")) or symbol,
                "decimals": decimals,
                "reference_symbol": reference_symbols.get(address, known.reference_symbol if known else None),
            }
        )
    return rows


def _frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TABLES[table].schema, orient="row")


def _unsigned(answer: bytes) -> int:
    return int.from_bytes(answer[:32], "big")


def _signed(answer: bytes) -> int:
    return int.from_bytes(answer[:32], "big", signed=True)


def _address(answer: bytes) -> str:
    return "0x" + answer[12:32].hex()


def _argument(number: int) -> str:
    return number.to_bytes(32, "big", signed=True).hex()


def _text(answer: bytes) -> str:
    """A symbol or name: a string, or the bytes32 that older tokens answer. It is a stranger's text: printable and short."""
    if len(answer) == 32:
        raw = answer.split(b"\0", 1)[0]
    else:
        start, length = _unsigned(answer), _unsigned(answer[32:])
        raw = answer[64 : 64 + length] if start == 32 else b""
    return "".join(letter for letter in raw.decode("utf-8", "replace") if letter.isprintable())[:LONGEST_TEXT].strip()
