"""Agents for processes of their own: one that thinks for an hour, and one that answers at once."""

from __future__ import annotations

import asyncio

from domain.negotiation import ActionUtility, Call, Proposal
from executor.agents.view import View


class Ponderer:
    """Thinks for an hour about every trade but those whose id begins with `quick`."""

    name = "ponderer"

    async def propose(self, call: Call, view: View) -> Proposal:
        print("what an agent prints is not a frame")
        if not call.trade_id.startswith("quick"):
            await asyncio.sleep(3600)
        return Proposal(self.name, (ActionUtility("SELL", 900_000),), "ponderer/1")


class Buyer:
    """Wants to buy."""

    name = "buyer"

    async def propose(self, call: Call, view: View) -> Proposal:
        return Proposal(self.name, (ActionUtility("BUY", 400_000),), "buyer/1")


PONDERER, BUYER = Ponderer(), Buyer()
