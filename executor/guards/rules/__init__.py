"""The rules, a file each. What lies here is asked; see `executor/guards/rule.py` for what a rule is."""
