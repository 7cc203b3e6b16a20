"""Plots as SVG: pairs of bars, before and in the draft. Texts are escaped, colours come from the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil

from starter.replaying.plot_scale import steps_to

WIDTH = 720
LETTERS = 28
ROW = 34
BAR = 13
AXIS = 26

Pair = tuple[str, float, float]
"""What is told, before, and in the draft."""


def lying_bars(name: str, title: str, pairs: Sequence[Pair], unit: str) -> str:
    """A pair of bars for each row, one under the other."""
    height = ROW * len(pairs) + AXIS
    top = max((max(before, after) for _, before, after in pairs), default=0) or 1
    marks = steps_to(top)
    left = 7 * max((len(_short(label)) for label, _, _ in pairs), default=0) + 16
    scale = (WIDTH - left - 60) / marks[-1]
    parts = [
        f'<g class="grid"><path d="M{left + mark * scale:.1f} 0V{height - AXIS}"/>'
        f'<text x="{left + mark * scale:.1f}" y="{height - 8}" text-anchor="middle">{_figure(mark)}</text></g>'
        for mark in marks
    ]
    for at, (label, before, after) in enumerate(pairs):
        y = at * ROW + 3
        parts.append(
            f'<text x="{left - 8}" y="{y + BAR + 4}" text-anchor="end">{escape(_short(label))}'
            f"<title>{escape(label)}</title></text>"
        )
        for css, value, offset in (("against", before, 0), ("draft", after, BAR + 1)):
            parts.append(
                f'<rect class="{css}" x="{left}" y="{y + offset}" width="{value * scale:.1f}" height="{BAR}" rx="1"/>'
                f'<text class="value" x="{left + value * scale + 5:.1f}" y="{y + offset + BAR - 2}">'
                f"{_figure(value)}</text>"
            )
    return _svg(name, title, _told(pairs, unit), WIDTH, height, parts)


def standing_bars(name: str, title: str, pairs: Sequence[Pair], unit: str, across: str) -> str:
    """A pair of bars for each column, side by side; ``across`` names what the columns are."""
    height, foot, left = 240, 44, 64
    top = max((max(before, after) for _, before, after in pairs), default=0) or 1
    marks = steps_to(top)
    scale = (height - foot - 14) / marks[-1]
    base = height - foot
    column = (WIDTH - left - 10) / max(len(pairs), 1)
    bar = min(column * 0.4, 26)
    parts = [
        f'<g class="grid"><path d="M{left} {base - mark * scale:.1f}H{WIDTH}"/>'
        f'<text x="{left - 8}" y="{base - mark * scale + 4:.1f}" text-anchor="end">{_figure(mark)}</text></g>'
        for mark in marks
    ]
    every = ceil(len(pairs) / 24)
    for at, (label, before, after) in enumerate(pairs):
        middle = left + (at + 0.5) * column
        for css, value, x in (("against", before, middle - bar - 0.5), ("draft", after, middle + 0.5)):
            parts.append(
                f'<rect class="{css}" x="{x:.1f}" y="{base - value * scale:.1f}" width="{bar:.1f}"'
                f' height="{value * scale:.1f}" rx="1">'
                f"<title>{escape(label)}: {_figure(value)} {escape(unit)}</title></rect>"
            )
        if at % every == 0:
            parts.append(f'<text x="{middle:.1f}" y="{base + 16}" text-anchor="middle">{escape(label)}</text>')
    parts.append(f'<text x="{(WIDTH + left) / 2:.1f}" y="{height - 6}" text-anchor="middle">{escape(across)}</text>')
    return _svg(name, title, _told(pairs, unit), WIDTH, height, parts)


def _svg(name: str, title: str, description: str, width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-labelledby="{name}-title {name}-text" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-text">{escape(description)}</desc>'
        f'<g aria-hidden="true">{"".join(parts)}</g></svg>'
    )


def _told(pairs: Sequence[Pair], unit: str) -> str:
    """The plot in words, for whoever does not see it; the table beside it has the rest."""
    told = "; ".join(
        f"{label}: {_figure(before)} before, {_figure(after)} in the draft" for label, before, after in pairs
    )
    return f"{unit}. {told}."


def _short(label: str) -> str:
    return label if len(label) <= LETTERS else label[: LETTERS - 1] + "…"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
