"""Before anything is signed: the planned call runs on the newest block without being sent, and what moved is compared with what was asked.

`SafetySimulation` is the door. `TokenSlots` finds where a token keeps its balances, so that a call can be rehearsed for an account
that holds nothing; `explain` says in plain words why a call reverts, and what to do about it.
"""

from executor.safety.rehearsal import STAND_IN, SafetySettings, SafetySimulation
from executor.safety.reverts import Reverted, explain
from executor.safety.token_slots import TokenSlots

__all__ = ["STAND_IN", "Reverted", "SafetySettings", "SafetySimulation", "TokenSlots", "explain"]
