"""What the tables came to, told to a person: rows, exactness, P&L, the verdict, and one simulated swap leg by leg."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import polars as pl
from deltalake import DeltaTable
from rich.console import Console
from rich.table import Table as Grid

from assets.chain import event_proofs, pools, quarantine
from assets.learning import promoted_model
from assets.profit import profit_center_summary
from assets.service.analyst import Analyst
from assets.warehouse import Warehouse
from domain.problems import Unavailable
from executor.handover import Handover, load_handover
from executor.planning import Intent
from executor.routing.pool_book import Token
from executor.simulation import simulate_swap
from pipelines.build import GROUPS, assets_of_every_group
from pipelines.home import Home

# Large enough to move a pool, so that the choice of how to execute shows.
SHOWN_USD = 20_000


def tell(home: Home, out: Console) -> None:
    """Prints the summary of what lies in the home."""
    warehouse = Warehouse(lake=str(home.lake))
    _rows(home, out)
    _exactness(warehouse, out)
    _profit(warehouse, out)
    _verdict(warehouse, out)
    show_swap(home, out)


def _rows(home: Home, out: Console) -> None:
    grid = _grid("Rows", "group", "tables", "rows")
    published = _published_rows(home)
    for group in GROUPS:
        names = sorted(
            key.to_user_string() for asset in assets_of_every_group() for key in asset.keys if asset.group_names_by_key[key] == group
        )
        rows = [(name, published[name] if name in published else _lake_rows(home, name)) for name in names]
        told = [(name, count) for name, count in rows if count is not None]
        grid.add_row(group, ", ".join(f"{name} {count:,}" for name, count in told), f"{sum(count for _, count in told):,}")
    out.print(grid)


def _published_rows(home: Home) -> dict[str, int]:
    """Rows of each mart, counted in the snapshot that analysts open."""
    with Analyst(home=str(home.root)).open(home.analyst) as snapshot:
        marts = [name for (name,) in snapshot.execute("select table_name from duckdb_tables() where table_name like 'mart_%'").fetchall()]
        return {name: snapshot.execute(f'select count(*) from "{name}"').fetchall()[0][0] for name in marts}


def _lake_rows(home: Home, name: str) -> int | None:
    """Rows of a table in the lake; None for an asset that is no table there."""
    place = str(home.lake / name)
    return int(pl.scan_delta(place).select(pl.len()).collect().item()) if DeltaTable.is_deltatable(place) else None


def _exactness(warehouse: Warehouse, out: Console) -> None:
    proofs = warehouse.read(event_proofs.TABLE)
    counted = proofs.group_by("venue", "kind").agg(
        exact=(pl.col("verdict") == "exact").sum(), inexact=(pl.col("verdict") == "inexact").sum(), all=pl.len()
    )
    grid = _grid("Exactness: events re-derived to the wei from the pool's previous state", "venue", "event", "exact", "inexact", "seen")
    for row in counted.sort("venue", "kind").iter_rows(named=True):
        grid.add_row(row["venue"], row["kind"], f"{row['exact']:,}", f"{row['inexact']:,}", f"{row['all']:,}")
    out.print(grid)
    aside = warehouse.read(quarantine.TABLE).group_by("reason").len().sort("reason")
    told = ", ".join(f"{count} {reason}" for reason, count in aside.iter_rows()) or "nothing"
    out.print(f"Set aside with a reason: {told}. Pools: {warehouse.read(pools.TABLE).height}.\n")


def _profit(warehouse: Warehouse, out: Console) -> None:
    grid = _grid("P&L per profit centre, dollars", "centre", "trades", "realised", "unrealised", "gas", "net", "Sharpe (95 %)")
    for row in warehouse.read(profit_center_summary.TABLE).sort("net_pnl_usd", descending=True).iter_rows(named=True):
        sharpe = (
            "–" if row["sharpe_365"] is None else f"{row['sharpe_365']:.1f} ({row['sharpe_365_low']:.1f} … {row['sharpe_365_high']:.1f})"
        )
        dollars = [f"{row[name]:,.2f}" for name in ("realised_pnl_usd", "unrealised_pnl_usd", "gas_usd", "net_pnl_usd")]
        grid.add_row(row["center"], f"{row['trades']:,}", *dollars, sharpe)
    out.print(grid)


def _verdict(warehouse: Warehouse, out: Console) -> None:
    told = warehouse.read(promoted_model.TABLE).row(0, named=True)
    out.print(f"\n[bold]Verdict: {told['verdict']}[/]. {told['reason']}")
    out.print(
        f"Evidence: e-value {told['e_value']:.4g} (promotes at {told['bar']:.4g}), lift {told['lift']:+.1%}, "
        f"{told['blocks']} blocks of {told['block_hours']} h, {told['orders']:,} orders answered by both."
    )
    out.print(f"In charge: {told['policy']} v{told['version']}, bundle {told['bundle_sha256']}\n")


def show_swap(home: Home, out: Console) -> None:
    """An order of about twenty thousand dollars, asked of what the executor was handed."""
    try:
        handover = load_handover(home.executor)
    except Unavailable:
        out.print("No swap to show: no pool of this recording is known with all its ticks and tokens, so the executor was handed none.")
        return
    sold, bought = _busiest_pair(handover)
    price = handover.history.prices[sold.address].values[-1]
    done = simulate_swap(handover, Intent(sold, bought, int(SHOWN_USD / price * 10**sold.decimals)))
    grid = _grid("A simulated swap, leg by leg (nothing is sent)", "leg", "venue", "pool", "sell", "buy", "price move")
    for leg in done["legs"]:
        sell, buy = handover.book.token(leg["sell"]), handover.book.token(leg["buy"])
        grid.add_row(
            str(leg["leg"] + 1),
            leg["venue"],
            leg["pool"],
            _whole(leg["amount_in"], sell),
            _whole(leg["amount_out"], buy),
            f"{leg['price_move_bps']:.1f} bps",
        )
    out.print(grid)
    out.print(f"{_whole(done['amount_in'], sold)} → {_whole(done['amount_out'], bought)}, costing {done['cost_bps']:.1f} bps with gas.")
    out.print(f"How: {done['decision']['action']}. {done['decision']['why']}")


def _busiest_pair(handover: Handover) -> tuple[Token, Token]:
    """The two priced tokens that most pools trade against each other, dearest first."""
    priced = [booked for booked in handover.book if {booked.token0.address, booked.token1.address} <= handover.history.prices.keys()]
    (first, second), _ = Counter((booked.token0, booked.token1) for booked in priced).most_common(1)[0]
    price = {token: handover.history.prices[token.address].values[-1] for token in (first, second)}
    return (first, second) if price[first] >= price[second] else (second, first)


def _whole(base_units: str, token: Token) -> str:
    return f"{Decimal(base_units).scaleb(-token.decimals).normalize():f} {token.symbol}"


def _grid(title: str, *columns: str) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold", header_style="dim", expand=False)
    for number, name in enumerate(columns):
        grid.add_column(name, justify="left" if number < 1 or name in ("tables", "event", "venue", "pool") else "right", overflow="fold")
    return grid
