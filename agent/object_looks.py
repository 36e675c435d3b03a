"""Looks of the simulated robot at scenes, with what is true of them beside: for benchmarks.

In:  a Scene, a seed, faults.
Out: SceneState as seen, SceneState as it is, how many pixels of each object the cameras saw.
One robot is used for all; the perceiver is made anew for each scene, whose furniture is declared to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..perception.types import WORLD, Perceiver, SceneState, SensorFrame, SensorKind
from ..planning.robot_model import RobotModel
from ..sim.fault_file import FaultEntry, FaultFile, FaultKind
from ..sim.robot import SimRobot
from ..sim.scenes import Scene
from ..sim.truth import truth
from .build import build_perceiver
from .plugins import load_all, load_spec, make_config

LOOK_S = 0.2
"""Between two looks, so that every sensor's newest has arrived."""
FEW_PIXELS = 30
"""Of an object of which all cameras together see fewer nothing is asked: it stands in a shut drawer, or behind."""


@dataclass(frozen=True, slots=True)
class Looked:
    """`hidden` are the names of objects that no camera saw well enough."""

    seen: SceneState
    true: SceneState
    hidden: frozenset[str]


def mounts_off(shift_m: float, turn_rad: float) -> FaultFile:
    """Every camera that much beside its calibration from the start, each in a direction of its own, by seed."""
    entry = FaultEntry(kind=FaultKind.SHIFTED, sensor="camera", start_s=(0.0, 0.0), shift_m=shift_m, turn_rad=turn_rad)
    return FaultFile(name="mounts_off", faults=(entry,))


class TableLooks:
    """The robot with its usual sensors, before any motion."""

    def __init__(self, settings: dict[str, dict[str, Any]] | None = None) -> None:
        spec = load_spec("robots", "panda")
        self.robot: SimRobot = spec.build(make_config(spec, {}), load_all("sensors"))
        self.model = RobotModel(self.robot.description)
        self._settings = settings or {}
        self.perceiver: Perceiver | None = None

    def begin(self, scene: Scene, seed: int, faults: FaultFile | None = None) -> SensorFrame:
        """A world of its own, and a perceiver that knows nothing yet; the first frame."""
        self.robot.stage = lambda _: scene
        self.robot.faults = faults
        self.perceiver = build_perceiver("fused", self._settings, self.robot, self.model, "cpu", tuple(scene.fixtures))
        self.perceiver.reset()
        return self.robot.reset(seed)

    def look(self, scene: Scene, seed: int, faults: FaultFile | None = None) -> Looked:
        """What is believed before the first motion of an episode: after the frame of the reset, and one look."""
        first = self.begin(scene, seed, faults)
        assert self.perceiver is not None
        self.perceiver.update(first)
        seen = self.perceiver.update(self.robot.read(self.robot.time_s + LOOK_S))
        true = truth(self.robot.world, self.robot.time_s)
        pixels = self.pixels_of_objects()
        hidden = frozenset(o.id for o in true.objects if pixels.get(o.id, 0) < FEW_PIXELS)
        return Looked(seen, true, hidden)

    def pixels_of_objects(self) -> dict[str, int]:
        """How many pixels of each body the cameras would see now, were they where they are declared to be."""
        room, poses = self.robot.room, self.robot.world.body_poses()
        room.move(poses)
        counts = np.zeros(len(room.bodies) + 1, dtype=np.int64)
        for sensor in self.robot.composition.sensors:
            if sensor.spec.kind is SensorKind.CAMERA:
                mount = np.eye(4) if sensor.spec.mount == WORLD else poses[sensor.spec.mount]
                bodies = room.triangle_body[sensor.look(room, mount).triangle]
                counts += np.bincount(bodies.ravel() + 1, minlength=len(counts))
        return {body.name: int(count) for body, count in zip(room.bodies, counts[1:], strict=True)}

    def close(self) -> None:
        """Leave the simulator."""
        self.robot.close()
