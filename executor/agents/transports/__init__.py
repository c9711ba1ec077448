"""How calls reach agents and answers come back: within the process, to processes of their own, or over a broker's topic."""
