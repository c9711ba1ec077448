"""Reports: 20,000 synthetic trades judged, rendered as auth.016 XML, signed and validated, beside lxml element by element.

Each run has a process of its own, so that peak memory is its own. The peer gets its texts ready made and only builds, sorts and writes
2,000 records; its time is scaled per record. Both must give the same XML. Needs the schemas of ISO 20022 in ../shared/schemas.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TRADES, LONG, PART = 20_000, 100_000, 2_000
AIM_SECONDS = 3
ROOT = Path(__file__).resolve().parent.parent
KEY = bytes(range(32))


def main() -> int:
    """Prints seconds and peak memory of each side; returns 1 when a document is not valid or the sides differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.reports", description=__doc__)
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--side", choices=("ours", "peer"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(_ours(asked.trades) if asked.side == "ours" else _peer(asked.trades)))
        return 0
    found = [_in_own_process("ours", count) for count in (asked.trades, LONG)]
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for told in found:
        steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in told["steps"].items())
        print(
            f"ours, {told['trades']:,} trades: {told['seconds']:.2f} s by the clock, {told['cpu']:.2f} s of processor ({steps}); "
            f"{told['reported']:,} records, {told['mb']:.1f} MB of XML, valid: {told['valid']}"
        )
        print(f"  peak memory {told['peak_mb']:,.0f} MB, {told['more_mb']:,.0f} MB more than with the trades in memory")
    print(f"aim: {TRADES:,} trades in {AIM_SECONDS} s on two cores that do nothing else")
    peer = _in_own_process("peer", PART)
    ratio = peer["peer_seconds"] / peer["our_seconds"]
    print(
        f"building {PART:,} records: lxml element by element {peer['peer_seconds']:.2f} s, ours {peer['our_seconds']:.2f} s: {ratio:.1f} ×"
    )
    print("Both sides give the same XML." if peer["same"] else "THE SIDES DIFFER.")
    return 0 if peer["same"] and all(told["valid"] for told in found) else 1


def _in_own_process(side: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.reports", "--side", side, "--trades", str(count)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


class _Schemas:
    """Official schemas beside the checkout, our own in it."""

    def path(self, name: str) -> Path:
        own = name.startswith("own/")
        return (ROOT / "domain" / "regulation" / "schemas" if own else ROOT.parent / "shared" / "schemas") / name


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ours(count: int) -> dict[str, Any]:
    from bench._report_trades import HEADING, synthetic_trades
    from domain.regulation.report import Watch, judge, render_parts
    from domain.regulation.report.signature import sign
    from executor.compliance.rulebook_file import load_rulebook

    book = load_rulebook()
    report = book.reports["EU.MiCA.transactions"]
    rows = synthetic_trades(count)
    before, steps, cpu = _peak_mb(), {}, time.process_time()
    start = at = time.perf_counter()
    judged = judge(report, rows, book, HEADING)
    steps["judge"], at = time.perf_counter() - at, time.perf_counter()
    keys: dict[tuple[str, ...], list[str]] = {}
    with tempfile.TemporaryFile() as file:
        watch = Watch(report, "xml", _Schemas())

        def written():
            for part in watch.passing(render_parts(report, judged, "xml", HEADING, _Schemas(), keys)):
                file.write(part)
                yield part

        sign("bench.xml", written(), KEY)
        size = file.tell()
        file.seek(0)
        findings = watch.findings(file, {"/".join(place): told for place, told in keys.items()})
        steps["render, write, sign and validate"] = time.perf_counter() - at
    return {
        "trades": count,
        "steps": steps,
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "reported": judged.count("reported"),
        "mb": size / 1e6,
        "valid": findings.is_empty(),
        "peak_mb": _peak_mb(),
        "more_mb": _peak_mb() - before,
    }


def _peer(count: int) -> dict[str, Any]:
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # it brings no types

    from bench._lxml_elements import ElementByElement
    from bench._report_trades import HEADING, synthetic_trades
    from domain.regulation.report import judge, lineage, render
    from executor.compliance.rulebook_file import load_rulebook

    book = load_rulebook()
    report = book.reports["EU.MiCA.transactions"]
    form = report.formats["xml"]
    judged = judge(report, synthetic_trades(count), book, HEADING)
    render(report, judged, "xml", HEADING, _Schemas())
    start = time.perf_counter()
    ours = render(report, judged, "xml", HEADING, _Schemas()).content
    our_seconds = time.perf_counter() - start
    records: dict[str, list[Any]] = {}
    for row in lineage(report, judged, "xml", HEADING).iter_rows(named=True):
        head, _, rest = row["place"].partition("]/")
        path, _, attribute = rest.partition("/@")
        if attribute:
            last = records[head][-1]
            records[head][-1] = (last[0], last[1], (*last[2], (attribute, row["value"])))
        else:
            records.setdefault(head, []).append((tuple(path.split("/")), row["value"], ()))
    peer = ElementByElement(
        _Schemas().path(form.schema or ""), form.root, {None: form.namespace, **{one.prefix: one.namespace for one in form.extensions}}
    )
    order = sorted(records, key=lambda head: int(head.rpartition("[")[2]))
    start = time.perf_counter()
    theirs = peer.build(("FinInstrmRptgTxRpt", "Tx"), [records[head] for head in order])
    peer_seconds = time.perf_counter() - start
    texts = (ours[ours.index(b"<Document") :], theirs)
    same = len({etree.tostring(etree.fromstring(text), method="c14n") for text in texts}) == 1
    return {"our_seconds": our_seconds, "peer_seconds": peer_seconds, "same": same}


if __name__ == "__main__":
    sys.exit(main())
