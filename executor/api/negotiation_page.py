"""A negotiation as a page a person can read: plain HTML, everything escaped, no script, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #2a7; --bad: #c43; --ink: #57b }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.decision { font-size: 1.2rem; border-left: .3rem solid var(--ink); padding: .5rem 1rem; margin: 1rem 0; background: #8881 }
table { border-collapse: collapse; width: 100% } th { font-weight: 600 }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }
td.number { text-align: right; font-variant-numeric: tabular-nums }
td.time { font-variant-numeric: tabular-nums; white-space: nowrap }
.bar { display: grid; grid-template-columns: 1fr 1fr; min-width: 12rem; height: 1.1rem }
.bar span { display: block; height: 100% } .left { justify-self: end; background: var(--bad) } .right { background: var(--good) }
.note { color: var(--bad) } .small { color: #888; font-size: .85rem; overflow-wrap: anywhere } .chosen td { font-weight: 600 }
"""


def page_of(document: dict[str, Any]) -> str:
    """The page of a document that `executor/agents/reading.py` made."""
    decision, call = document["decision"], document["call"]
    title = f"Negotiation about {document['trade_id']}"
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
    ]
    if call:
        asked = (
            f"{' / '.join(call['actions'])} {call['base']} for {call['quote']}? As of {call['as_of']}, answers until {call['deadline']}."
        )
        parts.append(f"<p>{escape(asked)}</p>")
    if decision:
        parts.append(f"<p class=decision>{escape(decision['reason'])}</p>")
        parts += _tallies(decision)
        parts += _weights(decision)
    else:
        parts.append("<p class=decision>No decision was taken.</p>")
    parts += _credits(document)
    parts += _messages(document)
    parts += _record(document)
    return "".join([*parts, "</body></html>"])


def _tallies(decision: dict[str, Any]) -> Iterable[str]:
    yield "<h2>The tally</h2>"
    rows = []
    for one in decision["tallies"]:
        micro = max(-1_000_000, min(1_000_000, int(one["score_micro"])))
        width = abs(micro) / 10_000
        left, right = (f"{width:.2f}", "0") if micro < 0 else ("0", f"{width:.2f}")
        bar = f"<div class=bar><span class=left style='width:{left}%'></span><span class=right style='width:{right}%'></span></div>"
        chosen = " class=chosen" if one["action"] == decision["action"] else ""
        rows.append(
            f"<tr{chosen}><td>{escape(one['action'])}</td><td class=number>{micro / 1e6:+.6f}</td><td>{bar}</td>"
            f"<td>{escape(', '.join(one['favoured_by']))}</td></tr>"
        )
    head = "<tr><th>action</th><th>score</th><th>worse · better than the safest</th><th>favourite of</th></tr>"
    yield f"<table>{head}{''.join(rows)}</table>"


def _weights(decision: dict[str, Any]) -> Iterable[str]:
    yield "<h2>Who counted, and how much</h2>"
    rows = [
        f"<tr><td>{escape(name)}</td><td class=number>{ppm / 10_000:.4f} %</td><td></td></tr>"
        for name, ppm in decision["weights_ppm"].items()
    ]
    for what in ("refused", "failed"):
        rows += [f"<tr><td>{escape(name)}</td><td>{what}</td><td>{escape(why)}</td></tr>" for name, why in sorted(decision[what].items())]
    for what in ("silent", "late"):
        gone = ["its line ended" if name in decision["down"] else "" for name in decision[what]]
        rows += [f"<tr><td>{escape(name)}</td><td>{what}</td><td>{why}</td></tr>" for name, why in zip(decision[what], gone, strict=True)]
    yield f"<table><tr><th>agent</th><th>weight</th><th>why not</th></tr>{''.join(rows)}</table>"


def _credits(document: dict[str, Any]) -> Iterable[str]:
    credited, learnt = document["credited"], document["learnt"]
    if not credited:
        return
    yield f"<h2>What it earned, and for whom</h2><p>{escape(credited['result'])} base units beyond the safest.</p>"
    after = learnt["ppm"] if learnt else {}
    rows = []
    for name, units in credited["shapley"].items():
        weight = f"{after[name] / 10_000:.4f} %" if name in after else ""
        share = credited["utility_share"][name]
        cells = "".join(f"<td class=number>{escape(str(one))}</td>" for one in (units, share, credited["scores"][name], weight))
        rows.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    head = "<tr><th>agent</th><th>Shapley value</th><th>utility share</th><th>score</th><th>weight then</th></tr>"
    yield f"<table>{head}{''.join(rows)}</table>"
    if learnt and learnt["frozen"]:
        yield f"<p class=note>No weight moved: {escape(learnt['frozen'])}</p>"


def _messages(document: dict[str, Any]) -> Iterable[str]:
    from executor.agents.reading import said

    yield "<h2>Who said what, when</h2><table><tr><th>received</th><th>from</th><th>to</th><th>act</th><th>said</th></tr>"
    for one in document["messages"]:
        kind = " class=note" if one["note"] else ""
        cells = "".join(f"<td>{escape(str(one[name]))}</td>" for name in ("from", "to", "act"))
        yield f"<tr><td class=time>{escape(one['at'][11:26])}</td>{cells}<td{kind}>{escape(said(one))}</td></tr>"
    for one in document["lost"]:
        yield (
            f"<tr><td class=time>{escape(one['at'][11:26])}</td><td>{escape(one['agent'])}</td><td></td><td>lost</td>"
            f"<td class=note>{escape(one['why'])}</td></tr>"
        )
    yield "</table>"


def _record(document: dict[str, Any]) -> Iterable[str]:
    equal, rows = document["replay"]["equal"], document["rows"]
    yield "<h2>The record</h2>"
    yield "<p>replay: equal</p>" if equal else "<p class=note>replay: not equal</p>"
    yield "".join(f"<p class=note>{escape(one)}</p>" for one in document["replay"]["findings"])
    if not rows["intact"]:
        yield "<p class=note>A row's hash is not that of what it tells.</p>"
    if document["outcome"]:
        told = " ".join(str(value) for value in document["outcome"].values())
        yield f"<p>outcome: {escape(told)}</p>"
    yield (
        f"<p class=small>conversation {escape(document['conversation_id'])}, rows {rows['first']} to {rows['last']}, "
        f"sealed by {escape(rows['hash'])}</p>"
    )
    if document.get("earlier"):
        yield f"<p class=small>earlier about this trade: {escape(', '.join(document['earlier']))}</p>"
