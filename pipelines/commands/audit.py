"""`grekko audit`: the log that shows its own tampering: check it, sign how it stands, prove what is in it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from domain.problems import BadInput
from pipelines.commands.answers import answer

audit = typer.Typer(no_args_is_help=True, help="The audit log: check it, sign how it stands, prove what is in it.")

Log = Annotated[Path | None, typer.Option("--log", help="Its file; by default that of GREKKO_AUDIT_LOG, or of the home.")]
Heads = Annotated[
    Path | None,
    typer.Option("--heads", help="The folder of the signed heads; by default that of GREKKO_AUDIT_HEADS, or FILE.heads beside the log."),
]
PublicKey = Annotated[str | None, typer.Option("--public-key", help="The key that must have signed, as 64 hexadecimal digits.")]
Out = Annotated[Path, typer.Option("--out", help="The file to write; it must not be there yet.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


@audit.command()
def key(out: Out, json_: AsJson = False) -> None:
    """Make the key that signs the log's heads, in a file that only you can read, and show its public half."""
    from executor.compliance.audit.keys import FILE_VARIABLE, write_key

    made = write_key(out)
    answer({"public_key": made.public, "path": str(out)}, json_, [("public key", made.public), ("file", str(out)), ("set", FILE_VARIABLE)])


@audit.command()
def head(log: Log = None, heads: Heads = None, json_: AsJson = False) -> None:
    """Sign how the log stands now, with the key of GREKKO_AUDIT_KEY_FILE, into the log and into the folder of heads.

    Run it on a schedule: a change of what was signed is found, and so is an end that was cut off.
    """
    from executor.compliance.audit import AuditLog, key_from, sign_head
    from executor.ports import SystemClock

    path = _log(log)
    if not path.is_file():
        raise BadInput(f"There is no audit log at {path}.", field="log", path=str(path))
    signing = key_from(os.environ)
    with AuditLog(path, _heads(heads, path)) as opened:
        signed = sign_head(opened, signing, SystemClock().now())
    answer(signed.to_json(), json_, [(name, str(value)) for name, value in signed.to_json().items()])


@audit.command()
def verify(log: Log = None, heads: Heads = None, public_key: PublicKey = None, json_: AsJson = False) -> None:
    """Check every entry, the tree over them, and every signed head, those in the folder too.

    Exit code 0 when everything holds, 1 when something does not, 2 when there is no log.
    """
    from executor.compliance.audit import verify_log
    from executor.compliance.audit.keys import checked_public

    path = _log(log)
    result = verify_log(path, _heads(heads, path), checked_public(public_key) if public_key is not None else None)
    if json_:
        typer.echo(json.dumps(result.to_json()))
    else:
        for finding in result.findings:
            typer.echo(f"{'holds   ' if finding.holds else 'DOES NOT'}  {finding.sentence}")
            for detail in finding.details:
                typer.echo(f"            {detail}")
        typer.echo(f"{result.entries} entries, {result.heads} signed heads, {result.anchors} in the folder; root {result.root}")
        typer.echo(f"A cut before entry {result.covered} is seen." if result.covered else "Nothing was signed, so a cut is not seen.")
        for signer in result.keys if public_key is None else ():
            typer.echo(f"Signed by {signer}; compare it with yours, or give it as --public-key.")
        if not result.holds:
            typer.echo(f"The first broken entry is {result.first_broken_seq}. Keep this file as it is, and restore the log from a copy.")
    if not result.holds:
        raise typer.Exit(1)


@audit.command()
def prove(
    out: Out,
    seq: Annotated[int | None, typer.Argument(help="The entry to prove.")] = None,
    since: Annotated[int | None, typer.Option("--since", help="Prove that the log only grew since its head of so many entries.")] = None,
    log: Log = None,
) -> None:
    """Write a proof that an entry is in the log, or that the log only grew, for whoever has the public key and not the log."""
    from executor.compliance.audit.proofs import prove_entry, prove_growth
    from executor.compliance.audit.reading import reading

    if (seq is None) == (since is None):
        raise BadInput("Say which entry to prove, or --since which size; not both.", field="seq")
    with reading(_log(log)) as opened:
        proof = prove_entry(opened, seq) if seq is not None else prove_growth(opened, since or 0)
    try:
        with out.open("xb") as file:
            file.write(proof)
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror}); name a new file.", field="out", path=str(out)) from error
    typer.echo(f"{out}: {len(proof)} bytes; `grekko audit check-proof {out}` checks it.", err=True)


@audit.command("check-proof")
def check_proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The proof; - reads it from standard input.")],
    public_key: PublicKey = None,
    json_: AsJson = False,
) -> None:
    """Check a proof without the log. Exit code 0 when it holds, 1 when it does not, 2 when it is none."""
    from executor.compliance.audit.keys import checked_public
    from executor.compliance.audit.proofs import check_proof as checked

    try:
        told = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).", field="proof", path=str(file)) from error
    result = checked(told, checked_public(public_key) if public_key is not None else None)
    if json_:
        typer.echo(json.dumps({"holds": result.holds, "sentence": result.sentence, "key": result.key}))
    else:
        typer.echo(f"{'holds   ' if result.holds else 'DOES NOT'}  {result.sentence}")
        if public_key is None:
            typer.echo(f"Signed by {result.key}; compare it with the log's, or give that as --public-key.")
    if not result.holds:
        raise typer.Exit(1)


def _log(told: Path | None) -> Path:
    from executor.compliance.audit.place import LOG_VARIABLE, log_of
    from pipelines.home import Home

    named = os.environ.get(LOG_VARIABLE)
    return told or (Path(named) if named else log_of(Home.here().compliance, os.environ))


def _heads(told: Path | None, log: Path) -> Path:
    from executor.compliance.audit.place import heads_of

    return told or heads_of(log, os.environ)
