"""Makes a recording from files of logs: one day of raw logs with key files, whole blocks with transactions, or what cryo writes.

Nothing is made up: where the files have no block hashes the recording has none, and says so when it is verified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from domain.problems import BadInput
from executor.chain.imported_pools import gather_pools
from executor.chain.known_tokens import CHAIN_IDS, KNOWN_TOKENS, Token, token_called
from executor.chain.layout import REJECTED, TABLES
from executor.chain.recording import Recording, RecordingWriter
from executor.chain.reference_prices import all_prices, assumed_dollars, read_candles, read_table, window_of
from executor.chain.sieve import Column, Sifted, amount, data, find_column, hexadecimal, integer, moment, optional_column, sift, topic

HASH = ("transaction_hash", "tx_hash", "hash")
CHAIN = ("chain_id", "chain")
TIME = ("block_timestamp", "timestamp")


def import_logs(
    logs: Sequence[Path],
    out: Path | str,
    *,
    keys: Sequence[tuple[Path, Path]] = (),
    prices: Mapping[str, Path] | None = None,
    tokens: Sequence[Token] = (),
    transactions: Sequence[Path] = (),
    blocks: Sequence[Path] = (),
    venues: Mapping[str, str] | None = None,
    chain_id: int | None = None,
    name: str | None = None,
    description: str = "",
) -> Recording:
    """Write the recording `out` from files of logs.

    `keys` are pairs of a key file and its ticks file; `prices` maps a token (symbol or address) to a file of candles; `blocks` gives
    the times of logs that have none. Rows that cannot be written down are kept in rejected.parquet with the reason.
    """
    writer = RecordingWriter(out)
    files = [*_read_all(logs, "logs"), *_read_all(transactions, "transactions"), *_read_all(blocks, "blocks")]
    chain = chain_id if chain_id is not None else _chain_of(files)
    headers = _sift_all("blocks", files, chain, _header_columns)
    times = headers.rows.select(block_number="number", __time="timestamp").unique("block_number", keep="first", maintain_order=True)
    files = [(kind, file, _with_times(frame, times) if kind == "logs" else frame) for kind, file, frame in files]
    sent = _sift_all("transactions", files, chain, _transaction_columns)
    found = _sift_all("logs", files, chain, _log_columns)
    if not found.rows.height:
        raise BadInput(f"None of the {found.rejected.height} rows of {_names(logs)} is a log; {_most_common_reason(found)}.", field="logs")
    log_rows = _with_block_hashes(found.rows, sent.rows)
    block_rows = _blocks(headers.rows, log_rows, sent.rows, files)

    first_block, last_block = _span(block_rows["number"])
    days = block_rows["timestamp"].dt.date()
    pools = gather_pools(log_rows, keys, tokens, {pool.lower(): venue for pool, venue in (venues or {}).items()}, chain, first_block)
    token_rows, price_rows, assumptions = _prices(prices or {}, tokens, pools.tokens, chain, window_of(min(days), max(days)))
    rejected = pl.concat([headers.rejected, sent.rejected, found.rejected])

    for table, rows in (("blocks", block_rows), ("logs", log_rows), ("transactions", sent.rows), ("prices", price_rows)):
        writer.write(table, rows)
    for table, rows in (("pools", pools.pools), ("ticks", pools.ticks), ("tokens", token_rows)):
        writer.write(table, rows)
    if rejected.height:
        writer.write("rejected", rejected)
    return writer.finish(
        name=name or Path(out).name,
        description=description,
        chain_id=chain,
        first_block=first_block,
        last_block=last_block,
        first_day=min(days).isoformat(),
        last_day=max(days).isoformat(),
        simulated_traders=False,
        pools=pools.every_pool,
        pools_without_snapshot=pools.without_snapshot,
        assumptions=assumptions,
        rows_in={kind: sum(frame.height for one, _, frame in files if one == kind) for kind in ("logs", "transactions", "blocks")},
        rows_rejected={kind: rejected.filter(pl.col("table") == kind).height for kind in ("logs", "transactions", "blocks")},
        rows_out_of_order=_out_of_order(log_rows),
        sources=[file for _, file, _ in files],
    )


File = tuple[str, str, pl.DataFrame]


def _read_all(paths: Sequence[Path], kind: str) -> list[File]:
    """The files, and those inside the folders, as (kind, name, rows)."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not inside:
            raise BadInput(f"The folder {path} holds no Parquet file; give a file, or the folder cryo wrote to.", field=kind)
        found += inside
    return [(kind, file.name, read_table(file)) for file in found]


