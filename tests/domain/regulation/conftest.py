"""The shipped rulebook, and the schemas that lie beside the checkout."""

from pathlib import Path

import pytest

from domain.problems import BadInput
from domain.regulation.reading import read_rulebook
from domain.regulation.rulebook import Rulebook

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


def rulebook_texts() -> dict[str, str]:
    """The shipped rulebook's files by name, the base first."""
    return {path.name: path.read_text() for path in (ROOT / "regulations.yaml", *sorted((ROOT / "regulations").glob("*.yaml")))}


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    """The rulebook that the repository ships."""
    return read_rulebook(rulebook_texts())


@pytest.fixture(scope="session")
def schemas() -> SchemasBeside:
    """The real schemas. Without ../shared there are none to check with; with it a missing one is a failure."""
    shared = ROOT.parent / "shared"
    if not shared.is_dir():
        pytest.skip(f"the real schemas are not here: {shared} does not exist")
    return SchemasBeside(shared / "schemas")
