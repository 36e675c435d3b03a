"""Sensors that contradict each other: found, decided by the majority, or stated."""

from dataclasses import replace

import numpy as np
import pytest
from rendered_scenes import COMPOSITION, StillBody, Thing, found, look
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.types import HealthReason, PerceiverSetup, SceneState, SensorFrame

HERE, THERE, BESIDE = (
    Thing("block_large", "red", 0.45, 0.05),
    Thing("block_large", "red", 0.45, -0.15),
    Thing("cylinder", "blue", 0.60, 0.10),
)
TRUE, OLD = look([HERE, BESIDE]), look([THERE, BESIDE], seed=1)


def perceive(frame: SensorFrame) -> SceneState:
    return FusedPerceiver(PerceiverSetup(COMPOSITION.specs, StillBody())).update(frame)


def reason_of(scene: SceneState, sensor: str) -> HealthReason:
    return next(h.reason for h in scene.health if h.sensor == sensor)


@pytest.mark.parametrize("seed", range(3))
def test_sensors_that_see_the_same_do_not_contradict_each_other(seed):
    scene = perceive(look([HERE, THERE, BESIDE], seed=seed))
    assert scene.contradictions == ()
    assert all(h.reason is HealthReason.OK for h in scene.health)


@pytest.mark.parametrize("odd", ["front", "wrist", "lidar"])
def test_the_sensor_that_all_others_speak_against_is_left_out(odd):
    images = tuple(old if old.sensor == odd else new for new, old in zip(TRUE.images, OLD.images, strict=True))
    scans = OLD.scans if odd == "lidar" else TRUE.scans
    scene = perceive(replace(TRUE, images=images, scans=scans))
    assert {h.sensor for h in scene.health if h.reason is HealthReason.DISAGREES} == {odd}
    assert scene.contradictions == ()
    assert all(odd not in item.sources for item in scene.objects)
    found(HERE, scene.objects)
    assert len(scene.objects) == 2


def test_two_sensors_that_contradict_each_other_are_both_stated_and_the_place_is_less_sure():
    agreed = perceive(replace(TRUE, scans=()))
    front, wrist = OLD.images[0], TRUE.images[1]
    scene = perceive(replace(TRUE, images=(front, wrist), scans=()))
    assert {(c.seer, c.owner) for c in scene.contradictions} == {("front", "wrist"), ("wrist", "front")}
    places = np.array([c.position_world for c in scene.contradictions])
    for thing in (HERE, THERE):
        assert np.linalg.norm(places[:, :2] - (thing.x, thing.y), axis=1).min() < 0.03
    contested, beside = found(HERE, scene.objects), found(BESIDE, scene.objects)
    assert contested.covariance[0, 0] > 5 * found(HERE, agreed.objects).covariance[0, 0]
    assert beside.covariance[0, 0] < 3 * found(BESIDE, agreed.objects).covariance[0, 0]
    assert reason_of(scene, "front") is reason_of(scene, "wrist") is HealthReason.DISAGREES


def test_noise_of_a_bad_camera_is_no_contradiction():
    rng = np.random.default_rng(0)
    image = TRUE.images[0]
    noisy = image.depth_m + (0.012 * rng.standard_normal(image.depth_m.shape)).astype(np.float32) * (image.depth_m > 0)
    scene = perceive(replace(TRUE, images=(replace(image, depth_m=noisy), TRUE.images[1])))
    assert scene.contradictions == ()
