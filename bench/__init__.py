"""The figures: one module each, run as `python -m bench.<name>`, peers beside us in the same run."""
