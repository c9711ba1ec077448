"""The shipped rulebook, and the schemas that lie beside the checkout."""

from pathlib import Path

import pytest

from domain.problems import BadInput
from domain.regulation.rulebook import Rulebook
from executor.compliance.rulebook_file import SHIPPED, load_rulebook

ROOT = Path(__file__).resolve().parents[3]
OWN = ROOT / "domain" / "regulation" / "schemas"


class SchemasBeside:
    """Official schemas from a folder, and those that Grekko ships."""

    def __init__(self, official: Path) -> None:
        self.official = official

    def path(self, name: str) -> Path:
        """The file; it must be there, for a missing schema is never a pass."""
        file = (OWN if name.startswith("own/") else self.official) / name
        if not file.is_file():
            raise BadInput(f"The schema {name} is missing; install it with grekko schemas install.", field=name)
        return file


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    """The rulebook that the repository ships."""
    return load_rulebook(SHIPPED)


@pytest.fixture(scope="session")
def schemas() -> SchemasBeside:
    """The real schemas. Without ../shared there are none to check with; with it a missing one is a failure."""
    shared = ROOT.parent / "shared"
    if not shared.is_dir():
        pytest.skip(f"the real schemas are not here: {shared} does not exist")
    return SchemasBeside(shared / "schemas")
