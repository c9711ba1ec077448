"""A constant-product pool (Uniswap V2 and its family) as a value: the product of its reserves never falls.

The arithmetic is the router library's, for any fee; the pair's own refusals are kept too: reserves fit 112 bits, and nobody
takes all of a reserve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from domain import events
from domain.amm.quote import Quote, checked_amount
from domain.amm.swap_step import FEE_UNIT
from domain.problems import BadInput, NotEnoughLiquidity

UINT112_MAX = (1 << 112) - 1


@dataclass(frozen=True, slots=True)
class ConstantProductPool:
    """One state of one pool; the fee is in pips (3000 is 0.30 %)."""

    fee_pips: int
    reserve0: int
    reserve1: int

    def __post_init__(self) -> None:
        if not 0 <= self.fee_pips < FEE_UNIT:
            raise BadInput(f"fee_pips is {self.fee_pips}; give the fee in hundredths of a basis point.", field="fee_pips")
        for name, reserve in (("reserve0", self.reserve0), ("reserve1", self.reserve1)):
            if not 0 <= reserve <= UINT112_MAX:
                raise BadInput(f"{name} is {reserve}, outside 0..{UINT112_MAX}; a pair keeps 112 bits.", field=name, value=str(reserve))

    def quote(self, zero_for_one: bool, amount: int, *, exact_out: bool = False) -> Quote:
        """What the pool would take and give. It fills an order whole or refuses it; it never fills a part.

        Raises NotEnoughLiquidity when it cannot. An input too small to buy anything is quoted as buying 0.
        """
        checked_amount(amount)
        held_in, held_out = (self.reserve0, self.reserve1) if zero_for_one else (self.reserve1, self.reserve0)
        if not held_in or not held_out:
            raise NotEnoughLiquidity("The pool is empty; trade in another one.", reserve0=str(self.reserve0), reserve1=str(self.reserve1))
        if exact_out:
            if amount >= held_out:
                raise NotEnoughLiquidity(
                    f"The pool holds {held_out} of that token and gives less than all of it; ask for less than {held_out}.",
                    asked=str(amount),
                    available=str(held_out - 1),
                )
            spent, given = held_in * amount * FEE_UNIT // ((held_out - amount) * (FEE_UNIT - self.fee_pips)) + 1, amount
        else:
            after_fee = amount * (FEE_UNIT - self.fee_pips)
            spent, given = amount, after_fee * held_out // (held_in * FEE_UNIT + after_fee)
        if held_in + spent > UINT112_MAX:
            raise NotEnoughLiquidity(
                f"The pool takes at most {UINT112_MAX - held_in} more of that token, this needs {spent}; trade less.",
                asked=str(spent),
                available=str(UINT112_MAX - held_in),
            )
        return Quote(spent, given, None, None, None, False, 0)

    def output_for(self, zero_for_one: bool, amount: int) -> int | None:
        """What `amount` buys, or None when the pool cannot take it. For searches that ask very often."""
        held_in, held_out = (self.reserve0, self.reserve1) if zero_for_one else (self.reserve1, self.reserve0)
        if held_in + amount > UINT112_MAX or not held_in:
            return None
        after_fee = amount * (FEE_UNIT - self.fee_pips)
        return after_fee * held_out // (held_in * FEE_UNIT + after_fee)

    def swap(self, zero_for_one: bool, amount: int, *, exact_out: bool = False) -> tuple[Self, Quote]:
        """The pool after the swap, and what it took and gave."""
        quote = self.quote(zero_for_one, amount, exact_out=exact_out)
        if not quote.amount_out:
            raise NotEnoughLiquidity(f"{amount} is too little to buy one base unit here, and the pair refuses that; offer more.")
        change0, change1 = (quote.amount_in, -quote.amount_out) if zero_for_one else (-quote.amount_out, quote.amount_in)
        return replace(self, reserve0=self.reserve0 + change0, reserve1=self.reserve1 + change1), quote

    def keeps_invariant(self, swap: events.PairSwap) -> bool:
        """Whether the pair would let this swap pass.

        Something comes in, no reserve is emptied, and the product, fee counted, does not fall.
        """
        if not (swap.amount0_in or swap.amount1_in) or not (swap.amount0_out or swap.amount1_out):
            return False
        if swap.amount0_out >= self.reserve0 or swap.amount1_out >= self.reserve1:
            return False
        adjusted0 = (self.reserve0 + swap.amount0_in - swap.amount0_out) * FEE_UNIT - swap.amount0_in * self.fee_pips
        adjusted1 = (self.reserve1 + swap.amount1_in - swap.amount1_out) * FEE_UNIT - swap.amount1_in * self.fee_pips
        return adjusted0 * adjusted1 >= self.reserve0 * self.reserve1 * FEE_UNIT * FEE_UNIT

    def apply(self, event: events.ConstantProductEvent) -> Self:
        """The pool after what the chain says. Reserves come from Sync, which every trade sends first; a PairSwap adds nothing to it."""
        match event:
            case events.Sync():
                return replace(self, reserve0=event.reserve0, reserve1=event.reserve1)
            case events.PairSwap():
                return self
        raise BadInput(f"A constant-product pool cannot apply {type(event).__name__}; send it Sync and PairSwap.", field="event")
