"""The road of perception: SensorFrames in, SceneState out.

In:  SensorFrames from a robot or from a person's own cameras; PerceiverSetup says what is known beforehand.
Out: SceneState in the world frame. Bad sensor data widens covariances and shows in `health`; nothing raises.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .contradiction import widen
from .furniture import Furniture
from .fusion.network import Kind
from .health import HealthMonitor
from .look import Look, LookSettings
from .plugin_spec import PluginSpec
from .proprioception import Proprioception
from .segmenter.segmenter import Segmenter
from .tracker import Tracker
from .types import PerceiverSetup, SceneState, SensorFrame


class FusedConfig(BaseModel):
    """Settings of the fused perceiver."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table_height_m: Annotated[float, Field(ge=-10.0, le=10.0)] | None = None
    """Where the table is, within 5 cm; None: searched (with a robot: 0)."""
    max_height_m: Annotated[float, Field(gt=0.02, le=2.0)] = 0.40
    """Things higher above the table are not objects."""
    voxel_m: Annotated[float, Field(ge=0.001, le=0.05)] = 0.004
    """Gap that separates two things of one colour."""
    robot_margin_m: Annotated[float, Field(ge=0.0, le=0.2)] = 0.02
    """Points this near to the robot are left out."""
    extrinsic_m: Annotated[float, Field(ge=0.0, le=0.05)] = 0.0007
    """One-sigma error of a sensor's mount."""
    separate_cubes: bool = True
    """Take a bar of exactly two to four cubes for cubes that touch; off for worlds with such bricks."""
    fusion: Kind | Literal["off"] = "off"
    """How what each sensor shows of an object is fused on top of its geometry (docs/fusion.md)."""
    segmenter: str | None = None
    """Weights (safetensors) of a segmenter, asked where geometry finds neither one object nor several; None: not."""


class FusedPerceiver:
    """Cameras, LiDAR, IMU and encoders fused into one belief about the table."""

    def __init__(self, setup: PerceiverSetup, config: FusedConfig | None = None) -> None:
        self._setup, self._config = setup, config or FusedConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything seen."""
        c, expected_m = self._config, self._config.table_height_m
        if expected_m is None and self._setup.body is not None:
            expected_m = 0.0
        segmenter = None if c.segmenter is None else Segmenter(c.segmenter)
        settings = LookSettings(
            expected_m,
            c.max_height_m,
            c.voxel_m,
            c.robot_margin_m,
            c.extrinsic_m,
            c.separate_cubes,
            c.fusion,
            segmenter,
        )
        self._health = HealthMonitor(self._setup.sensors)
        self._proprioception = Proprioception(self._setup.body)
        self._tracker = Tracker()
        self._furniture = Furniture(self._setup.fixtures)
        self._look = Look(settings, self._proprioception, self._health, self._furniture, self._setup.device)

    def update(self, frame: SensorFrame) -> SceneState:
        """Fuse what arrived; without images this only follows the body."""
        frame = self._health.observe(frame)
        self._proprioception.observe(frame)
        self._proprioception.move_held(self._tracker)
        if views := self._look.place(frame):
            measurements = self._look.measure(views, self._tracker.held_track())
            for slid in self._look.slid:
                self._tracker.shift(slid)
            self._tracker.observe(measurements, self._look.views, frame.time_s)
        contradictions = self._look.contradictions
        return SceneState(
            time_s=frame.time_s,
            seen_s=self._look.seen_s,
            objects=(*widen(self._tracker.states(), contradictions), *self._furniture.states(frame.time_s)),
            table=self._look.table,
            body=self._proprioception.state(self._tracker.held),
            health=self._health.report(frame.time_s),
            person=self._look.person,
            zones=self._look.zones,
            contradictions=contradictions,
        )


def build(config: FusedConfig, setup: PerceiverSetup) -> FusedPerceiver:
    """The perceiver of the entry point."""
    return FusedPerceiver(setup, config)


SPEC = PluginSpec("fused", FusedConfig, build, summary="cameras, LiDAR, IMU and encoders fused; no simulator truth")
