"""Which token has which DTI, by chain and contract address and never by symbol: a small file of facts, each with its source and day.

A symbol proves nothing: 144 codes of the registry are called USDC, and joke tokens use the symbols of known ones. A token that is not in
the file has no code, and what needs one is blocked with that reason.
"""

from __future__ import annotations

import csv
import io
import os
import re
from datetime import date
from pathlib import Path

import polars as pl

from domain.problems import BadInput
from domain.regulation.identifiers import check

SHIPPED = Path(__file__).with_name("token_dtis.csv")
COLUMNS = ("chain_id", "address", "dti", "name", "stands_in_for", "source", "source_day", "verified")
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
# The chain of the shipped recording, which runs on one machine and whose tokens are ours. Only there may a token stand in for another.
LOCAL_CHAIN = 31337
SCHEMA = pl.Schema(
    {
        "chain_id": pl.Int64(),
        "token": pl.String(),
        "dti": pl.String(),
        "dti_basis": pl.String(),
        "stands_in_for": pl.String(),
        "registry_name": pl.String(),
        "source": pl.String(),
        "source_day": pl.Date(),
        "verified": pl.Boolean(),
    }
)


def dti_file() -> Path:
    """The setting GREKKO_DTIS, else the file that is shipped."""
    return Path(os.environ.get("GREKKO_DTIS") or SHIPPED)


def load_known_dtis(path: Path | None = None) -> pl.DataFrame:
    """The file's tokens with their codes; raises BadInput with line, field and fix where it is not what it must be."""
    file = path or dti_file()
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read ({error}); set GREKKO_DTIS to the file of token codes.", field="GREKKO_DTIS") from error
    return known_dtis(text, str(file))


def known_dtis(text: str, name: str = "the file") -> pl.DataFrame:
    """The rows of the file's text, with `dti_basis` registry or stand_in; a stand-in has the code of the token it stands in for."""
    lines = csv.DictReader(io.StringIO(text), strict=True)
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise BadInput(f"{name}, line 1: the columns must be {','.join(COLUMNS)}.", field="header", line=1)
    own: dict[str, dict[str, object]] = {}
    for line, row in enumerate(lines, start=2):
        token = _row(row, f"{name}, line {line}", line)
        key = f"{token['chain_id']}:{token['token']}"
        if key in own:
            raise BadInput(f"{name}, line {line}, address: {key} stands here twice; keep one.", field="address", line=line)
        own[key] = {**token, "line": line}
    for token in own.values():
        _follow(token, own, name)
    return pl.DataFrame([{column: token[column] for column in SCHEMA} for token in own.values()], schema=SCHEMA)


def _row(row: dict[str, str], where: str, line: int) -> dict[str, object]:
    def refuse(field: str, why: str) -> BadInput:
        return BadInput(f"{where}, {field}: {why}.", field=field, line=line)

    if None in row or None in row.values():
        raise refuse("row", f"there must be {len(COLUMNS)} values")
    if not row["chain_id"].isdecimal():
        raise refuse("chain_id", f"{row['chain_id']!r} is no number of a chain")
    if not ADDRESS.fullmatch(row["address"]):
        raise refuse("address", f"{row['address']!r} is no address; write 0x and 40 lowercase hexadecimal digits")
    if bool(row["dti"]) == bool(row["stands_in_for"]):
        raise refuse("dti", "give a DTI, or what the token stands in for, and not both")
    wrong = check("dti", row["dti"]) if row["dti"] else None
    if wrong:
        raise refuse("dti", wrong)
    if row["stands_in_for"] and int(row["chain_id"]) != LOCAL_CHAIN:
        raise refuse("stands_in_for", f"only a token of the local chain {LOCAL_CHAIN} may stand in for another")
    if row["verified"] not in ("true", "false"):
        raise refuse("verified", "write true where somebody has read the source, else false")
    try:
        day = date.fromisoformat(row["source_day"])
    except ValueError:
        raise refuse("source_day", f"{row['source_day']!r} is no day; write it as 2026-04-24") from None
    return {
        "chain_id": int(row["chain_id"]),
        "token": row["address"],
        "dti": row["dti"] or None,
        "dti_basis": "stand_in" if row["stands_in_for"] else "registry",
        "stands_in_for": row["stands_in_for"] or None,
        "registry_name": row["name"],
        "source": row["source"],
        "source_day": day,
        "verified": row["verified"] == "true",
    }


def _follow(token: dict[str, object], own: dict[str, dict[str, object]], name: str) -> None:
    if token["stands_in_for"] is None:
        return
    known = own.get(str(token["stands_in_for"]))
    if known is None or known["dti_basis"] != "registry":
        raise BadInput(
            f"{name}, line {token['line']}, stands_in_for: no token {token['stands_in_for']} with a DTI of its own is in the file; "
            "write chain:address of one that is.",
            field="stands_in_for",
            line=token["line"],
        )
    token["dti"] = known["dti"]
