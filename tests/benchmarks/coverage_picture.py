"""Curves of coverage as one SVG: small panels, each with the band that is aimed at.

In:  panels of rates against coverage.
Out: SVG text that needs nothing else, readable on a light and a dark page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = 3
WIDTH, HEIGHT = 300, 150
LEFT, TOP, GAP_X, GAP_Y = 44, 30, 56, 62
LOWEST = 0.8
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:10px;fill:#57606a}"
    ".frame{fill:none;stroke:#d0d7de}.grid{stroke:#d0d7de;stroke-width:.5}"
    ".band{fill:#2da44e;fill-opacity:.18}.aim{stroke:#2da44e;stroke-dasharray:4 3}"
    ".curve{fill:none;stroke:#0969da;stroke-width:1.2;stroke-linejoin:round}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.frame,.grid{stroke:#3d444d}"
    ".curve{stroke:#4493f8}}"
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve: coverage over the true rate."""

    title: str
    rates: tuple[float, ...]
    coverages: tuple[float, ...]


def picture_svg(panels: Sequence[Panel]) -> str:
    """All panels in rows."""
    num_rows = -(-len(panels) // COLUMNS)
    width = LEFT + COLUMNS * WIDTH + (COLUMNS - 1) * GAP_X + 16
    height = TOP + num_rows * HEIGHT + (num_rows - 1) * GAP_Y + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>How often 95% intervals hold the true success rate</title>",
        f"<style>{STYLE}</style>",
    ]
    for number, panel in enumerate(panels):
        x = LEFT + (number % COLUMNS) * (WIDTH + GAP_X)
        y = TOP + (number // COLUMNS) * (HEIGHT + GAP_Y)
        parts.append(f'<g transform="translate({x},{y})">{_panel(panel)}</g>')
    caption = "true success rate; green: 94–96%; a curve that touches the lower edge goes below 80%"
    parts.append(f'<text class="small" x="{width / 2}" y="{height - 8}" text-anchor="middle">{caption}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel) -> str:
    parts = [f'<text x="0" y="-10">{panel.title}</text>']
    parts.append(f'<rect class="band" x="0" y="{_y(0.96):.1f}" width="{WIDTH}" height="{_y(0.94) - _y(0.96):.1f}"/>')
    for coverage in (0.8, 0.85, 0.9, 0.95, 1.0):
        kind = "aim" if coverage == 0.95 else "grid"
        y = _y(coverage)
        parts.append(f'<line class="{kind}" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="small" x="-6" y="{y + 3.5:.1f}" text-anchor="end">{coverage:.0%}</text>')
    for rate in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(
            f'<text class="small" x="{rate * WIDTH:.0f}" y="{HEIGHT + 14}" text-anchor="middle">{rate:g}</text>'
        )
    dots = zip(panel.rates, panel.coverages, strict=True)
    points = " ".join(f"{rate * WIDTH:.1f},{_y(max(coverage, LOWEST)):.1f}" for rate, coverage in dots)
    parts.append(f'<polyline class="curve" points="{points}"/>')
    parts.append(f'<rect class="frame" width="{WIDTH}" height="{HEIGHT}"/>')
    return "".join(parts)


def _y(coverage: float) -> float:
    return HEIGHT * (1.0 - coverage) / (1.0 - LOWEST)
