"""The sample venue package, installed the way a package manager would: its folder on the path, and what it says of itself."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from executor.venue import every_venue

SAMPLE = Path(__file__).resolve().parents[2] / "sample_venue"


@contextmanager
def sample_package(site: Path) -> Iterator[None]:
    """CamelSwap as an installed distribution in the folder `site`, for as long as the context lasts."""
    project = tomllib.loads((SAMPLE / "pyproject.toml").read_text())["project"]
    told = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    told.mkdir(parents=True, exist_ok=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in points.items()) for group, points in project["entry-points"].items()
    ]
    (told / "entry_points.txt").write_text("\n".join(groups))
    sys.path[:0] = [str(site), str(SAMPLE)]
    every_venue.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        sys.path.remove(str(SAMPLE))
        sys.modules.pop("camelswap", None)
        every_venue.cache_clear()
