"""Agents that advise before a trade: they are asked, they answer with utilities, and one rule makes one action of their answers.

Nothing here can send a transaction. An agent advises; the guards of the desk decide what may be done.
"""
