from dataclasses import fields

import numpy as np
import pytest
from scripted_motion import Script, make_robot, make_scene
from verbot.agent.demonstrations.steady import SteadyRobot
from verbot.perception.types import SensorFrame

TIMES_S = (
    (0.2, True),
    (0.37, False),
    (0.5, False),
    (0.61, False),
    (0.71, True),
    (0.72, True),
    (1.3, False),
    (1.5, True),
)


def read_all(rate_hz: float | None) -> tuple[list[SensorFrame], SteadyRobot | None]:
    """What the runtime gets while the arm moves; tapped at a rate, or not at all."""
    inner = make_robot(make_scene(("it", "block_large", 0.5, 0.1, 0.0225)), composition="panda_touch")
    robot = inner if rate_hz is None else SteadyRobot(inner, rate_hz, 2.0, 160)
    frames = [robot.reset(3)]
    look_rad = np.array(inner.description.look_rad)
    robot.command(Script(inner).joints_to_position(look_rad + 0.1).build(), 0.1)
    frames += [robot.read(until_s, images=images) for until_s, images in TIMES_S]
    inner.close()
    return frames, None if rate_hz is None else robot


@pytest.fixture(scope="module")
def untapped() -> list[SensorFrame]:
    return read_all(None)[0]


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    names = [field.name for field in fields(a)] if hasattr(a, "__dataclass_fields__") else []
    return all(same(getattr(a, name), getattr(b, name)) for name in names) if names else a == b


@pytest.mark.parametrize("rate_hz", [0.0, 10.0, 16.0])
def test_a_tapped_robot_delivers_bit_for_bit_what_an_untapped_one_does(untapped, rate_hz: float) -> None:
    frames, _ = read_all(rate_hz)
    for tapped, plain in zip(frames, untapped, strict=True):
        assert same(tapped, plain), plain.time_s
    assert sum(len(frame.images) for frame in frames) == 2 * 4  # the two looks 0.01 s apart see one picture together


def test_pictures_are_kept_once_for_each_row_small_and_scans_seldom() -> None:
    _, robot = read_all(10.0)
    assert robot is not None
    images = [p for p in robot.pictures if p.picture.sensor == "front"]
    # By row 1 nothing new has arrived: a picture takes 30 ms.
    assert [p.row for p in images] == [0, *range(2, 16)]
    assert {p.picture.depth_m.shape for p in images} == {(120, 160)}
    scans = [p.picture.time_s for p in robot.pictures if p.picture.sensor == "lidar"]
    assert len(scans) == 3
    assert np.diff(scans).min() >= 0.5 - 1e-9
    assert not any(frame.images or frame.scans for frame in robot.samples)
