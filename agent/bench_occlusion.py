"""Whether objects keep their names through two seconds of being hidden, and what is hidden by what.

In:  TableLooks, a seed.
Out: for each object that was hidden all the time, whether it has its name still.

Three ways by turns: hands over all lenses; a board, held over the table by nobody, between cameras and things; the arm
itself, its hand low over the table. Perception looks five times in those two seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.geometry import make_pose
from ..perception.types import SceneState, SensorFrame, Shape
from ..planning.timing import Timeline, motion_limits, time_path
from ..planning.types import Trajectory
from ..sim.catalogue import ObjectModel, add_object, make_box
from ..sim.layout import PlacedObject
from ..sim.scenes import Scene, draw, load_scene
from ..sim.truth import truth
from .object_errors import compare
from .object_looks import FEW_PIXELS, LOOK_S, TableLooks

WAYS = ("lenses covered", "a board before them", "the arm before them")
HIDDEN_S = 2.0
LOOK_PERIOD_S = 0.4
COUNT_EVERY = 2
"""Looks: so often it is counted what the cameras see of each object."""
BOARD, BOARD_SIZE_M, BOARD_HEIGHT_M = "board", (0.34, 0.34, 0.01), 0.16
ASIDE_WORLD = (0.25, -0.49)
TOOL_HEIGHT_M, HAND_HEIGHT_M = 0.14, 0.20
STANDING_CAMERA = "front"
FARTHEST_X_M = 0.52
"""Of things that the hand can hide from the standing camera without leaving its reach."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`hidden` objects were seen, then hidden for two seconds; of those, how many have the name they had."""

    way: str
    hidden: int
    kept: int


def hide_and_look(looks: TableLooks, seed: int) -> Kept:
    """One scene of the table, hidden in one of the ways."""
    way, rng = WAYS[seed % len(WAYS)], np.random.default_rng([seed, 0x0CC1])
    scene = draw(load_scene("table"), seed)
    if way == WAYS[1]:
        scene = replace(scene, objects=(*scene.objects, _board()))
    before = _begin(looks, scene, seed)
    hidden = set(_names(looks, before))
    steps = {WAYS[0]: _cover_lenses, WAYS[1]: _hold_board, WAYS[2]: _move_arm}[way](looks, rng)
    for number, is_hiding in enumerate(steps):
        if is_hiding and way != WAYS[0] and number % COUNT_EVERY == 0:
            pixels = looks.pixels_of_objects()
            hidden &= {name for name in hidden if pixels.get(name, 0) < FEW_PIXELS}
    names_then = _names(looks, before)
    names_now = _names(looks, _look(looks))
    asked = hidden - {BOARD}
    return Kept(way, len(asked), sum(names_now.get(name) == names_then[name] for name in asked))


def _begin(looks: TableLooks, scene: Scene, seed: int) -> SceneState:
    first = looks.begin(scene, seed)
    assert looks.perceiver is not None
    looks.perceiver.update(first)
    return _look(looks)


def _look(looks: TableLooks) -> SceneState:
    assert looks.perceiver is not None
    return looks.perceiver.update(looks.robot.read(looks.robot.time_s + LOOK_S))


def _names(looks: TableLooks, seen: SceneState) -> dict[str, str]:
    """What perception calls each object that it sees where it is."""
    true = truth(looks.robot.world, looks.robot.time_s)
    return {t.id: mine.id for t, mine in compare(seen, true).pairs}


def _cover_lenses(looks: TableLooks, rng: np.random.Generator) -> Iterator[bool]:
    """A hand on every lens: dark, and no depth."""
    assert looks.perceiver is not None
    for _ in range(round(HIDDEN_S / LOOK_PERIOD_S)):
        frame = looks.robot.read(looks.robot.time_s + LOOK_PERIOD_S)
        looks.perceiver.update(_covered(frame))
        yield True


def _covered(frame: SensorFrame) -> SensorFrame:
    dark = (
        replace(image, rgb=np.zeros_like(image.rgb), depth_m=np.zeros_like(image.depth_m)) for image in frame.images
    )
    return replace(frame, images=tuple(dark))


