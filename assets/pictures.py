"""Small pictures for the asset pages: SVG under a thousand characters, because Dagster draws longer ones as a link."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import dagster as dg

LIMIT = 999
WIDTH, HEIGHT = 240, 44
INK, GAIN, LOSS = "#3b6ea8", "#2e8b57", "#b0413e"


def sparkline(values: Sequence[float], label: str = "") -> dg.MarkdownMetadataValue:
    """A line through the values, thinned until it fits; shows first and last in words."""
    finite = [float(value) for value in values if value is not None and value == value]
    if not finite:
        return dg.MetadataValue.md("no values yet")
    points = 60
    while True:
        picture = _markdown(_line(_thinned(finite, points)), f"{label} {finite[0]:.4g} → {finite[-1]:.4g}".strip())
        if len(picture) <= LIMIT or points <= 4:
            return dg.MetadataValue.md(picture)
        points -= 6


def bars(values: Mapping[str, float], label: str = "") -> dg.MarkdownMetadataValue:
    """One bar per name, gains and losses in different colours; as many bars as fit, largest first."""
    ranked = sorted(((name, float(value)) for name, value in values.items()), key=lambda item: -abs(item[1]))
    while ranked:
        picture = _markdown(_bars(ranked), label or "bars")
        if len(picture) <= LIMIT:
            return dg.MetadataValue.md(picture)
        ranked.pop()
    return dg.MetadataValue.md("no values yet")


def evidence(e_values: Sequence[float], bar: float) -> dg.MarkdownMetadataValue:
    """The e-value look by look on a logarithmic scale, with the line that promotes; thinned until it fits."""
    finite = [math.log10(value) for value in map(float, e_values) if value > 0 and math.isfinite(value)]
    if not finite or bar <= 0:
        return dg.MetadataValue.md("no values yet")
    line = math.log10(bar)
    points = 60
    while True:
        picture = _markdown(_path_to(_thinned(finite, points), line), f"e-value {10 ** finite[-1]:.3g} of {bar:.3g}")
        if len(picture) <= LIMIT or points <= 4:
            return dg.MetadataValue.md(picture)
        points -= 6


def _thinned(values: Sequence[float], points: int) -> list[float]:
    if len(values) <= points:
        return list(values)
    return [values[round(i * (len(values) - 1) / (points - 1))] for i in range(points)]


def _line(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    reach = (high - low) or 1.0
    step = WIDTH / max(len(values) - 1, 1)
    path = " ".join(f"{i * step:.0f},{HEIGHT - 2 - (value - low) / reach * (HEIGHT - 4):.0f}" for i, value in enumerate(values))
    return _svg(WIDTH, HEIGHT, f"<polyline fill='none' stroke='{INK}' points='{path}'/>")


def _path_to(values: Sequence[float], line: float) -> str:
    low, high = min(*values, line, 0.0), max(*values, line)
    reach = (high - low) or 1.0
    step = WIDTH / max(len(values) - 1, 1)

    def height(value: float) -> float:
        return HEIGHT - 2 - (value - low) / reach * (HEIGHT - 4)

    path = " ".join(f"{i * step:.0f},{height(value):.0f}" for i, value in enumerate(values))
    crossed = GAIN if values[-1] >= line else INK
    bar = f"<path stroke='{LOSS}' stroke-dasharray='4' d='M0 {height(line):.0f}h{WIDTH}'/>"
    return _svg(WIDTH, HEIGHT, f"{bar}<polyline fill='none' stroke='{crossed}' points='{path}'/>")


def _bars(ranked: Sequence[tuple[str, float]]) -> str:
    reach = max(abs(value) for _, value in ranked) or 1.0
    rows = []
    for i, (name, value) in enumerate(ranked):
        colour = GAIN if value >= 0 else LOSS
        length = max(1, round(abs(value) / reach * 90))
        top = 13 * i
        rows.append(
            f"<text y='{top + 10}'>{name[:16]} {value:.4g}</text><rect x='150' y='{top + 2}' width='{length}' height='9' fill='{colour}'/>"
        )
    return _svg(WIDTH, 13 * len(ranked), f"<g font-size='10' font-family='sans-serif'>{''.join(rows)}</g>")


def _svg(width: int, height: int, body: str) -> str:
    return f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>{body}</svg>"


def _markdown(svg: str, alt: str) -> str:
    return f"![{alt}](data:image/svg+xml,{quote(svg, safe=_PLAIN)})"


# Characters a data URI inside Markdown may carry as they are; quotes, angle brackets, # and blanks may not.
_PLAIN = "/:=',-.;"