def _chain_of(files: Sequence[File]) -> int:
    """The chain most rows are of; raises BadInput when no file says."""
    counts: dict[int, int] = {}
    for _, _, frame in files:
        if column := optional_column(frame, CHAIN):
            for chain, rows in frame.select(_chain_id(frame, column).alias("chain")).drop_nulls().group_by("chain").len().iter_rows():
                counts[chain] = counts.get(chain, 0) + rows
    if not counts:
        raise BadInput("The files do not say which chain they are of; say --chain-id N (1 is Ethereum).", field="chain_id")
    return max(counts, key=lambda chain: (counts[chain], -chain))


def _chain_id(frame: pl.DataFrame, column: str) -> pl.Expr:
    """The chain of each row as a number, whether the file writes its number or its name."""
    if frame.schema[column] != pl.String:
        return pl.col(column).cast(pl.Int64, strict=False)
    text = pl.col(column).str.to_lowercase()
    return text.replace_strict(CHAIN_IDS, default=None, return_dtype=pl.Int64).fill_null(text.cast(pl.Int64, strict=False))


def _sift_all(kind: str, files: Sequence[File], chain: int, columns_of: Any) -> Sifted:
    sifted = [_sift_one(kind, file, frame, chain, columns_of) for one, file, frame in files if one == kind]
    return Sifted(
        pl.concat([TABLES[kind].empty(), *(one.rows for one in sifted)]),
        pl.concat([REJECTED.empty(), *(one.rejected for one in sifted)]),
    )


def _sift_one(kind: str, file: str, frame: pl.DataFrame, chain: int, columns_of: Any) -> Sifted:
    also = []
    if column := optional_column(frame, CHAIN):
        other = _chain_id(frame, column).ne_missing(chain)
        if frame.height and frame.select(other.all()).item():
            raise BadInput(
                f"{file} is of chain {frame[column][0]}, not {chain}; give files of one chain, or correct --chain-id.", field="chain_id"
            )
        also = [pl.when(other).then(pl.format("{} is {}, the recording is of chain {}", pl.lit(column), pl.col(column), pl.lit(chain)))]
    return sift(kind, frame, columns_of(frame, file), file, also)


def _log_columns(frame: pl.DataFrame, file: str) -> dict[str, Column]:
    def named(*names: str) -> str:
        return find_column(frame, names, file)

    if not any(column.startswith("topic") for column in frame.columns):
        named("topics", "topic0")
    if "__time" in frame.columns:
        when = Column(pl.col("__time"), pl.when(pl.col("__time").is_null()).then(pl.lit("block_timestamp is not in the blocks file")))
    else:
        when = moment(frame, named(*TIME), file)
    columns = {
        "block_number": integer(frame, named("block_number"), file),
        "block_timestamp": when,
        "transaction_hash": hexadecimal(frame, named(*HASH[:2]), file, 32),
        "transaction_index": integer(frame, named("transaction_index"), file),
        "log_index": integer(frame, named("log_index"), file),
        "address": hexadecimal(frame, named("address", "contract_address"), file, 20),
        **{f"topic{place}": topic(frame, place, file) for place in range(4)},
        "data": data(frame, named("data"), file),
    }
    if "block_hash" in frame.columns:
        columns["block_hash"] = hexadecimal(frame, "block_hash", file, 32, required=False)
    return columns


def _transaction_columns(frame: pl.DataFrame, file: str) -> dict[str, Column]:
    columns = {
        "hash": hexadecimal(frame, find_column(frame, HASH, file), file, 32),
        "block_number": integer(frame, find_column(frame, ("block_number",), file), file),
        "transaction_index": integer(frame, find_column(frame, ("transaction_index",), file), file),
        "from_address": hexadecimal(frame, find_column(frame, ("from_address", "tx_from", "from"), file), file, 20),
        "value": amount(frame, find_column(frame, ("value", "value_string", "value_str"), file), file),
    }
    optional = {
        "block_hash": (("block_hash",), lambda column: hexadecimal(frame, column, file, 32, required=False)),
        "to_address": (("to_address", "tx_to", "to"), lambda column: hexadecimal(frame, column, file, 20, required=False)),
        "nonce": (("nonce",), lambda column: integer(frame, column, file, required=False)),
        "gas_limit": (("gas_limit", "gas"), lambda column: integer(frame, column, file, required=False)),
        "gas_used": (("gas_used", "receipt_gas_used"), lambda column: integer(frame, column, file, required=False)),
        "effective_gas_price": (
            ("effective_gas_price", "receipt_effective_gas_price"),
            lambda column: amount(frame, column, file, required=False),
        ),
        "status": (("status", "receipt_status", "success"), lambda column: integer(frame, column, file, required=False)),
    }
    return columns | {field: read(column) for field, (names, read) in optional.items() if (column := optional_column(frame, names))}


