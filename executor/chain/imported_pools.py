"""Which pools a set of imported logs speaks of, and the states that key files give for them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from domain.problems import BadInput
from executor.chain.known_tokens import KNOWN_TOKENS, Token, token_called
from executor.chain.layout import TABLES
from executor.chain.reference_prices import read_table
from executor.chain.sieve import find_column
from executor.venue import Venue, every_venue

# Where several venues speak with the same topics, the one whose contracts the others copied.
FIRST_CHOICE = ("uniswap_v3", "uniswap_v2")
NOT_OF_POOLS = frozenset({"transfer", "approval"})  # every token emits these
ADDRESS = r"0x[0-9a-fA-F]{40}"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One pool's state right after one log, with the names the file gives to its tokens."""

    pool: str
    token0: str
    token1: str
    fee_pips: int
    tick_spacing: int
    block_number: int
    log_index: int
    sqrt_price_x96: int
    tick: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class ImportedPools:
    """The pool tables of an imported recording, and the pools that nothing is known of but their logs."""

    pools: pl.DataFrame
    ticks: pl.DataFrame
    tokens: pl.DataFrame
    every_pool: list[str]
    without_snapshot: list[str]


def parse_token(text: str) -> Token:
    """A token as the command line names it: ADDRESS=SYMBOL:DECIMALS."""
    match = re.fullmatch(rf"({ADDRESS})=([^:=\s]+):(\d{{1,3}})", text)
    if match is None or int(match[3]) > 255:
        raise BadInput(f"{text!r} does not name a token; write --token ADDRESS=SYMBOL:DECIMALS.", field="token")
    return Token(match[1].lower(), match[2], match[2], int(match[3]))


