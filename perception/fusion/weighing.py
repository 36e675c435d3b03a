"""The classical fusion: what sensors say of every object, weighed by covariance, their common errors found with it.

In:  estimates of the centres by sensor with precisions; how far each sensor's mount may be off.
Out: centres with variances, and what each sensor was found to be off by.

One sensor's estimates of all objects share the error of its mount: x(object, sensor) = centre(object) + off(sensor) +
noise. Centres and offsets are found together, in closed form, each axis of the world by itself; with one object or
one sensor that is the plain weighted mean. A candidate's own place counts as a wide measurement, so that nothing is
ever without an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .estimates import WIDE_M

MOUNT_M = 0.003
"""One sigma of a mount's error where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Relative to the candidates' places. `off_m` is each sensor's common error."""

    center_m: Float[Tensor, "robots regions 3"]
    variance_m2: Float[Tensor, "robots regions 3"]
    off_m: Float[Tensor, "robots sensors 3"]


def weigh(
    estimate_m: Float[Tensor, "robots regions sensors 3"],
    precision: Float[Tensor, "robots regions sensors 3"],
    mount_m: Float[Tensor, "_ sensors _"] | float = MOUNT_M,
) -> Weighed:
    """Solve for centres and offsets; `precision` is in 1/m², 0 where a sensor says nothing."""
    # Per axis: [robots, 3, regions, sensors].
    x, p = estimate_m.permute(0, 3, 1, 2), precision.permute(0, 3, 1, 2)
    total = p.sum(-1) + 1.0 / WIDE_M**2
    share = p / total[..., None]
    mean = (share * x).sum(-1)
    num = p.shape[-1]
    tight = 1.0 / torch.as_tensor(mount_m, dtype=x.dtype, device=x.device).square()
    tight = tight.expand(x.shape[0], num, 3).permute(0, 2, 1)
    system = torch.diag_embed(p.sum(-2) + tight) - p.mT @ share
    right = (p * (x - mean[..., None])).sum(-2)
    covariance = torch.linalg.inv(system)
    off = (covariance @ right[..., None])[..., 0]
    center = mean - (share * off[..., None, :]).sum(-1)
    spread = ((share @ covariance) * share).sum(-1)
    return Weighed(center.permute(0, 2, 1), (1.0 / total + spread).permute(0, 2, 1), off.permute(0, 2, 1))
