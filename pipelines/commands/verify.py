"""`grekko verify`: what holds of a recording, and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

MARKS = {True: "holds     ", False: "DOES NOT  ", None: "can't tell"}


def verify(
    recording: Annotated[Path, typer.Argument(help="Folder of the recording.")],
    json_: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Check a recording against itself: hashes, columns, parent chain, gaps, duplicates, order, days.

    Exit code 0 when everything holds, 1 when something does not, 2 when this is no recording.
    """
    from executor.chain import verification

    result = verification.verify(recording)
    if json_:
        print(json.dumps(result.to_json(), default=str))
    else:
        for finding in result.findings:
            print(f"{MARKS[finding.holds]}  {finding.sentence}" + (f"  ({finding.detail})" if finding.detail else ""))
        told = f"{len(result.failures)} things do not hold" if result.failures else "everything that can be checked holds"
        print(f"{recording}: {told}")
    if not result.holds:
        raise typer.Exit(1)
