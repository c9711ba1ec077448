"""A live desk on the local chain: its file, signed by the trader's key, and the service with everything that follows the chain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from executor.api import Role, create_app
from executor.assembly import on_chain
from executor.chain.local.anvil import CHAIN_ID, MNEMONIC
from executor.chain.local.world import SETUP_BASE_FEE
from executor.desk_file import load_desk_file
from executor.desk_signature import check_signature, sign_desk_file
from executor.ledger import LedgerStore, Trade
from executor.modes import open_signer, take_position
from executor.ports import SystemClock
from executor.service import ExecutorService
from tests.executor.api.asking import TOKENS, talking_to
from tests.executor.local_market import DOLLARS, Market

VARIABLE = "GREKKO_TEST_KEY"
FINALITY = 3
PATIENCE_SECONDS = 20.0


class ChainTime(SystemClock):
    """The time of the local chain, which is of another day: that of its newest block, and what passed since it was mined."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._told = market.world.timestamp
        self._since = time.monotonic()

    def now(self) -> datetime:
        if self._market.world.timestamp != self._told:
            self._told, self._since = self._market.world.timestamp, time.monotonic()
        return datetime.fromtimestamp(self._told + time.monotonic() - self._since, UTC)


def key_of_the_trader() -> str:
    """The third key of the phrase that every development node knows."""
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(MNEMONIC, account_path="m/44'/60'/0'/0/2").key.hex()


@dataclass
class Trading:
    """A running service, and the chain under it."""

    market: Market
    service: ExecutorService
    client: httpx.AsyncClient
    ledger_file: Path

    def mine(self, blocks: int = 1) -> None:
        """New blocks with whatever waits."""
        for _ in range(blocks):
            self.market.world.timestamp += 12
            self.market.world.node.mine(timestamp=self.market.world.timestamp, base_fee=SETUP_BASE_FEE)

    async def order(self, sell: str, buy: str, amount: int, order_id: str, **more: Any) -> httpx.Response:
        """Send an order in the tokens' symbols."""
        body = {"sell": sell, "buy": buy, "amount_in": str(amount), "client_order_id": order_id, "slippage_bps": 50, **more}
        return await self.client.post("/orders", json=body)

    async def life(self, order_id: str) -> dict[str, Any]:
        """The order and its entries."""
        return (await self.client.get(f"/orders/{order_id}")).json()

    async def until(self, order_id: str, *states: str) -> dict[str, Any]:
        """The order, once it is in one of these states."""
        return await eventually(lambda: self._in_state(order_id, states), f"{order_id} in {states}")

    async def _in_state(self, order_id: str, states: Sequence[str]) -> dict[str, Any] | None:
        order = (await self.life(order_id))["order"]
        return order if order["state"] in states else None

    async def trades(self, order_id: str, count: int, view: Any = "instant") -> list[Trade]:
        """The ledger's rows of an order, once there are so many."""
        ledger = LedgerStore(self.ledger_file, CHAIN_ID)
        try:

            async def found() -> list[Trade] | None:
                rows = [trade for trade in ledger.trades(view) if trade.order_id == order_id]
                return rows if len(rows) == count else None

            return await eventually(found, f"{count} rows of {order_id} in the {view} view")
        finally:
            ledger.close()

    async def metrics(self) -> str:
        return (await self.client.get("/metrics")).text


async def eventually(look: Callable[[], Any], what: str) -> Any:
    """What a look finds, once it finds something."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if (found := await look()) is not None:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}")


def write_desk(market: Market, folder: Path, pool_ids: Sequence[int], mode: str = "live", per_order: int = 50_000) -> Path:
    """A desk file over some pools of the market; live ones are signed."""
    world = market.world
    place = folder / "desk.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    tokens = "".join(
        f'  - {{address: "{token.address}", symbol: {name}, decimals: {token.decimals}}}\n' for name, token in world.tokens.items()
    )
    venues = "".join(
        f"  {name}:\n"
        + "".join(
            f'    {part}: "{value}"\n'
            for part in ("factory", "router", "init_code_hash", "pool_deployer")
            if (value := getattr(deployment, part))
        )
        for name, deployment in world.deployments.items()
    )
    pools = "".join(f'  - {{address: "{market.pools[one].address}", venue: {market.pools[one].venue}}}\n' for one in pool_ids)
    place.write_text(
        f"mode: {mode}\nchain_id: {CHAIN_ID}\nnode:\n  http: {world.node.url}\n  ws: {world.node.url.replace('http', 'ws')}\n"
        f'finality: "{FINALITY}"\nsplit_router: "{world.addresses["SplitRouter"]}"\ntokens:\n{tokens}venues:\n{venues}pools:\n{pools}'
        "dollars: [USDC, DAI]\nwrapped_native: WETH\n"
        "gas:\n  budgets: {'*': 0.2 ETH}\n  max_cost: 0.2 ETH\nkey: {environment: " + VARIABLE + "}\n"
        f"limits:\n  max_notional_per_order_usd: {per_order}\n  max_notional_per_day_usd: 1000000\n  max_loss_per_day_usd: 10000\n"
        "  max_rejects: 100\n"
    )
    if mode == "live":
        sign(place)
    return place


def sign(place: Path) -> None:
    """Sign a desk file with the trader's key."""
    desk = load_desk_file(place)
    sign_desk_file(place.read_bytes(), place, CHAIN_ID, open_signer(desk, {VARIABLE: key_of_the_trader()}, None))


@asynccontextmanager
async def trading(market: Market, place: Path) -> AsyncIterator[Trading]:
    """The service of a desk file, started, ready, and stopped in the end."""
    desk = load_desk_file(place)
    standing = take_position(desk, {VARIABLE: key_of_the_trader()}, live=desk.mode == "live")
    signer = standing.signer

    def approve(content: bytes) -> None:
        assert signer is not None
        check_signature(content, place, CHAIN_ID, signer.address)

    service = on_chain(desk, place.parent / "home", signer=signer, approve=approve if signer else None, clock=ChainTime(market))
    app = create_app(service, TOKENS, looks=False)
    async with service.running(), talking_to(app, Role.ADMIN) as client:
        opened = Trading(market, service, client, desk.ledger / "ledger.sqlite")

        async def is_ready() -> bool | None:
            return True if (await client.get("/ready")).status_code == 200 else None

        try:
            await eventually(is_ready, "ready")
        except AssertionError as error:
            raise AssertionError((await client.get("/ready")).text) from error
        yield opened


def usd(market: Market, symbol: str, dollars: float) -> int:
    """So many dollars of a token, base units."""
    return int(dollars / DOLLARS[symbol] * market.world.tokens[symbol].unit)