def read_key(file: Path) -> KeyFile:
    """A key file; raises BadInput naming the field that is missing or wrong."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read as JSON ({error}); give the pool's key file.", field="key", file=str(file)) from error
    return KeyFile(
        pool=_text(document, "pool", file, ADDRESS).lower(),
        token0=_text(document, "token0", file, r"\S.*").split()[0],
        token1=_text(document, "token1", file, r"\S.*").split()[0],
        fee_pips=_number(document, "fee_pips", file),
        tick_spacing=_number(document, "tick_spacing", file),
        block_number=_number(document, "start_state.block", file),
        log_index=_number(document, "start_state.log_index", file),
        sqrt_price_x96=_number(document, "start_state.sqrt_price_x96", file),
        tick=_number(document, "start_state.tick", file),
        liquidity=_number(document, "start_state.liquidity", file),
    )


def gather_pools(
    logs: pl.DataFrame,
    keys: Sequence[tuple[Path, Path]],
    options: Sequence[Token],
    venues: Mapping[str, str],
    chain_id: int,
    first_block: int,
) -> ImportedPools:
    """The pools of the logs: with state where a key file gives it, without where their fee is known, else only named."""
    catalogue = {**KNOWN_TOKENS.get(chain_id, {}), **{token.address: token for token in options}}
    venue_of = _venues_of_pools(logs, venues)
    rows: dict[str, dict[str, Any]] = {}
    ticks = [TABLES["ticks"].empty()]
    for key_file, ticks_file in keys:
        key = read_key(key_file)
        _check_key_belongs(key, key_file, logs)
        if key.pool in rows:
            raise BadInput(f"{key_file.name} gives the pool {key.pool} a second state; give each pool one --key.", field="key")
        venue = venue_of.get(key.pool)
        if venue is None or venue.shape != "concentrated":
            raise BadInput(
                f"{key_file.name}: the logs of {key.pool} are not those of a concentrated pool; check --key and --venue.", field="pool"
            )
        rows[key.pool] = _row(
            pool=key.pool,
            venue=venue.name,
            protocol=venue.shape,
            token0=token_called(key.token0, catalogue).address,
            token1=token_called(key.token1, catalogue).address,
            fee_pips=key.fee_pips,
            tick_spacing=key.tick_spacing,
            block_number=key.block_number,
            log_index=key.log_index,
            sqrt_price_x96=str(key.sqrt_price_x96),
            tick=key.tick,
            liquidity=str(key.liquidity),
            has_state=True,
        )
        ticks.append(_read_ticks(key.pool, ticks_file))
    for pool, venue in venue_of.items():
        if pool not in rows and venue.fee_pips is not None:
            start = {"block_number": first_block, "log_index": -1, "has_state": False}
            rows[pool] = _row(pool=pool, venue=venue.name, protocol=venue.shape, fee_pips=venue.fee_pips, **start)
    used = {row[side] for row in rows.values() for side in ("token0", "token1") if row[side]} | {token.address for token in options}
    tokens = [
        {"address": one.address, "symbol": one.symbol, "name": one.name, "decimals": one.decimals, "reference_symbol": one.reference_symbol}
        for one in (catalogue[address] for address in sorted(used))
    ]
    return ImportedPools(
        pl.DataFrame(list(rows.values()), schema=TABLES["pools"].schema),
        pl.concat(ticks),
        pl.DataFrame(tokens, schema=TABLES["tokens"].schema),
        sorted(venue_of),
        sorted(set(venue_of) - set(rows)),
    )


def _venues_of_pools(logs: pl.DataFrame, named: Mapping[str, str]) -> dict[str, Venue]:
    """The venue of every address that emits what only pools emit."""
    venues = every_venue()
    speaks = {name: {topic for topic, event in venue.topics.items() if event not in NOT_OF_POOLS} for name, venue in venues.items()}
    preferred = sorted(venues, key=lambda name: (FIRST_CHOICE.index(name) if name in FIRST_CHOICE else len(FIRST_CHOICE), name))
    seen = (
        logs.filter(pl.col("topic0").is_in(sorted(set().union(*speaks.values()))))
        .group_by("address")
        .agg(pl.col("topic0").unique())
        .sort("address")
    )
    found: dict[str, Venue] = {}
    for address, topics in seen.iter_rows():
        if address in named:
            if named[address] not in venues:
                raise BadInput(f"There is no venue {named[address]!r}; the venues are {', '.join(sorted(venues))}.", field="venue")
            found[address] = venues[named[address]]
        elif fitting := [name for name in preferred if speaks[name].issuperset(topics)]:
            found[address] = venues[fitting[0]]
    return found


def _check_key_belongs(key: KeyFile, file: Path, logs: pl.DataFrame) -> None:
    at = (pl.col("address") == key.pool) & (pl.col("block_number") == key.block_number) & (pl.col("log_index") == key.log_index)
    if not logs.select(at.any()).item():
        raise BadInput(
            f"{file.name} gives the state of {key.pool} after log {key.log_index} of block {key.block_number}, and the logs do not hold "
            "that log; give the logs the key was made from.",
            field="key",
        )


def _read_ticks(pool: str, file: Path) -> pl.DataFrame:
    """The liquidity per tick that was inferred from a pool's own events."""
    frame = read_table(file)
    net = pl.col(find_column(frame, ("liquidity_net",), file.name)).cast(pl.String)
    tick = pl.col(find_column(frame, ("tick",), file.name))
    wrong = frame.filter(tick.is_null() | net.is_null() | ~net.str.contains(r"^-?\d{1,39}$"))
    if wrong.height:
        raise BadInput(
            f"{file.name}: {wrong.height} ticks have no whole number as liquidity_net; export them again.", field="liquidity_net"
        )
    return frame.select(
        pool=pl.lit(pool),
        tick=tick.cast(pl.Int64),
        liquidity_gross=pl.lit(None, pl.String),
        liquidity_net=net,
        is_inferred=pl.lit(True),
    )


def _row(**fields: Any) -> dict[str, Any]:
    return {**dict.fromkeys(TABLES["pools"].columns), **fields}


def _field(document: Any, path: str, file: Path) -> Any:
    value = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        raise BadInput(f"{file.name} lacks {path}; give the pool's key file.", field=path, file=str(file))
    return value


def _text(document: Any, path: str, file: Path, pattern: str) -> str:
    value = _field(document, path, file)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise BadInput(f"{file.name}: {path} is {value!r}; correct it in the key file.", field=path, file=str(file))
    return value


def _number(document: Any, path: str, file: Path) -> int:
    value = _field(document, path, file)
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,78}", str(value)):
        raise BadInput(f"{file.name}: {path} is {value!r}; it must be a whole number.", field=path, file=str(file))
    return int(value)
