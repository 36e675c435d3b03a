"""Panels of curves as one SVG that needs nothing else, readable on a light and a dark page.

In:  panels: curves over numbers, with the words for both axes.
Out: SVG text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 330, 190
LEFT, TOP, GAP_X, GAP_Y = 58, 34, 78, 84
LEGEND_GAP, LETTER = 32.0, 5.4
COLORS = ("#2f6fd6", "#d9822b", "#15967a", "#8b93a1", "#a64cc0")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:10px;fill:#57606a}"
    ".frame{fill:none;stroke:#d0d7de}.grid{stroke:#d0d7de;stroke-width:.5}"
    ".curve{fill:none;stroke-width:1.8;stroke-linejoin:round}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.frame,.grid{stroke:#3d444d}}"
)


@dataclass(frozen=True, slots=True)
class Curve:
    """One line, dashed where it is nearly covered by another."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves over one pair of axes; a logarithmic axis takes positive numbers only."""

    title: str
    x_name: str
    y_name: str
    curves: tuple[Curve, ...]
    is_log: bool = False


def picture_svg(title: str, panels: Sequence[Panel], columns: int = 2) -> str:
    """All panels in rows."""
    rows = -(-len(panels) // columns)
    width = LEFT + columns * WIDTH + (columns - 1) * GAP_X + 20
    height = TOP + rows * HEIGHT + (rows - 1) * GAP_Y + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
    ]
    for number, panel in enumerate(panels):
        x, y = LEFT + (number % columns) * (WIDTH + GAP_X), TOP + (number // columns) * (HEIGHT + GAP_Y)
        parts.append(f'<g transform="translate({x},{y})">{_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel) -> str:
    values_x = [x for curve in panel.curves for x in curve.x]
    values_y = [y for curve in panel.curves for y in curve.y if math.isfinite(y)]
    x_ticks = _ticks(min(values_x), max(values_x))
    y_ticks = _decades(values_y) if panel.is_log else _ticks(min(0.0, *values_y), max(values_y))
    across = _Scale(x_ticks[0], x_ticks[-1], float(WIDTH), False)
    up = _Scale(y_ticks[0], y_ticks[-1], float(HEIGHT), panel.is_log)
    parts = [f'<text x="0" y="-12">{escape(panel.title)}</text>']
    for tick in y_ticks:
        y = HEIGHT - up.at(tick)
        parts.append(f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="small" x="-6" y="{y + 3.5:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        parts.append(
            f'<text class="small" x="{across.at(tick):.1f}" y="{HEIGHT + 14}" text-anchor="middle">{tick:g}</text>'
        )
    parts.append(f'<rect class="frame" width="{WIDTH}" height="{HEIGHT}"/>')
    legend_x = 0.0
    for number, curve in enumerate(panel.curves):
        color, dash = COLORS[number % len(COLORS)], ' stroke-dasharray="2 5"' if curve.is_dashed else ""
        points = " ".join(
            f"{across.at(x):.1f},{HEIGHT - up.at(y):.1f}"
            for x, y in zip(curve.x, curve.y, strict=True)
            if math.isfinite(y)
        )
        parts.append(f'<polyline class="curve" stroke="{color}"{dash} points="{points}"/>')
        x, y = legend_x, HEIGHT + 44
        legend_x += LEGEND_GAP + LETTER * len(curve.name)
        parts.append(f'<line x1="{x:.0f}" x2="{x + 16:.0f}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="3"/>')
        parts.append(f'<text class="small" x="{x + 20:.0f}" y="{y + 3.5}">{escape(curve.name)}</text>')
    names = (
        f'<text class="small" x="{WIDTH / 2}" y="{HEIGHT + 28}" text-anchor="middle">{escape(panel.x_name)}</text>',
        f'<text class="small" transform="translate(-44,{HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(panel.y_name)}</text>",
    )
    return "".join([*parts, *names])


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    length: float
    is_log: bool

    def at(self, value: float) -> float:
        low, high, value = (math.log10(v) if self.is_log else v for v in (self.low, self.high, value))
        return (value - low) / (high - low) * self.length


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers that enclose both."""
    span = max(high - low, 1e-9)
    step = 10.0 ** math.floor(math.log10(span / 4.0))
    step *= next(k for k in (1, 2, 5, 10) if span / (k * step) <= 5.0)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _decades(values: Sequence[float]) -> list[float]:
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**k for k in range(first, max(last, first + 1) + 1)]
