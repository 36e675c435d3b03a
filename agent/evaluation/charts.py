"""Small figures of the evaluation's page: inline SVG that scales by percent, so that text keeps its size on a phone.

In:  numbers between 0 and 1.
Out: SVG text without a word from outside, so that it may be put into a page unescaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Told apart in light and dark, and by people who do not see red and green apart.
COLORS = ("#2f6fd6", "#d9822b", "#15967a", "#a64cc0", "#c2415d", "#7a8b1f", "#1b98c4", "#8a6242")
CONTROL_COLOR = "#8b93a1"
PAD_PERCENT = 2.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A value between 0 and 1 with its interval, where it has one."""

    value: float
    interval: tuple[float, float] | None
    color: str
    hollow: bool = False


def axis_svg() -> str:
    """The scale above a column of `dots_svg`."""
    labels = "".join(
        f'<text x="{_at(share):.2f}%" y="12" text-anchor="{anchor}">{share:.0%}</text>'
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    return f'<svg class="axis" height="16" aria-hidden="true">{labels}</svg>'


def dots_svg(dots: Sequence[Dot], height: int = 22) -> str:
    """Dots with whiskers over a faint grid; the numbers stand beside it as text."""
    middle = height / 2
    parts = [f'<svg class="dots" height="{height}" aria-hidden="true">']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line class="grid" x1="{_at(share):.2f}%" x2="{_at(share):.2f}%" y1="0" y2="{height}"/>')
    for dot in dots:
        if dot.interval is not None:
            low, high = (_at(end) for end in dot.interval)
            parts.append(
                f'<line x1="{low:.2f}%" x2="{high:.2f}%" y1="{middle}" y2="{middle}" stroke="{dot.color}" '
                'stroke-width="2.5" stroke-linecap="round" opacity=".55"/>'
            )
        fill = "var(--paper)" if dot.hollow else dot.color
        parts.append(
            f'<circle cx="{_at(dot.value):.2f}%" cy="{middle}" r="5" fill="{fill}" stroke="{dot.color}" '
            'stroke-width="2"/>'
        )
    return "".join([*parts, "</svg>"])


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """One bin: how sure it was on average, how often it was right, and the interval of that."""

    confidence: float
    rate: float
    interval: tuple[float, float]
    episodes: int


def reliability_svg(points: Sequence[ReliabilityPoint]) -> str:
    """How often episodes of a confidence succeeded; on the diagonal the confidence is honest."""
    size, left, top = 260.0, 44.0, 10.0

    def place(confidence: float, rate: float) -> tuple[float, float]:
        return left + confidence * size, top + (1.0 - rate) * size

    parts = [
        f'<svg class="square" viewBox="0 0 {left + size + 12:.0f} {top + size + 44:.0f}" role="img" '
        'aria-label="success against confidence">'
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = place(share, share)
        parts.append(f'<line class="grid" x1="{left}" x2="{left + size}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + size}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>')
        parts.append(f'<text x="{x:.1f}" y="{top + size + 16:.1f}" text-anchor="middle">{share:.0%}</text>')
    (x0, y0), (x1, y1) = place(0.0, 0.0), place(1.0, 1.0)
    parts.append(f'<line class="ideal" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>')
    most = max((point.episodes for point in points), default=1)
    for point in points:
        x, y = place(point.confidence, point.rate)
        (_, low), (_, high) = place(0.0, point.interval[0]), place(0.0, point.interval[1])
        radius = 3.5 + 5.0 * (point.episodes / most) ** 0.5
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{COLORS[0]}" '
            'stroke-width="2" opacity=".55"/>'
        )
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{COLORS[0]}" fill-opacity=".85"/>')
    middle, below = left + size / 2, top + size + 36
    parts.append(f'<text x="{middle:.1f}" y="{below:.1f}" text-anchor="middle">confidence</text>')
    return "".join([*parts, "</svg>"])


def _at(share: float) -> float:
    """Percent of the width; a little room at both ends for the dots' radius."""
    return PAD_PERCENT + (100.0 - 2.0 * PAD_PERCENT) * min(max(share, 0.0), 1.0)
