"""The path of the evidence as a picture: a small SVG to keep, and lines of text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP = 720, 300, 56, 44
INK, GAIN, LOSS, BAR = "#3b6ea8", "#2e8b57", "#b0413e", "#b8860b"
CELLS = 24


def lines(by_block: Sequence[Mapping[str, Any]], bar: float) -> list[str]:
    """One line a block: its saving, and how far the evidence has come on the way from 1 to the bar (`|`), in powers."""
    told = []
    for row in by_block:
        reached = max(math.log(max(row["e_value"], 1e-9)) / math.log(bar), 0.0)
        filled = min(round(reached * CELLS), CELLS + 6)
        drawn = ("█" * min(filled, CELLS)).ljust(CELLS, "·") + "|" + "█" * max(filled - CELLS, 0)
        told.append(f"{row['block']:>3} {row['first_order_at'][5:10]} {row['saving_bps']:+7.2f} bps  {drawn} e {row['e_value']:.3g}")
    return told


def svg(by_block: Sequence[Mapping[str, Any]], bar: float, title: str) -> str:
    """log10 of the e-value after each block as a line, the bar that promotes dashed, and each block's saving as a column below."""
    right, bottom = WIDTH - 16, HEIGHT - 84
    logs = [math.log10(max(row["e_value"], 1e-9)) for row in by_block]
    low, high = min([0.0, *logs]), max([math.log10(bar), *logs]) + 0.2
    step = (right - LEFT) / max(len(by_block), 1)

    def height_of(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - TOP)

    parts = [
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
        f"<text x='{LEFT}' y='22' font-size='14'>{escape(title)}</text>",
        _level(height_of(math.log10(bar)), right, f"{bar:g}", BAR, "6 4"),
        _level(height_of(0.0), right, "1", "#999", ""),
    ]
    if logs:
        points = " ".join(f"{LEFT + step * (at + 0.5):.1f},{height_of(value):.1f}" for at, value in enumerate(logs))
        parts.append(f"<polyline fill='none' stroke='{INK}' stroke-width='2' points='{points}'/>")
    reach = max((abs(row["saving_bps"]) for row in by_block), default=0.0) or 1.0
    middle = HEIGHT - 40
    for at, row in enumerate(by_block):
        length = abs(row["saving_bps"]) / reach * 24
        top = middle - length if row["saving_bps"] >= 0 else middle
        colour = GAIN if row["saving_bps"] >= 0 else LOSS
        parts.append(
            f"<rect x='{LEFT + step * at + 2:.1f}' y='{top:.1f}' width='{max(step - 4, 1):.1f}' height='{length:.1f}' fill='{colour}'/>"
        )
    parts.append(f"<text x='4' y='{TOP - 6}'>e-value</text><text x='4' y='{middle + 4}'>saving</text>")
    parts.append(
        f"<text x='{LEFT}' y='{HEIGHT - 4}'>blocks from {escape(by_block[0]['first_order_at'][:10]) if by_block else 'none yet'}; "
    )
    parts.append(f"largest saving or loss of a block: {reach:.2f} bps</text>")
    body = "".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}' font-family='sans-serif' font-size='11'>{body}</svg>\n"
    )


def _level(height: float, right: float, label: str, colour: str, dashes: str) -> str:
    line = f"<line x1='{LEFT}' x2='{right}' y1='{height:.1f}' y2='{height:.1f}' stroke='{colour}' stroke-dasharray='{dashes}'/>"
    return f"{line}<text x='{LEFT - 6}' y='{height + 4:.1f}' text-anchor='end' fill='{colour}'>{label}</text>"
