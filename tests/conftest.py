"""Where the tests find what the repository does not hold: real data, and contracts from npm packages."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real chain and market data that lies beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data is not here: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The npm packages that carry the production bytecode and the local chain."""
    folder = ROOT / "node_modules"
    if not (folder / "@uniswap" / "v3-core").is_dir():
        pytest.skip("the npm packages are not installed: run `make node`")
    return folder


@pytest.fixture(scope="session")
def shipped_recording() -> Path:
    """The recording that the repository ships."""
    return ROOT / "recordings" / "two_weeks"


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with the small lake, its marts built by dbt and the analysts' snapshot published; made once, not to be changed."""
    from tests.assets.service.small_home import build_small_home

    return build_small_home(tmp_path_factory.mktemp("small_home"))
