"""The simulator's truth as a SceneState, for scoring and for the oracle perceiver only.

In:  World.
Out: SceneState with source "truth"; object ids are the scene's names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..perception.furniture import fixture_state
from ..perception.people import columns_of
from ..perception.plugin_spec import PluginSpec
from ..perception.types import (
    BodyState,
    HealthReason,
    ObjectState,
    PerceiverSetup,
    PersonState,
    SceneState,
    SensorFrame,
    SensorHealth,
    SupportSurface,
)
from .furniture import FurnitureBody
from .person import Person, surface_points
from .placement import TABLE_BOUNDS
from .world import World, WorldObject

# Not zero: what divides by a covariance must not fail on truth.
EXACT_COVARIANCE = 1e-12 * np.eye(6)


def truth(world: World, time_s: float = 0.0) -> SceneState:
    """Exact poses, sizes, colours and shapes; `held` is what both fingers press on."""
    positions_rad, velocities_radps, width_m = world.arm.joint_state()
    body = BodyState(world.arm.joint_names, positions_rad, velocities_radps, width_m, world.gripped())
    objects = tuple(_object_state(world, entry, time_s) for entry in world.objects.values())
    objects += tuple(state for body in world.furniture for state in _furniture_states(body, time_s))
    table = SupportSurface(height_m=0.0, height_std_m=0.0, bounds_world=TABLE_BOUNDS, tilt_rad=0.0)
    person = None if world.person is None else person_state(world.person.person, world.person.time_s, time_s)
    zones = tuple(zone.state(time_s, "truth") for zone in world.scene.zones)
    return SceneState(time_s, time_s, objects, table, body, health=(), source="truth", person=person, zones=zones)


def _furniture_states(body: FurnitureBody, time_s: float) -> list[ObjectState]:
    """The fixture and, as far open as it is, its drawer."""
    states = [fixture_state(body.fixed, None, EXACT_COVARIANCE, ("truth",), time_s)]
    if body.drawer is not None:
        states.append(fixture_state(body.drawer, body.opening_m, EXACT_COVARIANCE, ("truth",), time_s))
    return states


def person_state(person: Person, now_s: float, time_s: float) -> PersonState:
    """The whole person `now_s` after the world began, also what no sensor sees."""
    points = surface_points(person.capsules(now_s))
    before, now = (person.capsules(t)[0] for t in (max(0.0, now_s - 0.01), now_s))
    position = np.array([now[0], now[1], 0.0])
    velocity = (now[:3] - before[:3]) / 0.01 if now_s >= 0.01 else np.zeros(3)
    return PersonState(position, 1e-12 * np.eye(3), columns_of(points), velocity, time_s, ("truth",))


def true_object(world: World, name: str, time_s: float = 0.0) -> ObjectState:
    """One object as it is."""
    return _object_state(world, world.objects[name], time_s)


def _object_state(world: World, entry: WorldObject, time_s: float) -> ObjectState:
    return ObjectState(
        id=entry.name,
        pose_world=world.object_pose(entry.name),
        covariance=EXACT_COVARIANCE,
        size_m=entry.model.size_m.copy(),
        color_rgb=entry.model.color_rgb(entry.color),
        color=entry.color,
        shape=entry.model.shape,
        shape_confidence=1.0,
        existence=1.0,
        sources=("truth",),
        last_seen_s=time_s,
        cavity_depth_m=entry.model.cavity_depth_m,
    )


@runtime_checkable
class TrueRobot(Protocol):
    """The part of a simulated robot that the oracle looks into."""

    world: World

    @property
    def time_s(self) -> float:
        """Now, on the robot's clock."""
        ...


class OracleConfig(BaseModel):
    """The oracle has nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OraclePerceiver:
    """Answers with truth, whatever the sensors say; flagged by `source` in every scene it returns."""

    is_oracle = True
    """Marks every result made with it."""

    def __init__(self, config: OracleConfig, setup: PerceiverSetup) -> None:
        self._setup = setup
        self._robot: TrueRobot | None = None

    def bind(self, robot: TrueRobot) -> None:
        """The simulated robot whose world is looked into; needed before the first update."""
        self._robot = robot

    def reset(self) -> None:
        """Nothing is remembered."""

    def update(self, frame: SensorFrame) -> SceneState:
        """The true scene now."""
        if self._robot is None:
            raise RuntimeError("The oracle perceiver has no robot. Call bind(robot) with a simulated one first.")
        scene = truth(self._robot.world, frame.time_s)
        health = tuple(SensorHealth(s.name, s.kind, 1.0, HealthReason.OK, 0.0) for s in self._setup.sensors)
        return replace(scene, health=health)


ORACLE = PluginSpec("oracle", OracleConfig, OraclePerceiver, "simulator truth instead of perception; flagged")