def _header_columns(frame: pl.DataFrame, file: str) -> dict[str, Column]:
    columns = {
        "number": integer(frame, find_column(frame, ("number", "block_number"), file), file),
        "timestamp": moment(frame, find_column(frame, TIME[::-1], file), file),
        "is_canonical": Column(pl.lit(True), pl.lit(None, pl.String)),
    }
    optional = {
        "hash": (("hash", "block_hash"), lambda column: hexadecimal(frame, column, file, 32, required=False)),
        "parent_hash": (("parent_hash",), lambda column: hexadecimal(frame, column, file, 32, required=False)),
        "base_fee_per_gas": (("base_fee_per_gas",), lambda column: amount(frame, column, file, required=False)),
        "gas_used": (("gas_used",), lambda column: integer(frame, column, file, required=False)),
        "gas_limit": (("gas_limit",), lambda column: integer(frame, column, file, required=False)),
    }
    return columns | {field: read(column) for field, (names, read) in optional.items() if (column := optional_column(frame, names))}


def _with_times(frame: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    """Logs without a time of their own get the one of their block, when a blocks file was given."""
    if optional_column(frame, TIME) or not times.height or "block_number" not in frame.columns:
        return frame
    number = frame["block_number"].cast(pl.Int64, strict=False)
    return (
        frame.with_columns(number.alias("__number")).join(times, left_on="__number", right_on="block_number", how="left").drop("__number")
    )


def _with_block_hashes(logs: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """A log is in the block its transaction is in: the transactions' block hashes hold for the logs too."""
    known = transactions.select(transaction_hash="hash", block_number="block_number", __hash="block_hash").drop_nulls()
    known = known.unique(["transaction_hash", "block_number"], keep="none")
    joined = logs.join(known, on=["transaction_hash", "block_number"], how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("block_hash", "__hash").alias("block_hash")).drop("__hash")


def _blocks(headers: pl.DataFrame, logs: pl.DataFrame, transactions: pl.DataFrame, files: Sequence[File]) -> pl.DataFrame:
    """Every block that a file speaks of: headers where they were given, else what logs and transactions say of their block."""
    spoken = [logs.select(number="block_number", hash="block_hash", timestamp="block_timestamp")]
    for kind, file, frame in files:
        if kind == "transactions" and (column := optional_column(frame, TIME)):
            pairs = frame.select(
                number=integer(frame, find_column(frame, ("block_number",), file), file).value, timestamp=moment(frame, column, file).value
            )
            hashes = transactions.select(number="block_number", hash="block_hash").unique("number", keep="first", maintain_order=True)
            spoken.append(pairs.drop_nulls().join(hashes, on="number", how="inner").select("number", "hash", "timestamp"))
    gathered = (
        pl.concat(spoken)
        .group_by("number", maintain_order=True)
        .agg(pl.col("hash").drop_nulls().first(), pl.col("timestamp").min())
        .filter(~pl.col("number").is_in(headers["number"].implode()))
        .with_columns(is_canonical=pl.lit(True))
    )
    return pl.concat([headers, gathered], how="diagonal").select(TABLES["blocks"].schema.names())


def _prices(
    wanted: Mapping[str, Path], options: Sequence[Token], rows: pl.DataFrame, chain: int, window: tuple[Any, Any]
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Tokens and prices: every priced token is in the tokens table, stablecoins without a file are taken as one dollar."""
    catalogue = {**KNOWN_TOKENS.get(chain, {}), **{token.address: token for token in options}}
    priced = {token_called(symbol, catalogue).address: file for symbol, file in wanted.items()}
    frames = [read_candles(address, file, window) for address, file in priced.items()]
    dollars = [address for address in rows["address"] if address not in priced and address in catalogue and catalogue[address].is_dollar]
    if frames:
        frames.append(assumed_dollars(dollars, all_prices(frames)))
    extra = [catalogue[address] for address in priced if address not in set(rows["address"])]
    more = [
        {"address": one.address, "symbol": one.symbol, "name": one.name, "decimals": one.decimals, "reference_symbol": one.reference_symbol}
        for one in extra
    ]
    tokens = pl.concat([rows, pl.DataFrame(more, schema=TABLES["tokens"].schema)])
    assumptions = [f"1 {catalogue[address].symbol} is taken as 1 USD" for address in dollars] if frames else []
    return tokens, all_prices(frames), assumptions


def _span(numbers: pl.Series) -> tuple[int, int]:
    listed = numbers.sort()
    return int(listed[0]), int(listed[-1])


def _out_of_order(logs: pl.DataFrame) -> int:
    """How many logs come before one that is earlier on the chain; they are sorted when written."""
    key = pl.struct("block_number", "log_index")
    return int(logs.select((key.rank("dense").diff() < 0).sum()).item())


def _most_common_reason(sifted: Sifted) -> str:
    if not sifted.rejected.height:
        return "the files are empty"
    return "most often: " + str(sifted.rejected["reason"].mode().sort()[0])


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)
