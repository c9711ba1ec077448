"""Where the tests find what the repository does not hold: real data, and contracts from npm packages."""

from __future__ import annotations

import fcntl
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from rich.console import Console

from assets.chosen_recording import SHIPPED_RECORDING
from pipelines.demo import run_demo
from pipelines.home import Home
from tests.untraced import untraced

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT.parent / "shared" / "schemas"
DEAR = ("demo_home", "small_home")
# A slow machine is no fault of the code: no example is held to a time.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


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
    return SHIPPED_RECORDING


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with the small lake, its marts built by dbt and the analysts' snapshot published; made once, not to be changed."""
    from tests.assets.service.small_home import build_small_home

    # The processes of one run have their folders side by side; whoever comes first builds it for all.
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (folder / "small_home.lock").open("w") as lock, untraced():
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "small_home").exists():
            build_small_home(folder / "small_home.building").rename(folder / "small_home")
    return folder / "small_home"


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home that `grekko demo` leaves on the shipped recording, built once for all tests that look at it."""
    home = Home(tmp_path_factory.mktemp("demo") / "home", SHIPPED_RECORDING.resolve())
    home.root.mkdir()
    with pytest.MonkeyPatch.context() as settings:
        for name, value in home.environment().items():
            settings.setenv(name, value)
        if SCHEMAS.is_dir():
            settings.setenv("GREKKO_SCHEMAS", str(SCHEMAS))
        home.settle()
        printed = Console(file=io.StringIO(), width=160, highlight=False)
        green = run_demo(home, console=printed)
    told = printed.file.getvalue()
    assert green, told
    (home.root / "printed.txt").write_text(told)
    return home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests look at a home that is dear to build come first, so that no process is left with one at the end."""
    items.sort(key=lambda item: min((at for at, name in enumerate(DEAR) if name in getattr(item, "fixturenames", ())), default=len(DEAR)))
