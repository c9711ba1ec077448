"""`grekko negotiate` asks the agents about one trade; `grekko negotiation` checks and reads the record. Nothing here can trade."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from domain.problems import BadInput, UnknownNegotiation

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Record = Annotated[Path, typer.Argument(metavar="FILE", help="negotiations.sqlite of an executor's folder.")]

negotiation = typer.Typer(no_args_is_help=True, help="What agents said before trades: check the record, read it.")


def negotiate(
    recording: Annotated[
        Path | None, typer.Argument(metavar="[INPUT]", help="A recorded input; without it an example in which two agents disagree.")
    ] = None,
    base: Annotated[str, typer.Option(help="The token that BUY buys.")] = "WETH",
    quote: Annotated[str, typer.Option(help="The token it is paid with.")] = "USDC",
    trade_id: Annotated[str, typer.Option("--trade-id", help="What the trade is called in the record.")] = "trade-1",
    agents: Annotated[str, typer.Option(help="Whom to ask, by name or package.module:ATTRIBUTE, with commas; all by default.")] = "",
    actions: Annotated[str, typer.Option(help="What may be chosen, the safest first, with commas.")] = "HOLD,BUY,SELL",
    quorum: Annotated[int, typer.Option(help="So many must propose, or the safest is done.", min=1)] = 1,
    deadline: Annotated[float, typer.Option(help="Seconds until the decision falls at the latest.", min=0.01)] = 5.0,
    processes: Annotated[bool, typer.Option("--processes", help="Each agent in a process of its own.")] = False,
    record: Annotated[Path | None, typer.Option(help="A file that keeps the record, such as negotiations.sqlite.")] = None,
    json_: AsJson = False,
) -> None:
    """Ask the agents about one trade and print who said what. Nothing is sent."""
    from executor.agents.agent import every_agent
    from executor.agents.one_off import EXAMPLE, negotiate_once
    from executor.agents.reading import lines_of
    from executor.agents.terms import Question
    from executor.ports import SystemClock, system_chance

    names = [name.strip() for name in agents.split(",") if name.strip()] or list(every_agent())
    question = Question(trade_id, base, quote, actions=tuple(one.strip() for one in actions.split(",")))
    document = asyncio.run(
        negotiate_once(
            recording or EXAMPLE,
            question,
            names,
            SystemClock(),
            system_chance(),
            processes=processes,
            record=record,
            deadline_seconds=deadline,
            quorum=quorum,
        )
    )
    typer.echo(json.dumps(document) if json_ else "\n".join(lines_of(document)))


@negotiation.command()
def verify(
    file: Record,
    head: Annotated[str | None, typer.Option(help="SEQ:HASH that was kept elsewhere; proves that the end was not cut off.")] = None,
    json_: AsJson = False,
) -> None:
    """Check the chain of hashes, and decide everything again.

    Exit code 0 when all holds, 1 when something does not, 2 when there is no record.
    """
    from executor.agents.transcript import Kind, conversations, faults, replay
    from executor.agents.transcript_file import read_rows

    rows, kept = read_rows(file)
    broken = [{"seq": seq, "fault": fault} for seq, fault in faults(rows, kept)]
    if head is not None:
        broken += [{"seq": seq, "fault": fault} for seq, fault in faults(rows, _head_of(head)) if "should end" in fault]
    again = {about: replay(told) for about, told in conversations(rows).items() if any(row.kind == Kind.DECIDED for row in told)}
    unequal = [{"conversation_id": about, "findings": list(one.findings)} for about, one in again.items() if not one.is_equal]
    holds = not broken and not unequal
    told = f"{rows[-1].seq}:{rows[-1].hash}" if rows else None
    document = {"holds": holds, "rows": len(rows), "decisions": len(again), "head": told, "broken": broken, "unequal": unequal}
    if json_:
        typer.echo(json.dumps(document))
    else:
        for one in broken:
            typer.echo(f"DOES NOT HOLD  {one['fault']}")
        for one in unequal:
            typer.echo(f"NOT EQUAL      {one['conversation_id']} {' '.join(one['findings'])}")
        typer.echo(f"{len(rows)} rows, {len(again)} decisions, {len(again) - len(unequal)} follow again to the byte")
        if told:
            typer.echo(f"head {told}")
    if not holds:
        raise typer.Exit(1)


@negotiation.command()
def show(
    file: Record,
    trade_id: Annotated[str | None, typer.Argument(help="One trade's last negotiation; without it, all of them in a line each.")] = None,
    json_: AsJson = False,
) -> None:
    """Read who said what before a trade."""
    from executor.agents.reading import document_of, lines_of
    from executor.agents.transcript import Kind, conversations
    from executor.agents.transcript_file import read_rows

    held = conversations(read_rows(file, trade_id)[0])
    documents = [document_of(rows) for rows in held.values() if any(row.kind == Kind.SENT for row in rows)]
    if trade_id is not None:
        if not documents:
            raise UnknownNegotiation(f"No negotiation about {trade_id} is in {file.name}.", trade_id=trade_id)
        typer.echo(json.dumps(documents[-1]) if json_ else "\n".join(lines_of(documents[-1])))
    elif json_:
        typer.echo(json.dumps({"negotiations": documents}))
    else:
        for one in documents:
            said = one["decision"]["reason"] if one["decision"] else "not decided"
            typer.echo(f"{one['messages'][0]['at']}  {one['trade_id']}  {said}  {'equal' if one['replay']['equal'] else 'NOT EQUAL'}")


def _head_of(text: str) -> tuple[int, str]:
    seq, _, digest = text.partition(":")
    if not seq.isdecimal() or len(digest) != 64:
        raise BadInput("--head is SEQ:HASH, as an earlier `verify` printed it.", field="head")
    return int(seq), digest
