"""Did the rehearsed call do what was asked? Balances before and after tell; what a router or a log says is not believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.problems import InsufficientAllowance, InsufficientBalance, WouldMissOrder, WouldRevert
from executor.orders import OrderRequest, Routed
from executor.safety.call_bundle import Answered
from executor.safety.reverts import explain


@dataclass(frozen=True, slots=True)
class Change:
    """A balance before and after the call, in base units."""

    before: int
    after: int

    @property
    def gained(self) -> int:
        """How much more there is after the call."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Scene:
    """The rehearsed call, and what it moved: of the account, and of the pools that are paid first and pay last."""

    swap: Answered
    account: str
    allowed: int
    sold: Change
    bought: Change
    paid_pools: Sequence[Change]
    paying_pools: Sequence[Change]


def check_plan(request: OrderRequest, routed: Routed) -> None:
    """Raises WouldMissOrder for a plan that does not hold on to what was asked, before anything is run."""
    least = max(1, request.min_amount_out or 0)
    if routed.min_amount_out < least:
        raise WouldMissOrder(
            f"The plan accepts {routed.min_amount_out} base units of {request.buy} and the order {least} at least; plan it again.",
            rule="no_minimum",
            min_amount_out=routed.min_amount_out,
        )
    if routed.amount_in != request.amount_in:
        raise WouldMissOrder(
            f"The plan sells {routed.amount_in} base units and the order {request.amount_in}; plan it again.",
            rule="wrong_amount",
            planned=routed.amount_in,
            asked=request.amount_in,
        )
    # Not a proof, but a call that enforces a minimum has it among its arguments.
    if f"{routed.min_amount_out:064x}" not in routed.call_data.lower():
        raise WouldMissOrder("The call does not hold the plan's minimum output, so the chain would not enforce it.", rule="no_minimum")


def judge(request: OrderRequest, routed: Routed, scene: Scene) -> tuple[int, int]:
    """Base units of the sold and of the bought token that the call moves for the account, when it does what was asked.

    Raises InsufficientBalance, InsufficientAllowance or WouldRevert when it reverts, WouldMissOrder when it does something else.
    """
    if not scene.swap.succeeded:
        raise _why_it_reverts(request, routed, scene)
    spent, received = -scene.sold.gained, scene.bought.gained
    arrived, sent = sum(pool.gained for pool in scene.paid_pools), -sum(pool.gained for pool in scene.paying_pools)
    if spent != request.amount_in:
        remedy = "the pools cannot take all, so sell less or plan again" if spent < request.amount_in else "check the router and the token"
        raise WouldMissOrder(
            f"The call takes {spent} of the {request.amount_in} base units to be sold; {remedy}.",
            rule="partial_fill" if spent < request.amount_in else "wrong_amount",
            consumed=spent,
            amount_in=request.amount_in,
        )
    if received <= 0:
        raise _too_little(request, routed, received)
    for token, left, came in ((request.sell, spent, arrived), (request.buy, sent, received)):
        pools = scene.paid_pools if token == request.sell else scene.paying_pools
        if pools and came < left:
            raise WouldMissOrder(
                f"Of {left} base units of {token} that were paid, {came} arrive: the token keeps a part of each transfer, "
                "and no quote knows how much; restrict it.",
                rule="fee_on_transfer",
                token=token,
                sent=left,
                received=came,
            )
    if received < routed.min_amount_out:
        raise _too_little(request, routed, received)
    return spent, received


def _too_little(request: OrderRequest, routed: Routed, received: int) -> WouldMissOrder:
    return WouldMissOrder(
        f"The account would receive {received} base units of {request.buy}, and the order wants {routed.min_amount_out} at least; "
        "plan it again, or check whom the call pays.",
        rule="too_little_received",
        received=received,
        min_amount_out=routed.min_amount_out,
    )


def _why_it_reverts(request: OrderRequest, routed: Routed, scene: Scene) -> WouldRevert:
    why = explain(scene.swap.returned)
    held, allowed, needed = scene.sold.before, scene.allowed, request.amount_in
    if held < needed:
        return InsufficientBalance(
            f"{scene.account} holds {held} base units of {request.sell}, and the order sells {needed}; send it {needed - held} more.",
            rule="insufficient_balance",
            token=request.sell,
            held=held,
            needed=needed,
            reason=why.name,
        )
    if allowed < needed:
        return InsufficientAllowance(
            f"{scene.account} lets {routed.spender} take {allowed} base units of {request.sell}, and the order sells {needed}; "
            f"approve {routed.spender} for {needed}.",
            rule="insufficient_allowance",
            token=request.sell,
            spender=routed.spender,
            allowed=allowed,
            needed=needed,
            reason=why.name,
        )
    return WouldRevert(
        f"The swap would revert with {why.name!r}: {why.sentence}",
        rule="simulation_reverted",
        reason=why.name,
        revert_data="0x" + scene.swap.returned[:260].hex(),
    )
