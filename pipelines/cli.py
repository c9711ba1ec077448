"""The command line: `grekko --help` is the first page; each command is a function in `pipelines/commands/`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
import typer

from domain.problems import Problem
from pipelines.commands.audit import audit
from pipelines.commands.demo import demo
from pipelines.commands.desk import desk
from pipelines.commands.dev import dev
from pipelines.commands.evidence import evidence
from pipelines.commands.filings import filings
from pipelines.commands.import_logs import import_logs
from pipelines.commands.journal import journal
from pipelines.commands.learn import learn
from pipelines.commands.negotiate import negotiate, negotiation
from pipelines.commands.plan import plan
from pipelines.commands.prompt import prompt
from pipelines.commands.quote import quote
from pipelines.commands.record import record
from pipelines.commands.regulations import regulations
from pipelines.commands.replay import replay
from pipelines.commands.retention import retention
from pipelines.commands.route import route
from pipelines.commands.schemas import schemas
from pipelines.commands.screen import screen
from pipelines.commands.serve import serve
from pipelines.commands.verify import verify

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def grekko() -> None:
    """Grekko: swaps in, decisions out.

    Start with [bold]grekko demo[/bold], then [bold]grekko dev[/bold].
    Only [bold]grekko serve --live[/bold] with a signed desk file can send a transaction.
    """


START, EXACT, DATA, LEARN, TRADE = "Start here", "Exact answers from files", "Recordings", "Learning", "The executor"
COMPLY = "Compliance"
app.command(rich_help_panel=START)(demo)
app.command(rich_help_panel=START)(dev)
app.command(rich_help_panel=START)(serve)
app.command(rich_help_panel=EXACT)(replay)
app.command(rich_help_panel=EXACT)(quote)
app.command(rich_help_panel=EXACT)(route)
app.command(rich_help_panel=LEARN)(evidence)
app.command(rich_help_panel=DATA)(record)
app.command("import-logs", rich_help_panel=DATA)(import_logs)
app.command(rich_help_panel=DATA)(verify)
app.command(rich_help_panel=LEARN)(learn)
app.command(rich_help_panel=LEARN)(plan)
app.add_typer(desk, name="desk", rich_help_panel=TRADE)
app.add_typer(journal, name="journal", rich_help_panel=TRADE)
app.command(rich_help_panel=TRADE)(negotiate)
app.add_typer(negotiation, name="negotiation", rich_help_panel=TRADE)
app.add_typer(prompt, name="prompt", rich_help_panel=TRADE)
app.add_typer(regulations, name="regulations", rich_help_panel=COMPLY)
app.add_typer(filings, name="filings", rich_help_panel=COMPLY)
app.add_typer(retention, name="retention", rich_help_panel=COMPLY)
app.add_typer(schemas, name="schemas", rich_help_panel=COMPLY)
app.add_typer(audit, name="audit", rich_help_panel=COMPLY)
app.command(rich_help_panel=COMPLY)(screen)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    A problem of ours becomes one line (a JSON document when `--json` was asked for) and exit code 2; wrong usage is told the
    same way; anything else is a fault and keeps its traceback.
    """
    given = list(arguments if arguments is not None else sys.argv[1:])
    try:
        return int(app(given, standalone_mode=False) or 0)
    except Problem as problem:
        if "--json" in given:
            print(json.dumps(problem.to_json(), default=str))
        else:
            print(f"{type(problem).__name__}: {problem.message}", file=sys.stderr)
        return 2
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as misuse:
        misuse.show()
        return 2
    except click.Abort:
        return 130


if __name__ == "__main__":
    sys.exit(main())
