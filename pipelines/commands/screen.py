"""`grekko screen`: is a name or an address on a list, alone or for a file of many."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.problems import BadInput

if TYPE_CHECKING:
    from domain.regulation.rulebook import Rulebook
    from executor.compliance.kyc.decision import Decision
    from executor.compliance.kyc.queries import BadRow, Query

CLEAR, HIT, TO_DECIDE = 0, 1, 3


def screen(
    name: Annotated[str | None, typer.Option(help="A person's or a firm's name, in any of the scripts that the matcher carries.")] = None,
    address: Annotated[str | None, typer.Option(help="A wallet's address; capitals, where it has some, must be its checksum.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Many: .csv with a header or .jsonl; name, address, id, country, nationality, tax_residence.")
    ] = None,
    lists: Annotated[Path | None, typer.Option(help="Folder of the lists; by default that of GREKKO_LISTS.")] = None,
    country: Annotated[str | None, typer.Option(help="The residence (two letters): chooses the KYC chain of the rulebook.")] = None,
    threshold: Annotated[float | None, typer.Option(help="From which score on a name is a hit; by default the chain's.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the decisions in this file, without names; needs GREKKO_KYC_KEY and an id for each.")
    ] = None,
    client: Annotated[str, typer.Option("--id", help="The client's id, for --keep.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="Answer with one JSON object a question, one a line.")] = False,
) -> None:
    """Screen a name, an address, or a file of many against the sanctions lists, and say which words of a name agree.

    Grekko ships no lists: put sdn.csv, alt.csv and add.csv (OFAC), the consolidated list of the United Nations as XML and lists of
    addresses (*.txt) into one folder. A missing list is an error or leaves the question undecided; it never clears anybody.

    Exit code 0: all clear. 1: at least one hit. 3: no hit, and a person has to look at something (a score below the threshold, a list
    that could not be asked, a line of the file that could not be read). 2: nothing was screened, the message says why.
    """
    from executor.compliance.kyc.provider import Sources
    from executor.compliance.kyc.queries import Query, read_queries
    from executor.compliance.kyc.screening_run import Screening
    from executor.compliance.kyc.store import DecisionStore, key_of_the_setting
    from executor.compliance.screening.folder import ListFolder

    if (file is None) == (name is None and address is None):
        raise BadInput("Give --name, --address or both, or --file with many.", field="name")
    register = os.environ.get("GREKKO_PEP_REGISTER")
    today = datetime.now(UTC).date()
    sources = Sources(today, ListFolder.named(lists), Path(register) if register else None)
    store = DecisionStore(keep, key_of_the_setting()) if keep else None
    screening = Screening(cache(_rulebook), sources, lambda: datetime.now(UTC), threshold, needs_id=store is not None)
    queries = read_queries(file) if file else iter([Query(name or "", address or "", country or "", id=client)])
    counted: Counter[str] = Counter()
    for answered in screening.answers(_watched(queries, file)):
        if not isinstance(answered, tuple):
            counted["bad_line"] += 1
            _tell_bad(answered, json_)
            continue
        query, decision = answered
        if store is not None:
            store.add(decision)
        counted[decision.verdict] += 1
        _tell(query, decision, json_, quiet=file is not None)
    for one in sources.folder().set_aside:
        typer.echo(f"{one.file}, line {one.line} was set aside and screens nobody: {one.reason}", err=True)
    if file is not None:
        typer.echo(
            ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in sorted(counted.items())) or "nothing to screen", err=True
        )
    raise typer.Exit(HIT if counted["hit"] else CLEAR if set(counted) <= {"clear"} else TO_DECIDE)


def _rulebook() -> Rulebook:
    """The rulebook of the setting or the shipped one; an empty one, whose countries get the default chain, where there is none."""
    from domain.regulation.rulebook import Rulebook
    from executor.compliance.rulebook_file import load_rulebook, rulebook_path

    path = rulebook_path()
    return load_rulebook(path) if path.is_file() or os.environ.get("GREKKO_REGULATIONS") else Rulebook(0, {})


def _watched(queries: Iterator[Query | BadRow], file: Path | None) -> Iterator[Query | BadRow]:
    """The questions, with a bar on the error stream where there are many and somebody looks."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if file is None or not console.is_terminal:
        yield from queries
        return
    with Progress(SpinnerColumn(), TextColumn("{task.completed:,.0f} lines screened"), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("", total=None)
        for one in queries:
            yield one
            bar.advance(task)


def _tell(query: Query, decision: Decision, as_json: bool, quiet: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_document(query, decision), ensure_ascii=False))
        return
    if quiet and decision.verdict == "clear":
        return
    where = f"line {query.line}: " if query.line else ""
    typer.echo(f"{where}{decision.verdict.upper()}  {query.name or query.address}  ({', '.join(decision.jurisdictions)})")
    for one in decision.answers:
        typer.echo(
            f"  {one.provider:<15} {one.outcome.replace('_', ' '):<12} {one.reason}"
            + (f"  [{one.list_version}]" if one.list_version else "")
        )
        words = one.explanation.get("words", [])
        if words:
            typer.echo(f"  {'':<15} {one.explanation['name']}: " + "; ".join(f"{w['asked']} = {w['listed']} ({w['how']})" for w in words))
            for side, told in (("only asked", "only_asked"), ("only listed", "only_listed")):
                if one.explanation[told]:
                    typer.echo(f"  {'':<15} {side}: {', '.join(one.explanation[told])}")


def _document(query: Query, decision: Decision) -> dict[str, Any]:
    worst = decision.worst
    return {
        "query": query.to_json(),
        "verdict": decision.verdict,
        "score": worst.score if worst else 0.0,
        "matched": worst.matched if worst else None,
        **{name: value for name, value in decision.to_json().items() if name != "verdict"},
    }


def _tell_bad(row: BadRow, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"query": {"line": row.line}, "verdict": "bad_line", "reason": row.reason}, ensure_ascii=False))
    else:
        typer.echo(f"line {row.line}: NOT SCREENED  {row.reason}")
