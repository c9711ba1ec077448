"""What Dagster loads: the whole graph, on the home that the settings name."""

from pipelines.build import graph_of

defs = graph_of()
