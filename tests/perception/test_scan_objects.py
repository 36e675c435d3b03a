"""What a LiDAR alone tells of things on the table."""

import numpy as np
import pytest
from rendered_scenes import COMPOSITION, Thing, make_room
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.types import UNKNOWN_COLOR, LidarScan, PerceiverSetup, SceneState, SensorFrame, Shape

LIDAR = next(sensor for sensor in COMPOSITION.sensors if sensor.spec.name == "lidar")
THINGS = [
    Thing("block_large", "red", 0.40, 0.15, 0.4),
    Thing("bowl", "blue", 0.58, -0.02),
    Thing("cylinder", "green", 0.38, -0.20),
    Thing("mug", "yellow", 0.62, -0.28, 2.0),
    Thing("plate", "white", 0.62, 0.25),
]


def scans(things: list[Thing], count: int, first_s: float = 0.0) -> list[LidarScan]:
    room, rng = make_room(things), np.random.default_rng(5)
    return [LIDAR.measure(room, np.eye(4), first_s + 0.5 * k, rng) for k in range(count)]


def look(perceiver: FusedPerceiver, sweeps: list[LidarScan]) -> SceneState:
    for scan in sweeps:
        scene = perceiver.update(SensorFrame(scan.time_s, scans=(scan,)))
    return scene


@pytest.fixture(scope="module")
def scene() -> SceneState:
    return look(FusedPerceiver(PerceiverSetup(())), scans(THINGS, 8))


def test_every_thing_is_found_within_a_centimetre_and_none_besides(scene: SceneState) -> None:
    assert len(scene.objects) == len(THINGS)
    for thing in THINGS:
        nearest = min(scene.objects, key=lambda o: np.linalg.norm(o.position_world - thing.position))
        assert np.linalg.norm(nearest.position_world - thing.position) < 0.01


def test_shapes_are_told_and_colors_are_not(scene: SceneState) -> None:
    shapes = {o.shape for o in scene.objects}
    assert shapes == {Shape.BLOCK, Shape.BOWL, Shape.CYLINDER, Shape.MUG, Shape.PLATE}
    assert {o.color for o in scene.objects} == {UNKNOWN_COLOR}


def test_errors_are_no_larger_than_three_stated_sigmas(scene: SceneState) -> None:
    for thing in THINGS:
        nearest = min(scene.objects, key=lambda o: np.linalg.norm(o.position_world - thing.position))
        sigmas = (nearest.position_world - thing.position) / np.sqrt(np.diag(nearest.covariance)[:3])
        assert np.abs(sigmas).max() < 3.0


def test_a_thing_that_is_taken_away_is_soon_believed_to_be_gone() -> None:
    perceiver = FusedPerceiver(PerceiverSetup(()))
    look(perceiver, scans(THINGS, 4))
    scene = look(perceiver, scans(THINGS[1:], 2, 2.0))
    assert len(scene.objects) == len(THINGS) - 1


def test_a_thing_that_is_hidden_stays_believed() -> None:
    perceiver = FusedPerceiver(PerceiverSetup(()))
    before = look(perceiver, scans(THINGS, 4))
    screen = Thing("box", "white", 0.62, -0.46)
    scene = look(perceiver, scans([*THINGS, screen], 2, 2.0))
    assert {o.id for o in before.objects} <= {o.id for o in scene.objects}
