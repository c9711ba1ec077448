"""From a plan to the call that executes it: the venue's own router for one path within one venue, our SplitRouter for all else.

`replay` does with whole numbers what SplitRouter does on the chain, leg by leg, so a plan's amounts are known before it is sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Protocol

from domain.problems import BadInput, NotEnoughLiquidity
from executor.chain.abi import WORD, address_word, word
from executor.routing.pool_book import PoolBook
from executor.shapes.concentrated import Hop
from executor.venue import Deployment, Venue, every_venue

ALL_X64 = 1 << 64
# swap((bool,address,address,address,uint24,uint72)[] legs, address tokenIn, uint256 amountIn, address tokenOut, uint256 least,
#      address recipient, uint256 deadline)
SPLIT_SWAP = bytes.fromhex("944e52bd")


class SharedLeg(Protocol):
    """One pool of a plan: `share_x64` of 2^64 is the part of what is held of `sell` when its turn comes; 2^64 is all of it."""

    @property
    def pool_id(self) -> int: ...
    @property
    def sell(self) -> str: ...
    @property
    def buy(self) -> str: ...
    @property
    def share_x64(self) -> int: ...


class PlacedLeg(SharedLeg, Hop, Protocol):
    """A leg that also says which contract it goes through."""

    @property
    def venue(self) -> str: ...
    @property
    def concentrated(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Routers:
    """Where calls may go on one chain: the venues' deployments by venue name, and our SplitRouter (None where it is not deployed)."""

    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    split_router: str | None = None


class Execution(NamedTuple):
    """A call and who takes the sold token for it by allowance; `call_data` is 0x text."""

    to: str
    spender: str
    call_data: str


class Filled(NamedTuple):
    """What one leg of a plan takes and gives, in base units."""

    amount_in: int
    amount_out: int


def call_for(
    legs: Sequence[PlacedLeg],
    routers: Routers,
    *,
    recipient: str,
    amount_in: int,
    min_amount_out: int,
    deadline: int,
    venues: Mapping[str, Venue] | None = None,
) -> Execution:
    """The call that sells exactly `amount_in` through the legs, in their order, for at least `min_amount_out`, before `deadline`.

    Amounts are base units, `deadline` unix seconds. Raises BadInput when there is no router for the plan, or nothing to protect it.
    """
    if not legs:
        raise BadInput("The plan has no legs; route the order first.", field="legs")
    if min_amount_out < 1 or amount_in < 1:
        raise BadInput(f"amount_in is {amount_in} and min_amount_out {min_amount_out}; both must be at least 1.", field="min_amount_out")
    own_router = _own_router(legs, routers, venues or every_venue())
    if own_router is not None:
        venue, router = own_router
        call = venue.swap(legs, router=router, amount_in=amount_in, min_amount_out=min_amount_out, recipient=recipient, deadline=deadline)
        return Execution(call.to, router, call.data)
    if routers.split_router is None:
        raise BadInput(
            "The plan goes through more than one venue's own router can do, and no SplitRouter is named for this chain; "
            "deploy contracts/SplitRouter.sol and name it in the desk file.",
            field="split_router",
        )
    data = split_data(legs, legs[0].sell, amount_in, legs[-1].buy, min_amount_out, recipient, deadline)
    return Execution(routers.split_router, routers.split_router, "0x" + data.hex())


def split_data(legs: Sequence[PlacedLeg], sell: str, amount_in: int, buy: str, min_amount_out: int, recipient: str, deadline: int) -> bytes:
    """SplitRouter's `swap`. Raises BadInput for a share outside 1..2^64."""
    told = b""
    for leg in legs:
        if not 0 < leg.share_x64 <= ALL_X64:
            raise BadInput(f"A leg's share is {leg.share_x64}; it must be 1 to 2^64.", field="share_x64", value=str(leg.share_x64))
        places = address_word(leg.pool) + address_word(leg.sell) + address_word(leg.buy)
        told += word(leg.concentrated) + places + word(leg.fee_pips) + word(leg.share_x64)
    head = word(7 * WORD) + address_word(sell) + word(amount_in) + address_word(buy) + word(min_amount_out)
    return SPLIT_SWAP + head + address_word(recipient) + word(deadline) + word(len(legs)) + told


def replay(book: PoolBook, legs: Sequence[SharedLeg], amount_in: int) -> list[Filled]:
    """What each leg takes and gives on these pools, by the arithmetic of the chain.

    Raises NotEnoughLiquidity when a pool cannot take its part whole, BadInput when a pool appears twice or something bought on the
    way is left unsold.
    """
    held: dict[str, int] = defaultdict(int, {legs[0].sell: amount_in})
    seen: set[int] = set()
    filled = []
    for leg in legs:
        if leg.pool_id in seen:
            raise BadInput(f"Pool {leg.pool_id} appears twice in the plan; its second quote would be of another state.", field="legs")
        seen.add(leg.pool_id)
        amount = held[leg.sell] * leg.share_x64 >> 64
        if not amount:
            raise NotEnoughLiquidity(f"Nothing is left of {leg.sell} for pool {leg.pool_id}; take the leg out.", pool_id=leg.pool_id)
        quote = book.quote(leg.pool_id, leg.sell, amount)
        if quote.partial:
            raise NotEnoughLiquidity(
                f"Pool {leg.pool_id} takes only {quote.amount_in} of {amount} base units; sell less through it.", pool_id=leg.pool_id
            )
        held[leg.sell] -= amount
        held[leg.buy] += quote.amount_out
        filled.append(Filled(amount, quote.amount_out))
    unsold = {token: amount for token, amount in held.items() if amount and token != legs[-1].buy}
    if unsold:
        raise BadInput(f"The plan leaves {unsold} unsold; the last leg of a token must take all of it.", field="share_x64")
    return filled


def _own_router(legs: Sequence[PlacedLeg], routers: Routers, venues: Mapping[str, Venue]) -> tuple[Venue, str] | None:
    """The venue and its router when the plan is one path within one venue, through the very pools that router would choose."""
    name = legs[0].venue
    deployment, venue = routers.deployments.get(name), venues.get(name)
    if deployment is None or deployment.router is None or venue is None:
        return None
    is_one_path = all(leg.share_x64 == ALL_X64 for leg in legs) and all(one.buy == other.sell for one, other in pairwise(legs))
    if not is_one_path or any(leg.venue != name for leg in legs):
        return None
    for leg in legs:
        # A router finds pools by tokens and fee: a pool of another factory under this venue's name would not be the one it uses.
        expected = venue.pool_address(deployment, leg.sell, leg.buy, leg.fee_pips)
        if expected != leg.pool:
            return None
    return venue, deployment.router
