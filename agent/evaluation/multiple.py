"""Many tests at once: S. Holm's step-down correction, Scandinavian Journal of Statistics 6 (1979)."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p values in the order given; those ≤ α hold together with an error of at most α, however they depend.

    The smallest is multiplied by their number, the next by one less, and none falls below a smaller one.
    """
    for p in p_values:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"A p value of {p} is impossible: expected between 0 and 1.")
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return tuple(adjusted)
