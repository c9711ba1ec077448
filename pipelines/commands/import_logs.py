"""`grekko import-logs`: a recording from files of logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.problems import BadInput
from pipelines.commands.record import pairs


def import_logs(
    logs: Annotated[list[str], typer.Option(help="Parquet files of raw logs, or cryo's folder; commas or repeated.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    key: Annotated[list[Path] | None, typer.Option(help="Key file with a pool's state after one log; each with its --ticks.")] = None,
    ticks: Annotated[list[Path] | None, typer.Option(help="Ticks file of the key file in the same place.")] = None,
    prices: Annotated[list[str] | None, typer.Option(help="TOKEN=FILE of candles or prices in USD; repeat it.")] = None,
    token: Annotated[list[str] | None, typer.Option(help="ADDRESS=SYMBOL:DECIMALS of a token we do not know; repeat it.")] = None,
    transactions: Annotated[list[str] | None, typer.Option(help="Parquet files of transactions; commas or repeated.")] = None,
    blocks: Annotated[list[str] | None, typer.Option(help="Parquet files of blocks, for logs without a time (cryo's).")] = None,
    venue: Annotated[list[str] | None, typer.Option(help="POOL=VENUE where the topics fit several venues; repeat it.")] = None,
    chain_id: Annotated[int | None, typer.Option(min=1, help="The chain, when the files do not say it; 1 is Ethereum.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the recording; the folder's name by default.")] = None,
    description: Annotated[str, typer.Option(help="Where the files come from.")] = "",
) -> None:
    """Make a recording from files of raw logs, with or without transactions, pool states and prices.

    Rows that no table can hold are kept in rejected.parquet with the reason, and counted.
    """
    from executor.chain import importer
    from executor.chain.imported_pools import parse_token

    if len(key or []) != len(ticks or []):
        raise BadInput(
            f"There are {len(key or [])} --key and {len(ticks or [])} --ticks; give each key file its ticks file.", field="ticks"
        )
    made = importer.import_logs(
        paths(logs),
        out,
        keys=list(zip(key or [], ticks or [], strict=True)),
        prices={symbol: Path(file) for symbol, file in pairs(prices, "prices", "TOKEN=FILE").items()},
        tokens=[parse_token(one) for one in token or []],
        transactions=paths(transactions),
        blocks=paths(blocks),
        venues=pairs(venue, "venue", "POOL=VENUE"),
        chain_id=chain_id,
        name=name,
        description=description,
    )
    manifest = made.manifest
    rows = {file.removesuffix(".parquet"): facts["rows"] for file, facts in manifest["files"].items()}
    print(f"{out}: " + ", ".join(f"{rows[table]} {table}" for table in ("blocks", "logs", "transactions", "pools", "ticks", "prices")))
    for table in ("logs", "transactions"):
        if rejected := manifest["rows_rejected"][table]:
            print(f"  {rejected} of {manifest['rows_in'][table]} rows of {table} are in rejected.parquet, with the reason")
    if unknown := manifest["pools_without_snapshot"]:
        print(f"  {len(unknown)} pools have logs and no state: give them --key and --ticks to replay them")
    for assumption in manifest["assumptions"]:
        print(f"  assumed: {assumption}")


def paths(values: list[str] | None) -> list[Path]:
    """Files named one by one or separated by commas."""
    return [Path(one.strip()) for value in values or [] for one in value.split(",") if one.strip()]
