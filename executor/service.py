"""The executor as a service: quotes, routes, simulated swaps and orders, over the hand-over in force and the engine that was assembled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.market import MarketHistory, microseconds
from domain.problems import BadInput, Problem, Unavailable, UnknownOrder
from executor.activation import Activation, Deployment, Operation, Wish
from executor.agents.negotiations import Negotiations
from executor.compliance.in_force import InForce
from executor.compliance.report_shelf import ReportShelf
from executor.compliance.swap_rules import SwapRules
from executor.decisions import Decisions
from executor.engine import RunningExecutor
from executor.journal import Sealed
from executor.order_decisions import OrderDecisions
from executor.orders import Entry, Mode, Order, OrderRequest, State
from executor.planner import Floor, Planned, SplitPlanner
from executor.planning import pool_mid
from executor.ports import Chance, Clock, SystemClock, system_chance
from executor.routing.pool_book import PoolBook
from executor.simulated_swaps import SimulatedSwaps, asked_for
from executor.simulation import SLIPPAGE_BPS, Priced, intent_of, quote
from executor.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class OnChain:
    """The pools of a chain as they stand, and the market that is known."""

    chain_id: int
    as_of: datetime
    book: PoolBook
    history: MarketHistory


class ExecutorService:
    """Everything the API offers. Without an engine it quotes and simulates, and takes no orders."""

    def __init__(
        self,
        folder: Path,
        *,
        engine: RunningExecutor | None = None,
        activation: Activation | None = None,
        negotiations: Negotiations | None = None,
        rules: InForce | None = None,
        telemetry: Telemetry | None = None,
        clock: Clock | None = None,
        chance: Chance | None = None,
    ) -> None:
        self.negotiations = negotiations or Negotiations(folder)
        self.telemetry = telemetry or Telemetry()
        self.clock = clock or SystemClock()
        self.activation = activation or Activation(folder, clock=self.clock)
        self.activation.tells(self.telemetry)
        self.decisions = Decisions(self.activation, self.clock)
        self._beside_orders = OrderDecisions(self.activation, self.decisions, self._priced, self.clock)
        self.started = self.clock.monotonic()
        self._engine = engine
        self.rules = rules
        # Reports are written into the home that the executor's folder is in.
        self.reports = ReportShelf(folder.parent / "compliance" / "reports")
        self._chance = chance or system_chance()
        self._swaps = SimulatedSwaps(self.activation, self.decisions, self.clock, self._chance)
        self._swap_rules = SwapRules(rules, self.activation)
        self._at_work: set[asyncio.Task[Any]] = set()
        self.refresh()

    # --- the hand-over in force

    def refresh(self) -> bool:
        """Takes a newer hand-over into force when one lies there and passes; True when it did."""
        changed = self.activation.refresh()
        self.telemetry.refusals.set(self.activation.refusals)
        return changed

    # --- models

    async def activate(self, wish: Wish, *, key: str | None = None, if_generation: int | None = None) -> tuple[Operation, bool]:
        """The operation that carries the wish out, and whether it is new; it goes on in the background.

        Raises what `Activation.ask` does.
        """
        try:
            operation, is_new = await asyncio.to_thread(self.activation.ask, wish, key=key, if_generation=if_generation)
        except Problem as problem:
            self.telemetry.activation_refusals.labels(type(problem).__name__).inc()
            raise
        if is_new:
            self._go_on(self.activation.carry_out(operation))
        return operation, is_new

    def operation(self, operation_id: str) -> Operation:
        """How far an activation has come. Raises UnknownModel."""
        return self.activation.operations.get(operation_id)

    def models(self) -> dict[str, Any]:
        """The models in force. Raises Unavailable when there are none."""
        return self.activation.document()

    def rollback(self, reason: str = "asked for") -> Deployment:
        """Back to the models before. Raises ActivationConflict when there are none, Unavailable when nothing is in force."""
        return self.activation.rollback(reason)

    # --- prices

    def quote(self, sell: str, buy: str, amount_in: int) -> dict[str, Any]:
        """What can be had now: on the mirrored pools where there is a chain, else on the hand-over's."""
        return quote(self._priced(), intent_of(self._book, sell, buy, amount_in))

    def route(
        self, sell: str, buy: str, amount_in: int, gas_per_leg: int | None = None, max_legs: int | None = None, max_hops: int | None = None
    ) -> dict[str, Any]:
        """The best split, leg by leg, with its certificate. Raises NoRoute, UnknownToken, Unavailable."""
        intent = intent_of(self._book, sell, buy, amount_in)
        sold, bought = intent.token_in, intent.token_out
        planned = self._planner.route(
            sold.address, bought.address, amount_in, gas_per_leg=gas_per_leg, max_legs=max_legs, max_hops=max_hops
        )
        return _route_document(planned, {"token": sold.address, "symbol": sold.symbol}, {"token": bought.address, "symbol": bought.symbol})

    def swap(
        self,
        sell: str,
        buy: str,
        amount_in: int,
        slippage_bps: int = SLIPPAGE_BPS,
        may_wait: bool = True,
        client_order_id: str | None = None,
    ) -> dict[str, Any]:
        """A simulated swap. The same client order id and order get the same answer again, whatever model decides by now.

        An order without an id is decided as one that nobody else has, and nothing of it is kept.
        Raises OrderConflict when the id was used for another order.
        """
        return self._swaps.swap_now(asked_for(sell, buy, amount_in, slippage_bps, may_wait), client_order_id)

    async def swap_durably(
        self,
        sell: str,
        buy: str,
        amount_in: int,
        slippage_bps: int,
        may_wait: bool,
        client_order_id: str | None,
        client_id: str | None = None,
    ) -> dict[str, Any]:
        """The same, sharing the wait for the disk with others who ask meanwhile.

        For a client the rules of its jurisdictions are asked, without one the lists alone. Raises GuardRefused.
        """
        request = OrderRequest(client_order_id or "swap", sell, buy, amount_in, slippage_bps, client_id=client_id)
        if self.rules is not None or client_id is not None:
            intent = intent_of(self.activation.current.book, sell, buy, amount_in)
            request = replace(request, sell=intent.token_in.address, buy=intent.token_out.address)
        self._swap_rules.check(request, self.clock.now())
        answer = await self._swaps.swap(asked_for(sell, buy, amount_in, slippage_bps, may_wait, client_id), client_order_id)
        self._swap_rules.check_legs(request, answer, self.clock.now())
        return answer

    def pools(self) -> dict[str, Any]:
        """Every pool of the book, with its price at the margin."""
        floor = self._planner.floor()
        rows = []
        for booked in floor.book:
            scale = 10.0 ** (booked.token0.decimals - booked.token1.decimals)
            rows.append(
                {
                    "pool_id": booked.pool_id,
                    "pool": booked.address,
                    "venue": booked.venue or booked.protocol,
                    "token0": booked.token0.symbol,
                    "token1": booked.token1.symbol,
                    "fee_pips": booked.pool.fee_pips,
                    "price": pool_mid(booked.pool) * scale,
                }
            )
        return {"chain_id": floor.chain_id, "as_of": floor.as_of.isoformat(), "pools": rows}

    # --- orders

    async def submit(
        self,
        sell: str,
        buy: str,
        amount_in: int,
        *,
        slippage_bps: int = SLIPPAGE_BPS,
        min_amount_out: int | None = None,
        valid_for_seconds: int = 120,
        client_order_id: str | None = None,
        client_id: str | None = None,
    ) -> tuple[Order, bool]:
        """The order as far as it came, and whether it is new. Without an id it gets one that nobody else has.

        `client_id` says for whom; without one it is for the firm's own account.

        Raises UnknownToken, BadInput, OrderConflict, and Unavailable when orders are not taken at the moment.
        """
        engine = self._trading()
        desk, records = engine.desk, engine.records
        order_id = client_order_id or f"grekko-{self._chance.getrandbits(96):024x}"
        known = records.orders.get(order_id)
        if known is None:
            # Before it is begun it can simply be sent again later; once begun it would be refused for good.
            if reasons := engine.reasons():
                raise Unavailable(f"Orders are not taken at the moment. {reasons[0]}", reasons=reasons)
            intent = intent_of(self._book, sell, buy, amount_in)
            sold, bought = intent.token_in.address, intent.token_out.address
        else:
            # Its tokens may have left the book since; by address or by the name they still go by, it is the same order.
            sold, bought = (self._address(name, then) for name, then in ((sell, known.request.sell), (buy, known.request.buy)))
        request = OrderRequest(order_id, sold, bought, amount_in, slippage_bps, min_amount_out, valid_for_seconds, client_id)
        self.telemetry.begun(order_id, self.clock.monotonic())
        order = await desk.submit(request)
        if known is None:
            self._go_on(self._beside_orders.record(order, intent_of(self._book, sold, bought, amount_in)))
        return order, known is None

    async def cancel(self, order_id: str) -> Order:
        """The order after it was given up, as far as that goes. Raises UnknownOrder, Unavailable."""
        return await self._trading().desk.cancel(order_id)

    def life(self, order_id: str) -> tuple[Order, Sequence[Sealed]]:
        """The order and every line of the journal about it. Raises UnknownOrder, Unavailable."""
        records = self._trading().records
        order = records.orders.get(order_id)
        if order is None:
            raise UnknownOrder(f"There is no order {order_id}; GET /orders lists them.", client_order_id=order_id)
        return order, records.entries(order_id)

    def orders_page(self, state: State | None, limit: int, after: str | None) -> tuple[list[Order], str | None]:
        """Orders in that state, the newest first, behind the one called `after`; and what to ask for next, None at the end.

        Raises UnknownOrder when there is no order `after`, Unavailable.
        """
        orders = self._trading().records.orders
        ids = list(orders)[::-1]
        if after is not None:
            if after not in orders:
                raise UnknownOrder(f"There is no order {after} to go on behind; begin without `after`.", client_order_id=after)
            ids = ids[ids.index(after) + 1 :]
        found: list[Order] = []
        for order_id in ids:
            order = orders[order_id]
            if state is not None and order.state is not state:
                continue
            if len(found) == limit:
                return found, found[-1].order_id
            found.append(order)
        return found, None

    def symbol_of(self, token: str) -> str | None:
        """What the token at this address calls itself, where the book knows it."""
        try:
            return self._book.token(token).symbol
        except Problem:
            return None

    # --- advice

    async def negotiate(
        self, trade_id: str, base: str, quote: str, amount_in: int = 0, actions: tuple[str, ...] = ("HOLD", "BUY", "SELL")
    ) -> tuple[dict[str, Any], bool]:
        """What the agents advise, with its record, and whether they were asked anew. Nothing of it sends anything.

        In the mode simulate the question is about the moment of the hand-over. Raises UnknownToken, BadInput, and what
        `Negotiations.ask_once` does.
        """
        from executor.agents.terms import Question

        as_of_ns = microseconds(self.activation.current.as_of) * 1_000 if self.mode == "simulate" else None
        base, quote = self._symbol(base), self._symbol(quote)
        if base == quote:
            raise BadInput(f"base and quote are both {base}; give two tokens.", field="quote")
        return await self.negotiations.ask_once(Question(trade_id, base, quote, amount_in, actions, as_of_ns))

    async def settle(self, trade_id: str, **told: Any) -> tuple[dict[str, Any], bool]:
        """The negotiation with its agents credited by the outcome (see `Outcome`), and whether that is new.

        Raises BadInput, and what `Negotiations.settle` does.
        """
        from executor.agents.settlement import Outcome

        return await self.negotiations.settle(trade_id, Outcome(**told))

    # --- state and brakes

    @property
    def mode(self) -> Mode:
        """What an order may do here."""
        return self._engine.mode if self._engine else "simulate"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts the engine, and stops it in order whatever happens."""
        loop = asyncio.get_running_loop()

        # A change of model comes from whatever thread verified it; the journal belongs to this one.
        def heard(entry: Entry) -> None:
            loop.call_soon_threadsafe(self._note, entry)

        self.activation.heard = heard
        try:
            if self._engine is not None:
                self._engine.heard = self._beside_orders.heard
                await self._engine.start()
            async with self.negotiations.running():
                yield
        finally:
            self.activation.heard = lambda entry: None
            while self._at_work:
                await asyncio.wait(self._at_work)
            await self.decisions.close()
            if self._engine is not None:
                await self._engine.stop()

    def _note(self, entry: Entry) -> None:
        """A change of model, into the journal of orders too: it stands there between the orders that it divides."""
        if self._engine is not None:
            self._go_on(self._engine.note(entry))

    def _go_on(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    def close(self) -> None:
        """Lets go of the log of decisions, so that another executor may own it. Nothing is decided any more."""
        self.activation.log.close()

    def health(self) -> dict[str, Any]:
        """Whether decisions can be made, with which model, and why not. Never raises."""
        told: dict[str, Any] = {"mode": self.mode, "uptime_seconds": round(self.clock.monotonic() - self.started, 3)}
        refusal = self.activation.last_refusal
        told["last_refusal"] = refusal.to_json() if refusal else None
        told["decisions_are_durable"] = self.activation.log.is_durable
        told["notes"] = list(self.activation.notes)
        told["jurisdictions"] = self.rules.to_json() if self.rules else None
        try:
            snapshot = self.activation.snapshot
        except Problem as problem:
            # Where there is a chain, orders need no hand-over: only the simulated swap does.
            return {**told, "status": "unavailable" if self.mode == "simulate" else "ok", "reason": problem.message}
        champion = snapshot.deployment.champion
        return {
            **told,
            "status": "ok",
            "model_version": champion.version,
            "policy": champion.bundle.policy,
            "bundle_sha256": champion.called.bundle,
            "generation": snapshot.deployment.generation,
            "handover_generation": snapshot.handover.generation,
            "pools": len(snapshot.handover.book),
            "as_of": snapshot.handover.as_of.isoformat(),
        }

    def reasons(self) -> list[str]:
        """Why orders are not taken; empty when they are. Never raises."""
        return self._engine.reasons() if self._engine else ["This service only quotes; start it with `grekko serve` to send orders."]

    def venues(self) -> dict[str, Any]:
        """Every venue, its pools, and whether it is traded on."""
        return self._trading().venues()

    def metrics(self) -> bytes:
        """The page Prometheus reads."""
        if self._engine is not None:
            self._engine.measure()
        return self.telemetry.text()

    def killed(self) -> dict[str, Any]:
        """The kill switch."""
        return self._trading().killed()

    def trip(self, reason: str) -> dict[str, Any]:
        """Stops everything new. Returns the switch as it is then."""
        return self._trading().trip(reason)

    def release(self, code: str, reason: str) -> dict[str, Any]:
        """Lets go of the stop of this code. Raises BadInput when it is another one's. Returns the switch as it is then."""
        return self._trading().release(code, reason)

    def reload_limits(self) -> dict[str, Any]:
        """Loads the limits file again; raises BadInput when it does not pass, and keeps those in force."""
        return self._trading().reload_limits()

    # --- where things come from

    def _trading(self) -> RunningExecutor:
        if self._engine is None:
            raise Unavailable("This service only quotes; start it with `grekko serve` to send orders.")
        return self._engine

    @property
    def _planner(self) -> SplitPlanner:
        return self._engine.planner if self._engine else SplitPlanner(self._handed_over, lambda floor, token: 0)

    @property
    def _book(self) -> PoolBook:
        return self._planner.floor().book

    def _handed_over(self) -> Floor:
        return handed_over(self.activation)

    def _priced(self) -> Priced:
        """The hand-over; where there is a chain the pools as they stand now, with the market of the hand-over as far as it goes."""
        if self.mode == "simulate":
            return self.activation.current
        floor = self._planner.floor()
        try:
            history = self.activation.current.history
        except Problem:
            history = MarketHistory({})  # then the pools themselves say what a fair rate is
        return OnChain(floor.chain_id, floor.as_of, floor.book, history)

    def _symbol(self, name: str) -> str:
        """What agents call a token: its symbol, its address where several share that. Raises UnknownToken, BadInput."""
        token = self._book.token(name)
        is_shared = sum(one.symbol.lower() == token.symbol.lower() for one in self._book.tokens) > 1
        return token.address if is_shared else token.symbol

    def _address(self, name: str, then: str) -> str:
        """The address that a name means; where the book does not know it any more, the one it meant then if it is that one."""
        try:
            return self._book.token(name).address
        except Problem:
            return then if name.lower() == then else name.lower()


def handed_over(activation: Activation) -> Floor:
    """The pools of the hand-over in force. Raises Unavailable when there is none."""
    snapshot = activation.current
    return Floor(snapshot.chain_id, snapshot.book, snapshot.as_of)


def _route_document(planned: Planned, sell: dict[str, str], buy: dict[str, str]) -> dict[str, Any]:
    floor, route = planned.floor, planned.route
    amounts = ("share_x64", "amount_in", "amount_out")
    return {
        "chain_id": floor.chain_id,
        "as_of": floor.as_of.isoformat(),
        "block_number": floor.block_number or None,
        "block_hash": floor.block_hash or None,
        "sell": sell,
        "buy": buy,
        "amount_in": str(route.amount_in),
        "amount_out": str(route.amount_out),
        "gas_per_leg": str(planned.gas_per_leg),
        "upper_bound": str(int(route.upper_bound)),
        "certificate_bps": route.certificate_bps,
        "legs": [{key: str(value) if key in amounts else value for key, value in asdict(leg).items()} for leg in planned.legs],
    }