def _board() -> PlacedObject:
    """It weighs nothing, so that it stays where it is put; at first beside the work area."""
    size_m = np.array(BOARD_SIZE_M)
    parts = (make_box(np.zeros(3), size_m),)
    add_object(ObjectModel(BOARD, Shape.BLOCK, size_m, 0.0, parts))
    return PlacedObject(BOARD, BOARD, "gray", np.array([*ASIDE_WORLD, -0.4]), 0.0)


def _hold_board(looks: TableLooks, rng: np.random.Generator) -> Iterator[bool]:
    """Over some place of the table, then away again."""
    assert looks.perceiver is not None
    world = looks.robot.world
    aside = world.object_pose(BOARD)
    thing = _draw_place(looks, rng)
    # Halfway between the lines to the two cameras, one of which looks down and one from the far side.
    share = BOARD_HEIGHT_M / (2 * _eye(looks)[2])
    place = thing[:2] + share * (_eye(looks)[:2] - thing[:2])
    world.move_object(BOARD, make_pose(np.append(place, BOARD_HEIGHT_M), 0.0))
    for _ in range(round(HIDDEN_S / LOOK_PERIOD_S)):
        looks.perceiver.update(looks.robot.read(looks.robot.time_s + LOOK_PERIOD_S))
        yield True
    world.move_object(BOARD, aside)


def _move_arm(looks: TableLooks, rng: np.random.Generator) -> Iterator[bool]:
    """The hand on the line from a thing to the standing camera for two seconds, and back; looks on the way too."""
    rest_rad = np.array(looks.robot.description.look_rad)
    pose = make_pose(_place_before(looks, rng), 0.0) @ np.diag([1.0, -1.0, -1.0, 1.0])
    low_rad = looks.model.solve_ik(pose, [rest_rad], rng)
    if low_rad is None:
        raise RuntimeError(f"the hand does not reach {pose[:3, 3].round(2)}")
    yield from _play(looks, rest_rad, low_rad)
    for _ in range(round(HIDDEN_S / LOOK_PERIOD_S)):
        _watch(looks)
        yield True
    yield from _play(looks, low_rad, rest_rad)


def _place_before(looks: TableLooks, rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """Where the tool is when the hand hides one of the nearer things."""
    eye, thing = _eye(looks), _draw_place(looks, rng)
    hand = thing + (HAND_HEIGHT_M - thing[2]) / (eye[2] - thing[2]) * (eye - thing)
    return np.array([hand[0], hand[1], TOOL_HEIGHT_M])


def _eye(looks: TableLooks) -> Float[np.ndarray, "3"]:
    camera = next(s for s in looks.robot.composition.sensors if s.spec.name == STANDING_CAMERA)
    return camera.T_mount_sensor[:3, 3]


def _draw_place(looks: TableLooks, rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """Of one of the things that the arm can hide."""
    places = [state.position_world for state in truth(looks.robot.world).objects if state.id != BOARD]
    near = sorted(places, key=lambda place: float(place[0]))
    choices = [place for place in near if place[0] < FARTHEST_X_M] or near[:1]
    return choices[int(rng.integers(len(choices)))]


def _play(
    looks: TableLooks, start_rad: Float[np.ndarray, "joints"], end_rad: Float[np.ndarray, "joints"]
) -> Iterator[bool]:
    robot = looks.robot
    path = time_path(np.stack([start_rad, end_rad]), motion_limits(robot.description, 1.0))
    timeline = Timeline(robot.description.arm_joints, start_rad, 0.08)
    timeline.follow(path)
    trajectory: Trajectory = timeline.build(label="hide", target_pose_world=None)
    robot.command(trajectory, robot.time_s)
    while robot.is_moving:
        _watch(looks)
        yield False


def _watch(looks: TableLooks) -> None:
    assert looks.perceiver is not None
    looks.perceiver.update(looks.robot.read(looks.robot.time_s + LOOK_PERIOD_S))
