"""Checks a recording against itself: every sentence here is true of a recording that can be built on.

Nothing is asked of the chain. Where the recording cannot tell (no headers in imported files), the finding says so and does not fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from domain.problems import BadInput
from executor.chain.layout import FORMAT, TABLES, conform
from executor.chain.recording import Recording, read_manifest, sha256_of

ADDRESS, HASH = "^0x[0-9a-f]{40}$", "^0x[0-9a-f]{64}$"


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about a recording: it holds, it does not, or (None) the recording cannot tell."""

    sentence: str
    holds: bool | None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a flat document."""
        return {"sentence": self.sentence, "holds": self.holds, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was checked."""

    path: Path
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures

    @property
    def failures(self) -> list[Finding]:
        """What does not hold."""
        return [finding for finding in self.findings if finding.holds is False]

    def to_json(self) -> dict[str, Any]:
        """As a document: `holds`, and one entry for each sentence."""
        return {"recording": str(self.path), "holds": self.holds, "findings": [finding.to_json() for finding in self.findings]}


def verify(path: Path | str) -> Verification:
    """Check the recording at `path`; raises BadInput when there is none."""
    path = Path(path)
    manifest = read_manifest(path)
    findings = [Finding(f"The format is {FORMAT}.", True), *_files(path, manifest)]
    if all(finding.holds for finding in findings):
        tables = {table: Recording(path, manifest).table(table) for table in TABLES}
        for check in CHECKS:
            findings += check(manifest, tables)
    return Verification(path, tuple(findings))


def _files(path: Path, manifest: dict[str, Any]) -> Iterator[Finding]:
    """Each file is there, has its hash, its rows and its columns."""
    recording = Recording(path, manifest)
    for table in TABLES:
        if f"{table}.parquet" not in manifest["files"]:
            yield Finding(f"{table}.parquet is in the manifest.", False, "the manifest does not name it")
    for file, promised in sorted(manifest["files"].items()):
        sentence = f"{file} is as the manifest says."
        if not (path / file).is_file():
            yield Finding(sentence, False, "the file is missing")
        elif (found := sha256_of(path / file)) != promised.get("sha256"):
            yield Finding(sentence, False, f"its sha256 is {found}, the manifest says {promised.get('sha256')}")
        else:
            try:
                table = file.removesuffix(".parquet")
                frame = recording.table(table)
                conform(table, frame, where=file)
            except BadInput as problem:
                yield Finding(sentence, False, problem.message)
            else:
                same = frame.height == promised.get("rows")
                detail = f"{frame.height} rows" if same else f"it has {frame.height} rows, the manifest says {promised.get('rows')}"
                yield Finding(sentence, same, detail)


Tables = dict[str, pl.DataFrame]


