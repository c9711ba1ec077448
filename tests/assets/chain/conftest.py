"""The small chain as a recording, decoded and materialised once for all tests of this folder; not to be changed."""

from __future__ import annotations

import pytest

from assets.warehouse import Warehouse
from executor.chain.recording import Recording
from tests.assets.chain.materialising import materialise
from tests.assets.chain.small_chain import DAYS, SmallChain, small_chain


@pytest.fixture(scope="session")
def chain() -> SmallChain:
    """Three days of trades."""
    return small_chain()


@pytest.fixture(scope="session")
def recording(chain: SmallChain, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The chain on disk."""
    return chain.write(tmp_path_factory.mktemp("recordings") / "small")


@pytest.fixture(scope="session")
def lake(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """All tables of the chain and the ledger, from one run over the three days."""
    if not _built:
        warehouse = Warehouse(lake=str(tmp_path_factory.mktemp("lakes") / "small"))
        assert materialise(warehouse, recording.path, DAYS[0], DAYS[-1]).success
        _built.append(warehouse)
    return _built[0]


_built: list[Warehouse] = []  # the tests of the ledger borrow these fixtures; one lake serves both folders
