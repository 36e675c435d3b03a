"""When the robot must hold still because too little is known: nothing sees, or the body does not feel itself.

In:  SceneState with the health of every sensor.
Out: a reason to hold, or None; why it does without cameras, or None.
"""

from __future__ import annotations

from ..perception.types import SceneState, SensorHealth, SensorKind

LEAST_HEALTH = 0.35
HOLD_S = 6.0
"""A robot in doubt waits this long for its sensors, then ends."""
LOOK_AGAIN_S = 0.5
CONTESTED_LOOKS = 2
"""So often a look is repeated in which sensors contradict each other; then what they agree on must do."""


def why_in_doubt(scene: SceneState) -> str | None:
    """What is missing to move on, in words; sensors that were never declared are not missed."""
    if not_felt := why_not_felt(scene):
        return not_felt
    blind = why_blind(scene)
    if blind is None or any(h.kind is SensorKind.LIDAR and h.health >= LEAST_HEALTH for h in scene.health):
        return None
    lidar = _why_not_trusted(scene, SensorKind.LIDAR, "the LiDAR")
    return f"{blind}, and {lidar or 'there is no LiDAR that could do without them'}"


def why_blind(scene: SceneState) -> str | None:
    """Why no camera tells anything, in words; a LiDAR still says where things are, but not their colours."""
    return _why_not_trusted(scene, SensorKind.CAMERA, "the cameras")


def why_not_felt(scene: SceneState) -> str | None:
    """Why nobody knows where the arm is, in words; then it must not even finish its motion."""
    return _why_not_trusted(scene, SensorKind.JOINTS, "the encoders")


def _why_not_trusted(scene: SceneState, kind: SensorKind, words: str) -> str | None:
    sensors = [health for health in scene.health if health.kind is kind]
    if sensors and all(health.health < LEAST_HEALTH or health.age_s is None for health in sensors):
        return f"{words} cannot be trusted ({', '.join(map(_say, sensors))})"
    return None


def _say(health: SensorHealth) -> str:
    age = "" if health.age_s is None else f", {health.age_s:.1f} s old"
    return f"{health.sensor}: {health.reason.value}{age}"
