"""The road from a person's own cameras: a rig unlike ours, objects in and outside the catalogue, no robot."""

import math

import numpy as np
import pytest
from verbot.agent.library import CheckedPlanner, make_perceiver
from verbot.perception.colors import PALETTE
from verbot.perception.types import CameraImage, SceneState, SensorFrame, Shape
from verbot.planning.types import ProblemKind
from verbot.sim.camera import Camera, CameraConfig
from verbot.sim.catalogue import make_object
from verbot.sim.raycast import RayRoom, VisualBody

# Three cameras where ours has two; other places, resolutions and focal lengths.
RIG = (
    ("left", (0.75, 0.75, 0.60), (0.45, 0.0, 0.0), 424, 240, 1.2),
    ("right", (0.60, -0.80, 0.70), (0.45, 0.0, 0.0), 320, 240, 1.0),
    ("above", (0.35, 0.05, 1.10), (0.46, 0.0, 0.0), 512, 384, 0.95),
)
PLACES = {
    ("block_large", "red"): (0.42, 0.15, 0.3),
    ("block_small", "blue"): (0.38, -0.02, 0.9),
    ("bowl", "green"): (0.55, -0.16, 0.0),
    ("cylinder", "yellow"): (0.56, 0.22, 0.0),
}
MAGENTA = (0.80, 0.10, 0.55)


def _box(low: tuple[float, float, float], high: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for z in (0, 1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))], dtype=float)
    vertices = np.array(low) + corners * (np.array(high) - np.array(low))
    quads = [(3, 2, 1, 0), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    return vertices, triangles


def _body(name: str, vertices: np.ndarray, triangles: np.ndarray, rgb: tuple[float, float, float]) -> VisualBody:
    colors = np.tile(np.array(rgb, dtype=np.float32), (len(triangles), 1))
    return VisualBody(name, vertices.astype(np.float32), triangles.astype(np.uint32), colors)


def _pose(x: float, y: float, z: float, yaw_rad: float) -> np.ndarray:
    T_world_object = np.eye(4)
    T_world_object[:2, :2] = [[math.cos(yaw_rad), -math.sin(yaw_rad)], [math.sin(yaw_rad), math.cos(yaw_rad)]]
    T_world_object[:3, 3] = x, y, z
    return T_world_object


@pytest.fixture(scope="module")
def pictures() -> tuple[CameraImage, ...]:
    bodies = [_body("table", *_box((0.0, -0.7, -0.05), (1.0, 0.7, 0.0)), (0.55, 0.52, 0.48))]
    poses = {}
    for (kind, color), (x, y, yaw_rad) in PLACES.items():
        model = make_object(kind)
        bodies.append(_body(f"{color}_{kind}", *model.mesh(), PALETTE[color]))
        poses[f"{color}_{kind}"] = _pose(x, y, float(model.size_m[2]) / 2, yaw_rad)
    # A wooden letter L that no catalogue knows.
    (v1, t1), (v2, t2) = _box((0.0, 0.0, 0.0), (0.07, 0.02, 0.02)), _box((0.0, 0.0, 0.0), (0.02, 0.05, 0.02))
    bodies.append(_body("letter", np.concatenate([v1, v2]), np.concatenate([t1, t2 + len(v1)]), MAGENTA))
    poses["letter"] = _pose(0.60, 0.02, 0.0, 0.5)
    room = RayRoom(bodies)
    room.move(poses)
    images = []
    for name, eye, target, width, height, fov_x_rad in RIG:
        config = CameraConfig(
            name=name, position_m=eye, look_at_m=target, width=width, height=height, fov_x_rad=fov_x_rad
        )
        images.append(Camera(config).measure(room, np.eye(4), 0.0, np.random.default_rng(1)))
    return tuple(images)


@pytest.fixture(scope="module")
def scene(pictures: tuple[CameraImage, ...]) -> SceneState:
    return make_perceiver(device="cpu").update(SensorFrame(0.0, images=pictures))


def test_any_rig_finds_every_object_with_its_color_and_place(scene: SceneState) -> None:
    assert len(scene.objects) == len(PLACES) + 1
    for (kind, color), (x, y, _) in PLACES.items():
        (thing,) = [o for o in scene.objects if o.color == color]
        assert thing.shape is make_object(kind).shape
        assert np.linalg.norm(thing.position_world[:2] - [x, y]) < 0.005


def test_object_outside_the_catalogue_comes_out_by_color_value_and_size(scene: SceneState) -> None:
    known = {color for _, color in PLACES}
    (letter,) = [o for o in scene.objects if o.color not in known]
    assert letter.color in ("pink", "purple")
    assert np.abs(letter.color_rgb - np.array(MAGENTA)).max() < 0.25
    assert letter.shape is not Shape.BOWL
    assert 0.015 < letter.size_m[2] < 0.025
    assert 0.055 < max(letter.size_m[:2]) < 0.09


def test_sentence_becomes_a_checked_plan_with_poses_and_verdicts(scene: SceneState) -> None:
    plan = CheckedPlanner("panda").plan("put the red block in the green bowl", scene)
    assert plan.problem is None
    assert plan.allowed, [step.refusal for step in plan.steps]
    pick, place = [step for step in plan.steps if step.step.object_id]
    red = next(o for o in scene.objects if o.color == "red")
    bowl = next(o for o in scene.objects if o.color == "green")
    assert pick.target_pose_world is not None
    assert place.target_pose_world is not None
    assert np.linalg.norm(pick.target_pose_world[:2, 3] - red.position_world[:2]) < 0.01
    assert np.linalg.norm(place.target_pose_world[:2, 3] - bowl.position_world[:2]) < 0.05
    for step in (pick, place):
        assert step.trajectory is not None
        assert step.verdict is not None
        assert all(finding.margin is None or finding.unit for finding in step.verdict.findings)


def test_one_camera_of_the_rig_is_enough_to_plan(pictures: tuple[CameraImage, ...]) -> None:
    seen = make_perceiver(device="cpu").update(SensorFrame(0.0, images=pictures[2:]))
    assert CheckedPlanner("panda").plan("pick up the red block", seen).allowed


def test_absent_object_is_a_problem_that_lists_what_is_seen(scene: SceneState) -> None:
    plan = CheckedPlanner("panda").plan("pick up the orange mug", scene)
    assert plan.problem is not None
    assert plan.problem.kind is ProblemKind.NOT_PRESENT
    assert not plan.allowed
