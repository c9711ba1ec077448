"""The desk: it takes orders and sees each through its life, whatever crashes, forgets or lies on the way.

`Desk` is the door. What it needs from others (a plan, a rehearsal, fees, guards, a signature) are the small protocols beside it.
"""

from executor.desk.collaborators import DeskSettings, Gas, Guarding, Planner, Rehearsal, Signing
from executor.desk.desk import Desk

__all__ = ["Desk", "DeskSettings", "Gas", "Guarding", "Planner", "Rehearsal", "Signing"]
