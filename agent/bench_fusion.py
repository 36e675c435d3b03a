"""Fusion against truth: kinds of fusion side by side on strewn tables, and in the running perceiver, on and off.

In:  how many looks.
Out: plain values. Looks are drawn from seeds that no training drew from (sim/labelled_looks.py: MEASURING).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from ..perception.fusion.compare import compare
from ..perception.fusion.network import KINDS
from ..perception.fusion.regions import join, make_regions
from ..perception.fusion.weights import load_network
from ..perception.labelled_looks import LabelledLook
from ..perception.perceiver import FusedConfig, FusedPerceiver
from ..perception.types import ObjectState, PerceiverSetup, SensorSpec
from ..planning.robot_description import load_robot
from ..planning.robot_model import RobotModel
from ..sim.labelled_looks import MEASURING, LookSettings, draw_look
from ..sim.sensors import load_composition

NEAR_M = 0.03
PERCEIVED = ("off", "weighted", "gated")
MOUNT_M = {"exact mounts": 0.0, "mounts off": 0.0015}
MOUNT_RAD = {"exact mounts": 0.0, "mounts off": 0.0025}


def main(num_looks: int) -> dict[str, Any]:
    """Everything measured."""
    torch.set_num_threads(1)
    seeds = range(MEASURING, MEASURING + num_looks)
    regions = [make_regions(draw_look(s, LookSettings(width=320)), np.random.default_rng([s, 0])) for s in seeds]
    return {
        "seeds": [seeds[0], seeds[-1]],
        "kinds": compare({kind: load_network(kind) for kind in KINDS}, join(regions)),
        "perceived": {name: perceive(name, max(8, num_looks // 6)) for name in MOUNT_M},
    }


def perceive(mounts: str, num_looks: int) -> dict[str, Any]:
    """The perceiver on the same looks with fusion off and on: errors of the objects that all of them find."""
    settings = LookSettings(
        another_camera=0.0,
        strange_places=0.0,
        absent=0.0,
        worse=0.0,
        moving=0.0,
        mount_m=MOUNT_M[mounts],
        mount_rad=MOUNT_RAD[mounts],
    )
    errors_mm: dict[str, list[float]] = {name: [] for name in PERCEIVED}
    for seed in range(MEASURING + 500_000, MEASURING + 500_000 + num_looks):
        look = draw_look(seed, settings)
        found = {name: _errors_mm(look, name, 0.0007 if mounts == "exact mounts" else 0.002) for name in PERCEIVED}
        is_found = np.isfinite(np.stack(list(found.values()))).all(axis=0)
        for name, values in found.items():
            errors_mm[name] += values[is_found].tolist()
    return {
        name: {
            "objects": len(values),
            "median": round(float(np.median(values)), 3),
            "p95": round(float(np.percentile(values, 95)), 3),
        }
        for name, values in errors_mm.items()
    }


def _errors_mm(look: LabelledLook, fusion: Any, extrinsic_m: float) -> Float[np.ndarray, " objects"]:
    """How far each true object is from where it is perceived, across the table; NaN where it is not."""
    setup = PerceiverSetup(_specs(), RobotModel(load_robot("panda")))
    perceiver = FusedPerceiver(setup, FusedConfig(fusion=fusion, extrinsic_m=extrinsic_m))
    seen = perceiver.update(replace(look.frame, imu=())).objects
    return _across_mm(look.objects, seen)


def _across_mm(true: tuple[ObjectState, ...], seen: tuple[ObjectState, ...]) -> Float[np.ndarray, " objects"]:
    errors = np.full(len(true), np.nan)
    if not seen:
        return errors
    apart = np.array([[float(np.linalg.norm(s.position_world - t.position_world)) for s in seen] for t in true])
    rows, columns = linear_sum_assignment(np.minimum(apart, NEAR_M))
    for row, column in zip(rows, columns, strict=True):
        if apart[row, column] < NEAR_M:
            off = seen[column].position_world[:2] - true[row].position_world[:2]
            errors[row] = 1e3 * float(np.linalg.norm(off))
    return errors


def _specs() -> tuple[SensorSpec, ...]:
    """What pictures and scans come from; a single frame has no more."""
    return tuple(s.spec for s in load_composition("panda_table").sensors if s.spec.kind in ("camera", "lidar"))