def _parent_chain(_: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    sentence = "Each canonical header names the one before it as its parent."
    headers = tables["blocks"].filter("is_canonical").sort("number")
    if headers["parent_hash"].null_count() or headers["hash"].null_count():
        yield Finding(sentence, None, "there are no headers, the parent chain cannot be checked")
        return
    pairs = headers.select("number", "hash", "parent_hash", before=pl.col("number").shift(), expected=pl.col("hash").shift())
    next_to = pairs.filter(pl.col("before") == pl.col("number") - 1)
    broken = next_to.filter(pl.col("parent_hash") != pl.col("expected"))
    yield _none(sentence, broken, "number", f"{next_to.height} links")


def _orphans(_: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    orphans = tables["blocks"].filter(~pl.col("is_canonical"))
    if orphans.height:
        known = tables["blocks"]["hash"].implode()
        loose = orphans.filter(~pl.col("parent_hash").is_in(known).fill_null(False))
        yield _none("Each orphaned header hangs on a header we hold.", loose, "number", f"{orphans.height} orphaned headers")


def _gaps(manifest: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    numbers = tables["blocks"].filter("is_canonical").select(pl.col("number").unique().sort())
    gaps = numbers.with_columns(missing=pl.col("number").diff() - 1).filter(pl.col("missing") > 0)
    if gaps.height and tables["blocks"]["parent_hash"].null_count() == 0:
        yield _none("No block is missing.", gaps, "number", "")
    elif gaps.height:
        yield Finding(
            "No block is missing.", None, f"{gaps['missing'].sum()} block numbers have no row: only blocks that the files speak of are here"
        )
    else:
        yield Finding("No block is missing.", True, f"{numbers.height} blocks")
    span = (numbers["number"].min(), numbers["number"].max()) if numbers.height else None
    promised = (manifest["first_block"], manifest["last_block"])
    yield Finding("The blocks are those of the manifest.", span == promised, f"{span} in the table, {promised} in the manifest")


def _logs_have_headers(_: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    for table, what in (("logs", "log"), ("transactions", "transaction")):
        rows, blocks = tables[table], tables["blocks"]
        without = rows.join(blocks.select("number").unique(), left_on="block_number", right_on="number", how="anti")
        yield _none(f"Each {what} is of a block we hold.", without, "block_number", f"{rows.height} rows")
        hashed = rows.filter(pl.col("block_hash").is_not_null())
        sentence = f"Each {what} names the hash of its block."
        if not hashed.height and rows.height:
            yield Finding(sentence, None, "the source knew no block hashes")
            continue
        known = blocks.select(block_number="number", block_hash="hash").drop_nulls()
        strangers = hashed.join(known, on=["block_number", "block_hash"], how="anti")
        if hashed.height < rows.height and not strangers.height:
            yield Finding(sentence, None, f"{rows.height - hashed.height} of {rows.height} rows have no block hash")
        else:
            yield _none(sentence, strangers, "block_number", f"{hashed.height} rows")
    times = tables["logs"].join(
        tables["blocks"].select(block_number="number", block_hash="hash", time="timestamp"),
        on=["block_number", "block_hash"],
        nulls_equal=True,
    )
    other = times.filter(pl.col("time") != pl.col("block_timestamp"))
    yield _none("Each log has the time of its block.", other, "block_number", f"{times.height} rows")


def _no_duplicates(_: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    keys = {
        "blocks": ["number", "hash"],
        "logs": ["block_number", "block_hash", "log_index"],
        "transactions": ["hash", "block_number", "block_hash"],
        "tokens": ["address"],
        "pools": ["pool"],
        "ticks": ["pool", "tick"],
        "prices": ["token", "timestamp"],
    }
    for table, key in keys.items():
        again = tables[table].filter(pl.struct(key).is_duplicated())
        yield _none(f"No row of {table} is there twice.", again, key[0], "")


def _order(_: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    for table, definition in TABLES.items():
        key = list(definition.order)
        same = tables[table].select(key).equals(tables[table].select(key).sort(key, maintain_order=True, nulls_last=True))
        yield Finding(f"The rows of {table} are in order.", same, "" if same else f"they are not sorted by {', '.join(key)}")


def _shapes(_: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    """Addresses and hashes are lowercase text of the right length."""
    columns = {
        "blocks": {"hash": HASH, "parent_hash": HASH},
        "logs": {"transaction_hash": HASH, "block_hash": HASH, "address": ADDRESS, **{f"topic{place}": HASH for place in range(4)}},
        "transactions": {"hash": HASH, "block_hash": HASH, "from_address": ADDRESS, "to_address": ADDRESS},
        "tokens": {"address": ADDRESS},
        "pools": {"pool": ADDRESS, "token0": ADDRESS, "token1": ADDRESS},
        "ticks": {"pool": ADDRESS},
        "prices": {"token": ADDRESS},
    }
    for table, patterns in columns.items():
        wrong = tables[table].filter(pl.any_horizontal(~pl.col(column).str.contains(pattern) for column, pattern in patterns.items()))
        yield _none(f"Addresses and hashes in {table} are lowercase 0x… text.", wrong, next(iter(patterns)), "")


def _days(manifest: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    days = (
        tables["blocks"].filter("is_canonical").select(first=pl.col("timestamp").min().dt.date(), last=pl.col("timestamp").max().dt.date())
    )
    found = tuple(str(day) for day in days.row(0))
    promised = (manifest["first_day"], manifest["last_day"])
    yield Finding(
        "The days are those of the manifest.",
        found == promised,
        f"{' to '.join(found)} in the table, {' to '.join(promised)} in the manifest",
    )
    chain = manifest["chain_id"]
    yield Finding("The chain id is a chain's.", chain > 0, f"chain {chain}")


def _pools_fit(manifest: dict[str, Any], tables: Tables) -> Iterator[Finding]:
    pools, ticks, tokens = tables["pools"], tables["ticks"], tables["tokens"]
    unnamed = pools.filter(~pl.col("pool").is_in(manifest["pools"]))
    yield _none("Each pool is named in the manifest.", unnamed, "pool", f"{pools.height} pools")
    sides = pl.concat([pools.select(token=side) for side in ("token0", "token1")]).drop_nulls()
    strangers = sides.join(tokens, left_on="token", right_on="address", how="anti")
    yield _none("Each token of a pool is in the tokens table.", strangers, "token", f"{tokens.height} tokens")
    lost = ticks.join(pools.filter("has_state"), on="pool", how="anti")
    yield _none("Each tick is of a pool with a state.", lost, "pool", f"{ticks.height} ticks")
    needed = {"concentrated": ("sqrt_price_x96", "tick", "liquidity", "tick_spacing"), "constant_product": ("reserve0", "reserve1")}
    halves = [
        pools.filter("has_state", pl.col("protocol") == protocol).filter(pl.any_horizontal(pl.col(column).is_null() for column in columns))
        for protocol, columns in needed.items()
    ]
    yield _none("Each state is complete.", pl.concat(halves), "pool", f"{pools['has_state'].sum()} states")


CHECKS: tuple[Callable[[dict[str, Any], Tables], Iterator[Finding]], ...] = (
    _parent_chain,
    _orphans,
    _gaps,
    _logs_have_headers,
    _no_duplicates,
    _order,
    _shapes,
    _days,
    _pools_fit,
)


def _none(sentence: str, wrong: pl.DataFrame, column: str, detail: str) -> Finding:
    """The sentence holds when no row is wrong; else the detail counts them and shows the first."""
    if not wrong.height:
        return Finding(sentence, True, detail)
    return Finding(sentence, False, f"{wrong.height} rows do not, the first at {column} = {wrong[column][0]}")
