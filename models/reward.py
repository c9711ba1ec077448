"""What a trainer maximises: net P&L in bps, less risk, less turnover, plus the agents' credit.

reward = mean net P&L − λ · CVaR of the losses − κ · turnover + β · credit

Credit is a difference reward: what the trade brought less what it would have brought had the agents been silent, so one agent is not
paid for another's work. With β above 0 it can move the optimum; the trainer reports what it would have chosen with β = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from domain.problems import BadInput


@dataclass(frozen=True, slots=True)
class RewardSettings:
    """The weights: `risk` is λ, `turnover` is κ (bps per unit of value traded), `credit` is β. `tail` is the share of worst trades."""

    risk: float = 0.01
    tail: float = 0.05
    turnover: float = 0.0
    credit: float = 0.1

    def __post_init__(self) -> None:
        highest = {"risk": 10.0, "tail": 1.0, "turnover": 1e4, "credit": 1.0}
        for name, high in highest.items():
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise BadInput(f"The reward's {name} is {value}; give 0 to {high:g}.", field=name)


@dataclass(frozen=True, slots=True)
class Reward:
    """A reward and the parts it is the sum of, all in bps but the turnover, which is value traded over value decided on."""

    total: float
    net_bps: float
    cvar_bps: float
    turnover: float
    credit_bps: float


def reward_of(
    net_bps: np.ndarray, settings: RewardSettings, turnover: np.ndarray | float = 1.0, credit_bps: np.ndarray | float = 0.0
) -> Reward:
    """The reward of some trades: net P&L (negative for a cost) of each, the turnover and the agents' difference reward."""
    net, cvar = float(np.mean(net_bps)) if len(net_bps) else 0.0, cvar_of(net_bps, settings.tail)
    turned, credit = float(np.mean(turnover)), float(np.mean(credit_bps))
    total = net - settings.risk * cvar - settings.turnover * turned + settings.credit * credit
    return Reward(total, net, cvar, turned, credit)


def cvar_of(net_bps: np.ndarray, tail: float) -> float:
    """The mean loss of the worst `tail` of the trades, at least one; expected shortfall (Rockafellar and Uryasev 2000). 0 of nothing."""
    if not len(net_bps):
        return 0.0
    worst = max(1, math.ceil(tail * len(net_bps)))
    return float(-np.sort(net_bps)[:worst].mean())
