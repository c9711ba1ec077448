"""`grekko record`: a recording from a chain's node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.problems import BadInput


def record(
    rpc: Annotated[str, typer.Option(help="Address of the node, http:// or https://.", envvar="GREKKO_RPC", show_envvar=True)],
    pools: Annotated[str, typer.Option(help="Pool addresses, separated by commas.")],
    from_block: Annotated[int, typer.Option(min=0, help="First block; the pools' state is read just before it.")],
    to_block: Annotated[int, typer.Option(min=0, help="Last block.")],
    out: Annotated[Path, typer.Option(help="Folder to write; run again to resume an interrupted recording.")],
    venue: Annotated[list[str] | None, typer.Option(help="POOL=VENUE for a pool whose factory we do not know; repeat it.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the recording; the folder's name by default.")] = None,
    prices: Annotated[Path | None, typer.Option(help="Parquet of reference prices: token, timestamp, price_usd, source.")] = None,
    sender: Annotated[
        list[str] | None, typer.Option(help="Wallet of which to keep every transaction, also failed ones; repeat it.")
    ] = None,
    chain_id: Annotated[int | None, typer.Option(min=1, help="Refuse a node of any other chain.")] = None,
    blocks_at_once: Annotated[int, typer.Option(min=1, max=10_000, help="Blocks between two checkpoints.")] = 500,
) -> None:
    """Record pools from a node: headers, raw logs, transactions with gas, tokens, and the pools' state at the start.

    Asks in batches and waits when the node says so. Interrupted, even by kill -9, it goes on where it stopped.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from executor.chain import recorder
    from executor.chain.reference_prices import read_prices
    from executor.chain.rpc import Rpc

    venues = pairs(venue, "venue", "POOL=VENUE")
    price_rows = None if prices is None else read_prices(prices)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("blocks"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("asking the node", total=to_block - from_block + 1)

        def show(progress: recorder.Progress) -> None:
            reorgs = f", {progress.reorgs} reorgs" if progress.reorgs else ""
            bar.update(task, completed=progress.blocks_done, description=f"{progress.step} ({progress.logs} logs{reorgs})")

        def say_wait(seconds: float, reason: str) -> None:
            bar.console.print(f"waiting {seconds:.1f} s: {reason}", markup=False)

        with Rpc(rpc, on_wait=say_wait) as node:
            made = recorder.record(
                node,
                [one.strip() for one in pools.split(",") if one.strip()],
                from_block,
                to_block,
                out,
                name=name,
                venues=venues,
                prices=price_rows,
                senders=sender or (),
                expected_chain_id=chain_id,
                blocks_at_once=blocks_at_once,
                on_progress=show,
            )
    if made is not None:
        rows = {file.removesuffix(".parquet"): facts["rows"] for file, facts in made.manifest["files"].items()}
        print(f"{out}: " + ", ".join(f"{rows[table]} {table}" for table in ("blocks", "logs", "transactions", "pools", "ticks")))


def pairs(values: list[str] | None, option: str, shape: str) -> dict[str, str]:
    """KEY=VALUE options as a mapping; raises BadInput showing the shape."""
    found: dict[str, str] = {}
    for value in values or []:
        key, equals, rest = value.partition("=")
        if not (key and equals and rest):
            raise BadInput(f"--{option} {value!r} is not of the shape {shape}.", field=option)
        found[key] = rest
    return found
