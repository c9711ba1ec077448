"""The agents of this repository, one a file; each defines `AGENT`. `executor/agents/agent.py` says what an agent is."""
