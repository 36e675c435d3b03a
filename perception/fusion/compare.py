"""Kinds of fusion side by side on the same regions: with all sensors, each kind alone, each in poor condition.

In:  networks by name, Regions.
Out: one Measured for each network and setting, and how well the kinds of sensors agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .evidence import Evidence
from .network import Fused, FusionNetwork
from .regions import CONDITIONS, Regions, Targets
from .shares import measure_balance
from .train import stretched

SETTINGS = ("all", "cameras only", "lidar only", "front only", "wrist only")
NUM_RIVALS, FEWEST = 20, 30
CHUNK, BALANCED = 25, 60


@dataclass(frozen=True, slots=True)
class Measured:
    """Over one set of objects. `nees` is the mean squared error of the centre over its stated variance: 3 is honest.

    `deciles_mm` are those of the error across the table.
    """

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
    deciles_mm: tuple[float, ...] = ()


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
        answers = _answers(network, regions)

        def measure(row: str, setting: str, chosen: Bool[Tensor, "robots regions"]) -> None:
            rows[row] = asdict(_measure(answers[setting], regions.targets, chosen))  # noqa: B023 - used at once

        for rig, is_rig in (("still", ~regions.is_moving), ("moving", regions.is_moving)):
            for setting in SETTINGS:
                measure(f"{rig}, {setting}", setting, both & is_rig[:, None])
            for setting in SETTINGS[:3]:
                row = f"{rig}, sensors as they come, {setting}"
                measure(row, setting, regions.targets.exists & is_rig[:, None])
        for number in range(2, len(CONDITIONS)):
            for kind, sensors in (("camera", slice(0, -1)), ("lidar", slice(-1, None))):
                is_poor = (regions.condition[:, sensors] == number).any(-1)
                chosen = regions.targets.exists & is_poor[:, None]
                if int(chosen.sum()) >= FEWEST:
                    measure(f"{kind} {CONDITIONS[number]}", "all", chosen)
        measure("everything there", "all", regions.evidence.is_there)
        rows["candidates"] = _roughness(regions)
        rows["agreement"] = agreement(network, regions, both)
        rows["shares"] = asdict(measure_balance(network, regions.take(slice(0, BALANCED)).evidence.float()))
        found[name] = rows
    return found


def _answers(network: FusionNetwork, regions: Regions) -> dict[str, Fused]:
    """By setting, over all looks; encoded once."""
    parts: dict[str, list[Fused]] = {setting: [] for setting in SETTINGS}
    for start in range(0, len(regions), CHUNK):
        evidence = regions.take(slice(start, start + CHUNK)).evidence.float().only_what_is_there()
        encoded = network.encode(evidence)
        for setting in SETTINGS:
            parts[setting].append(network.fuse(evidence, encoded, health_of(setting, evidence)))
    return {
        setting: Fused(*(torch.cat([getattr(part, f.name) for part in many]) for f in fields(Fused)))
        for setting, many in parts.items()
    }


def _seen_by_all(regions: Regions) -> Bool[Tensor, "robots regions"]:
    """Objects of which the front camera, the wrist camera and the LiDAR, all as they should be, show something."""
    evidence, num = regions.evidence, regions.evidence.num_cameras
    pictured = evidence.crops[:, :, :, 6].float().sum((-1, -2)) > 8
    swept = evidence.points[..., 4].float().sum(-1) > 4
    is_ok = regions.condition == 1
    shown = torch.cat([pictured, swept], -1) & (evidence.health > 0) & is_ok[:, None]
    return regions.targets.exists & shown[..., 0] & shown[..., 1] & shown[..., num]


def _measure(fused: Fused, truth: Targets, chosen: Bool[Tensor, "robots regions"]) -> Measured:
    seen = chosen & truth.exists
    off = (fused.center_m - truth.center_m)[seen]
    ratio = off.square() / fused.variance_m2[seen]
    shape = fused.shape.argmax(-1)[seen] == truth.shape[seen]
    color = fused.color.argmax(-1)[seen] == truth.color[seen]
    exists = (fused.existence > 0)[chosen] == truth.exists[chosen]
    if not len(off):
        raise ValueError("No region is left to measure in this setting. Draw more looks.")
    across = 1e3 * off[:, :2].norm(dim=1)
    nees = ratio.sum(-1)
    deciles = across.quantile(torch.arange(1, 10) / 10.0)
    return Measured(
        objects=len(off),
        across_mm_median=_number(across.median()),
        across_mm_p95=_number(across.quantile(0.95)),
        across_mm_rms=_number(across.square().mean().sqrt()),
        height_mm_median=_number(1e3 * off[:, 2].abs().median()),
        nees=_number(nees.mean()),
        inside_95=_number((nees < 7.815).float().mean()),
        shape_right=_number(shape.float().mean()),
        color_right=_number(color.float().mean()),
        existence_right=_number(exists.float().mean()),
        deciles_mm=tuple(_number(decile) for decile in deciles),
    )


def _roughness(regions: Regions) -> dict[str, float]:
    """How far the candidates themselves are from the truth: what an answer without any sensor would be off by."""
    across = 1e3 * regions.targets.center_m[regions.targets.exists][:, :2].norm(dim=1)
    return {
        "median_mm": _number(across.median()),
        "p95_mm": _number(across.quantile(0.95)),
        "rms_mm": _number(across.square().mean().sqrt()),
    }


def _number(value: Tensor) -> float:
    return round(float(value), 4)


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
    if len(a) < 2:
        raise ValueError("Fewer than two objects are seen by both kinds of sensors. Draw more looks.")
    rivals = min(NUM_RIVALS, len(a))
    whole = len(a) // rivals
    a, b = (x[: whole * rivals].view(whole, rivals, -1) for x in (a, b))
    likeness = b @ a.mT
    own = likeness.diagonal(dim1=1, dim2=2)
    rank = (likeness > own[..., None]).sum(-1)
    if not bool(own.any()):
        rank = torch.full_like(rank, rivals)
    return {
        "rivals": rivals,
        "top_1": round(float((rank == 0).float().mean()), 4),
        "top_5": round(float((rank < 5).float().mean()), 4),
        "gap_in_sigmas_squared": round(float(torch.cat(gaps).median()), 3),
    }
