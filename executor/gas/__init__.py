"""What gas costs, how likely a transaction is to get in for it, what may be spent on it, and how much of it a plan will use.

`GasDesk` is the door.
"""

from executor.gas.alerts import Alerts, LoggedAlerts
from executor.gas.desk import Budget, GasDesk, GasSettings
from executor.gas.legs import PER_LEG, gas_of

__all__ = ["PER_LEG", "Alerts", "Budget", "GasDesk", "GasSettings", "LoggedAlerts", "gas_of"]
