"""By how much one clock is ahead of another, from how fast both sensors say that they turn.

In:  angular speeds (rad/s; their size alone, so that no mounting need be known) with the times of each clock.
Out: the offset, how sure it is; or why that cannot be told.

The correlation of the two over all offsets, its peak refined to a fraction of a sample by a parabola. How sharply it
bends there, against what the two do not share, is how sure it is.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .outcome import Refusal, RefusalReason, TimeOffset

LEAST_S = 1.0
LEAST_SPREAD_RADPS = 0.05
LEAST_CORRELATION = 0.7


def solve_time_offset(
    first_times_s: Float[np.ndarray, " first"],
    first_radps: Float[np.ndarray, " first"],
    second_times_s: Float[np.ndarray, " second"],
    second_radps: Float[np.ndarray, " second"],
    most_s: float = 0.5,
) -> TimeOffset | Refusal:
    """What to add to the second's times, sought up to `most_s` either way."""
    first_times_s, first_radps = _sound(first_times_s, first_radps, "first")
    second_times_s, second_radps = _sound(second_times_s, second_radps, "second")
    if min(len(first_times_s), len(second_times_s)) < 10:
        return Refusal(RefusalReason.TOO_FEW, "Fewer than ten samples of one sensor. Record for some seconds.")
    begin_s = max(first_times_s[0], second_times_s[0] + most_s)
    end_s = min(first_times_s[-1], second_times_s[-1] - most_s)
    if end_s - begin_s < LEAST_S:
        return Refusal(
            RefusalReason.TOO_FEW,
            f"Both sensors were heard together for {max(0.0, end_s - begin_s + 2 * most_s):.1f} s, at least "
            f"{LEAST_S + 2 * most_s:.1f} s are needed. Record for longer.",
        )
    step_s = float(min(np.median(np.diff(first_times_s)), np.median(np.diff(second_times_s))))
    times_s = np.arange(begin_s, end_s, step_s)
    ours = np.interp(times_s, first_times_s, first_radps)
    spread = min(float(ours.std()), float(second_radps.std()))
    if spread < LEAST_SPREAD_RADPS:
        return Refusal(
            RefusalReason.NO_EXCITATION,
            f"How fast it turns changed by {spread:.3f} rad/s, at least {LEAST_SPREAD_RADPS} is needed. "
            "Turn it to and fro.",
        )
    offsets_s = np.arange(-np.ceil(most_s / step_s), np.ceil(most_s / step_s) + 1) * step_s
    theirs = np.interp(times_s[None] - offsets_s[:, None], second_times_s, second_radps)
    scores = _correlations(ours, theirs)
    best = int(scores.argmax())
    if scores[best] < LEAST_CORRELATION or best in (0, len(offsets_s) - 1):
        return Refusal(
            RefusalReason.INCONSISTENT,
            f"The two never turn alike (correlation at most {scores[best]:.2f}, within {most_s:g} s). "
            "They must be fixed to one another; or the clocks differ by more.",
        )
    before, at, after = scores[best - 1 : best + 2]
    shift = 0.5 * (before - after) / (before - 2.0 * at + after)
    bend = (2.0 * at - before - after) / step_s**2
    coarser_s = max(float(np.median(np.diff(first_times_s))), float(np.median(np.diff(second_times_s))))
    num = (end_s - begin_s) / coarser_s  # between samples of the coarser nothing new is heard
    std_s = float(np.sqrt(max(1.0 - at**2, 1e-12) / (num * bend)))
    return TimeOffset(float(offsets_s[best] + shift * step_s), std_s, float(at))


def _correlations(
    ours: Float[np.ndarray, " times"], theirs: Float[np.ndarray, "offsets times"]
) -> Float[np.ndarray, " offsets"]:
    ours, theirs = ours - ours.mean(), theirs - theirs.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(ours) * np.maximum(np.linalg.norm(theirs, axis=1), 1e-12)
    return theirs @ ours / sizes


def _sound(
    times_s: Float[np.ndarray, " samples"], radps: Float[np.ndarray, " samples"], which: str
) -> tuple[Float[np.ndarray, " sound"], Float[np.ndarray, " sound"]]:
    if times_s.shape != radps.shape or times_s.ndim != 1:
        raise ValueError(
            f"solve_time_offset got {times_s.shape} times and {radps.shape} speeds of the {which} sensor, "
            "expected one speed for each time. Pass the sizes of the angular rates, not their vectors."
        )
    is_sound = np.isfinite(times_s) & np.isfinite(radps)
    times_s, radps = times_s[is_sound], radps[is_sound]
    order = np.argsort(times_s, kind="stable")
    times_s, radps = times_s[order], radps[order]
    is_new = np.append(True, np.diff(times_s) > 0) if len(times_s) else np.zeros(0, bool)
    return times_s[is_new], radps[is_new]
