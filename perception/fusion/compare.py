"""Kinds of fusion side by side on the same regions: with all sensors, each kind alone, each in poor condition.

In:  networks by name, Regions.
Out: one Measured for each network and setting, and how well the kinds of sensors agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .evidence import Evidence
from .network import FusionNetwork
from .regions import CONDITIONS, Regions
from .shares import measure_balance
from .train import stretched

SETTINGS = ("all", "cameras only", "lidar only", "front only", "wrist only")
NUM_RIVALS = 20
CHUNK = 50


@dataclass(frozen=True, slots=True)
class Measured:
    """Over one set of objects. `nees` is the mean squared error of the centre over its stated variance: 3 is honest."""

    objects: int
    across_mm_median: float
    across_mm_p95: float
    across_mm_rms: float
    height_mm_median: float
    nees: float
    inside_95: float
    shape_right: float
    color_right: float
    existence_right: float


def health_of(setting: str, evidence: Evidence) -> Float[Tensor, "robots regions sensors"]:
    """Which sensors count; cameras come first, in the rig's order."""
    kept = torch.zeros(evidence.health.shape[-1])
    num = evidence.num_cameras
    chosen = {
        "all": slice(None),
        "cameras only": slice(0, num),
        "lidar only": slice(num, None),
        "front only": slice(0, 1),
        "wrist only": slice(1, 2),
    }
    kept[chosen[setting]] = 1.0
    return evidence.health * kept.to(evidence.health)


@torch.no_grad()
def compare(networks: Mapping[str, FusionNetwork], regions: Regions) -> dict[str, dict[str, Any]]:
    """By network: the settings, still and moving; sensors in poor condition; agreement; shares.

    Every setting of a rig counts the same objects: first those that both cameras and the LiDAR, in good order, show;
    then all that any sensor shows, in whatever condition the sensors are.
    """
    found: dict[str, dict[str, Any]] = {}
    both = _seen_by_all(regions)
    for name, network in networks.items():
        rows: dict[str, Any] = {}
        for rig, is_rig in (("still", ~regions.is_moving), ("moving", regions.is_moving)):
            for setting in SETTINGS:
                rows[f"{rig}, {setting}"] = asdict(_measure(network, regions, setting, both & is_rig[:, None]))
            for setting in SETTINGS[:3]:
                chosen = regions.targets.exists & is_rig[:, None]
                rows[f"{rig}, sensors as they come, {setting}"] = asdict(_measure(network, regions, setting, chosen))
        for number in range(2, len(CONDITIONS)):
            for kind, sensors in (("camera", slice(0, -1)), ("lidar", slice(-1, None))):
                is_poor = (regions.condition[:, sensors] == number).any(-1)
                chosen = regions.targets.exists & is_poor[:, None]
                if int(chosen.sum()) >= 30:
                    rows[f"{kind} {CONDITIONS[number]}"] = asdict(_measure(network, regions, "all", chosen))
        rows["everything there"] = asdict(_measure(network, regions, "all", regions.evidence.is_there))
        rows["agreement"] = agreement(network, regions, both)
        rows["shares"] = asdict(measure_balance(network, regions.take(slice(0, 60)).evidence.float()))
        found[name] = rows
    return found


def _seen_by_all(regions: Regions) -> Bool[Tensor, "robots regions"]:
    """Objects of which the front camera, the wrist camera and the LiDAR, all as they should be, show something."""
    evidence, num = regions.evidence, regions.evidence.num_cameras
    pictured = evidence.crops[:, :, :, 6].float().sum((-1, -2)) > 8
    swept = evidence.points[..., 4].float().sum(-1) > 4
    is_ok = regions.condition == 1
    shown = torch.cat([pictured, swept], -1) & (evidence.health > 0) & is_ok[:, None]
    return regions.targets.exists & shown[..., 0] & shown[..., 1] & shown[..., num]


def _measure(
    network: FusionNetwork, regions: Regions, setting: str, chosen: Bool[Tensor, "robots regions"]
) -> Measured:
    parts: dict[str, list[Tensor]] = {}
    for start in range(0, len(regions), CHUNK):
        part = regions.take(slice(start, start + CHUNK))
        is_chosen = chosen[start : start + CHUNK]
        evidence = part.evidence.float().with_health(health_of(setting, part.evidence))
        fused, truth = network(evidence), part.targets
        off = (fused.center_m - truth.center_m)[is_chosen]
        seen = is_chosen & truth.exists
        answers = {
            "off": off[truth.exists[is_chosen]],
            "ratio": (off.square() / fused.variance_m2[is_chosen])[truth.exists[is_chosen]],
            "shape": fused.shape.argmax(-1)[seen] == truth.shape[seen],
            "color": fused.color.argmax(-1)[seen] == truth.color[seen],
            "exists": (fused.existence > 0)[is_chosen] == truth.exists[is_chosen],
        }
        for key, value in answers.items():
            parts.setdefault(key, []).append(value)
    off, ratio, shape, color, exists = (torch.cat(parts[key]) for key in ("off", "ratio", "shape", "color", "exists"))
    if not len(off):
        return Measured(0, *(math.nan,) * 9)
    across = 1e3 * off[:, :2].norm(dim=1)
    nees = ratio.sum(-1)
    numbers = (
        across.median(),
        across.quantile(0.95),
        across.square().mean().sqrt(),
        1e3 * off[:, 2].abs().median(),
        nees.mean(),
        (nees < 7.815).float().mean(),
        shape.float().mean(),
        color.float().mean(),
        exists.float().mean(),
    )
    return Measured(len(off), *(round(float(value), 4) for value in numbers))


def agreement(
    network: FusionNetwork, regions: Regions, chosen: Bool[Tensor, "robots regions"]
) -> dict[str, float | int]:
    """How often the LiDAR's features of an object are nearest to the cameras' of the same, among so many objects.

    Each is told a size of its own, so that nothing but what they see tells. And how far apart the two kinds place it,
    over what they state: 1 is honest.
    """
    generator = torch.Generator().manual_seed(0)
    features: list[tuple[Tensor, Tensor]] = []
    gaps: list[Tensor] = []
    for start in range(0, len(regions), CHUNK):
        part = regions.take(slice(start, start + CHUNK))
        is_chosen = chosen[start : start + CHUNK]
        evidence = part.evidence.float()
        pictured, swept = (
            network(stretched(evidence.with_health(health_of(setting, evidence)), generator))
            for setting in ("cameras only", "lidar only")
        )
        features.append((pictured.features[is_chosen], swept.features[is_chosen]))
        apart = (pictured.center_m - swept.center_m).square() / (pictured.variance_m2 + swept.variance_m2)
        gaps.append(apart[is_chosen].mean(-1))
    a, b = (torch.cat([pair[k] for pair in features]) for k in (0, 1))
    whole = len(a) // NUM_RIVALS
    a, b = (x[: whole * NUM_RIVALS].view(whole, NUM_RIVALS, -1) for x in (a, b))
    likeness = b @ a.mT
    own = likeness.diagonal(dim1=1, dim2=2)
    rank = (likeness > own[..., None]).sum(-1)
    if not bool(own.any()):
        rank = torch.full_like(rank, NUM_RIVALS)
    return {
        "rivals": NUM_RIVALS,
        "top_1": round(float((rank == 0).float().mean()), 4),
        "top_5": round(float((rank < 5).float().mean()), 4),
        "gap_in_sigmas_squared": round(float(torch.cat(gaps).median()), 3),
    }
