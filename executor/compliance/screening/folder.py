"""The folder of lists: what is in it is read and screened against; what is not in it is said to be missing, never taken for "no hit".

sdn.csv, alt.csv, add.csv    OFAC's list of specially designated nationals (the US Treasury publishes them, new ones most weeks)
*consolidated*.xml           the consolidated list of the Security Council (un.org)
*.txt                        addresses, one a line
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from domain.problems import BadInput
from executor.compliance.screening.addresses import AddressList, read_addresses
from executor.compliance.screening.entries import ListVersion, ReadList, SetAside
from executor.compliance.screening.ofac import read_ofac
from executor.compliance.screening.un import read_un

SETTING = "GREKKO_LISTS"
HOW = (
    "Grekko ships no lists. Put sdn.csv, alt.csv and add.csv of OFAC (sanctionslist.ofac.treas.gov), the consolidated list of the "
    "United Nations as XML (main.un.org/securitycouncil) and any lists of addresses (*.txt, one a line) into one folder, and name it with "
    f"--lists or {SETTING}."
)


@dataclass(frozen=True)
class ListFolder:
    """A folder of lists, each read when it is first asked for."""

    path: Path

    @staticmethod
    def named(path: Path | str | None = None) -> ListFolder:
        """The folder given, or that of GREKKO_LISTS. Raises BadInput where there is none, with how to get the lists."""
        given = path or os.environ.get(SETTING)
        if not given:
            raise BadInput(f"No folder of lists was named. {HOW}", field="lists")
        folder = Path(given)
        if not folder.is_dir():
            raise BadInput(f"The folder of lists {folder} does not exist. {HOW}", field="lists", path=str(folder))
        return ListFolder(folder)

    @cached_property
    def ofac(self) -> ReadList:
        """OFAC's list. Raises BadInput when a file of it is missing or is something else."""
        for name in ("sdn.csv", "alt.csv", "add.csv"):
            if not (self.path / name).is_file():
                raise BadInput(f"{self.path} has no {name}. {HOW}", field="lists", path=str(self.path / name))
        return read_ofac(self.path)

    @cached_property
    def un(self) -> ReadList:
        """The list of the United Nations. Raises BadInput when it is missing, is something else, or is there twice."""
        found = sorted(one for one in self.path.glob("*.xml") if "consolidated" in one.name.lower())
        if not found:
            raise BadInput(f"{self.path} has no consolidated list (*consolidated*.xml). {HOW}", field="lists", path=str(self.path))
        if len(found) > 1:
            names = ", ".join(one.name for one in found)
            raise BadInput(
                f"{self.path} has more than one consolidated list: {names}. Keep the newest.", field="lists", path=str(self.path)
            )
        return read_un(found[0])

    @cached_property
    def _address_files(self) -> tuple[list[tuple[str, str]], list[ListVersion], list[SetAside]]:
        found: list[tuple[str, str]] = []
        versions, set_aside = [], []
        for path in sorted(self.path.glob("*.txt")):
            addresses, version, bad = read_addresses(path)
            found += addresses
            versions.append(version)
            set_aside += bad
        return found, versions, set_aside

    @cached_property
    def addresses(self) -> AddressList:
        """Every address of the folder: those of the plain lists, and the wallets that OFAC's list names where it is there.

        Raises BadInput where the folder has neither.
        """
        found, versions, _ = self._address_files
        found, versions = list(found), list(versions)
        if (self.path / "sdn.csv").is_file():
            found += [(address, f"ofac {entry.uid}") for entry in self.ofac.entries for address in entry.addresses]
            versions.append(self.ofac.version)
        if not versions:
            raise BadInput(f"{self.path} has no list of addresses. {HOW}", field="lists", path=str(self.path))
        return AddressList.of(found, versions)

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """Every line of the lists read so far that could not be read."""
        read = [self.__dict__[name].set_aside for name in ("ofac", "un") if name in self.__dict__]
        return (*(one for each in read for one in each), *self.__dict__.get("_address_files", ((), (), ()))[2])
