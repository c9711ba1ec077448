"""A world to run the executor in without the real one: time that jumps, a chain that reorganises, nodes that lie, processes that die.

Everything in it follows from a seed, so the same seed gives the same journal, and a failure can be looked at again.
"""
