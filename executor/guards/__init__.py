"""The guards: rules that may say no to an order, the limits they hold it to, and the kill switch.

`Guards` asks the rules, `LimitsWatch` keeps the limits in force, `KillSwitch` stops everything.
"""

from executor.guards.guards import Guards, limits_entry, switch_entry
from executor.guards.jurisdictions import Client, Clients, Jurisdictions, Listed
from executor.guards.limits import AmountLimits, Limits
from executor.guards.limits_watch import Change, LimitsWatch
from executor.guards.rule import Case, Newest, Prices, Rule, every_rule
from executor.guards.switch import KillSwitch, SwitchState

__all__ = [
    "AmountLimits",
    "Case",
    "Change",
    "Client",
    "Clients",
    "Guards",
    "Jurisdictions",
    "KillSwitch",
    "Limits",
    "LimitsWatch",
    "Listed",
    "Newest",
    "Prices",
    "Rule",
    "SwitchState",
    "every_rule",
    "limits_entry",
    "switch_entry",
]
