"""The client's name against a register of politically exposed persons, a file that the firm brings.

A CSV file with the header `name,position,country` and any further columns. Grekko ships none: without a register this provider says
that it was not asked, which a decision shows. Being in it is no offence, so it is never a hit and always work for a person.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from domain.problems import BadInput
from executor.compliance.kyc.provider import Answer, Limits, Provider, Sources, Subject, ask_names
from executor.compliance.screening.entries import (
    Entry,
    ListedName,
    ListVersion,
    ReadList,
    SetAside,
    bytes_of,
    refuse_what_is_no_list,
    sha256_of,
)


def read_register(path: Path) -> ReadList:
    """Reads the file. Raises BadInput when it is missing, has no column `name`, or holds nobody."""
    content = bytes_of(path)
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig", errors="replace")))
    if "name" not in (rows.fieldnames or ()):
        raise BadInput(f"{path} has no column `name` in its first line.", field="pep_register", path=str(path))
    entries, set_aside = [], []
    for row in rows:
        name = (row.get("name") or "").strip()
        if name:
            country = tuple(filter(None, [(row.get("country") or "").strip()]))
            entries.append(
                Entry("pep", f"line {rows.line_num}", "individual", (ListedName(name, "primary"),), (row.get("position") or "",), country)
            )
        else:
            set_aside.append(SetAside(path.name, rows.line_num, "it has no name"))
    refuse_what_is_no_list(path, len(entries), set_aside)
    digest = sha256_of(content)
    return ReadList(ListVersion("pep", f"sha256:{digest[:12]}", digest, len(entries), len(set_aside)), tuple(entries), tuple(set_aside))


def ask(subject: Subject, sources: Sources, limits: Limits) -> Answer:
    """Raises BadInput where the register that was named cannot be read."""
    path = sources.pep_register
    if path is None:
        return Answer(PROVIDER.name, "not_asked", "no register of politically exposed persons was named (GREKKO_PEP_REGISTER)")
    found = ask_names(PROVIDER.name, sources.index("pep", lambda: read_register(path)), subject, limits)
    if found.outcome != "hit":
        return found
    return Answer(found.provider, "review", found.reason, found.list_version, found.score, found.matched, found.explanation)


def version(sources: Sources) -> str:
    """The register's version, empty where there is none."""
    path = sources.pep_register
    return "" if path is None else str(sources.index("pep", lambda: read_register(path)).versions[0])


PROVIDER = Provider("pep:register", "Who holds a public office is watched more closely, and needs a reason for the money.", ask, version)
