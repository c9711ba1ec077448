"""The graph as a list in git, so that a table that comes or goes is a line in the diff."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.definitions import defs

SNAPSHOT = Path(__file__).parent / "graph.txt"


def graph_lines() -> list[str]:
    graph = defs.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        parents = ", ".join(sorted(parent.to_user_string() for parent in node.parent_keys if parent != key))
        lines.append(f"{node.group_name}/{key.to_user_string()} <- {parents}")
    lines.extend(sorted(f"check {check.asset_key.to_user_string()}: {check.name}" for check in graph.asset_check_keys))
    return lines


def test_the_graph_is_the_one_in_git():
    """After a wanted change: GREKKO_WRITE_SNAPSHOT=1 python -m pytest tests/floorplan/test_graph.py"""
    if os.environ.get("GREKKO_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text("\n".join(graph_lines()) + "\n")
    assert SNAPSHOT.read_text().splitlines() == graph_lines()


def test_every_table_tells_a_stranger_what_it_is():
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description and len(node.description.splitlines()[0]) > 20, key
        assert node.owners, key
        assert node.kinds, key
        assert "dagster/column_schema" in node.metadata, key


def test_every_table_is_held_to_at_least_one_promise():
    graph = defs.resolve_asset_graph()
    promised = {check.asset_key for check in graph.asset_check_keys}
    assert graph.get_all_asset_keys() - promised == set()
