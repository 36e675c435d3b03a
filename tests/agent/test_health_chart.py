"""What is kept of the sensors' health, and the stretches drawn of it."""

import pytest
from verbot.agent.health_chart import HealthLog, spans, troubles
from verbot.perception.types import HealthReason, SceneState, SensorHealth, SensorKind


def _scene(time_s: float, **health: tuple[float, HealthReason]) -> SceneState:
    sensors = tuple(SensorHealth(name, SensorKind.CAMERA, *found, 0.0) for name, found in health.items())
    return SceneState(time_s, None, (), None, None, sensors)


OK = (1.0, HealthReason.OK)


def test_only_what_changed_is_kept() -> None:
    log = HealthLog()
    assert log.note(_scene(0.0, eye=OK, ear=OK))
    assert not log.note(_scene(1.0, eye=(0.99, HealthReason.OK), ear=OK))
    assert log.note(_scene(2.0, eye=(0.0, HealthReason.FROZEN), ear=OK))
    assert [(row["time_s"], row["sensor"], row["reason"]) for row in log.rows] == [
        (0.0, "eye", "ok"), (0.0, "ear", "ok"), (2.0, "eye", "frozen"),
    ]  # fmt: skip


def test_spans_fill_the_bar_and_trouble_is_named_with_its_end() -> None:
    log = HealthLog()
    for time_s, found in ((0.0, OK), (2.0, (0.2, HealthReason.STALE)), (3.0, OK)):
        log.note(_scene(time_s, eye=found))
    by_sensor = spans(log.rows, 4.0)
    assert sum(span["width"] for span in by_sensor["eye"]) == pytest.approx(100.0)
    assert [(t["sensor"], t["reason"], t["from_s"], t["to_s"]) for t in troubles(by_sensor)] == [
        ("eye", "stale", 2.0, 3.0)
    ]


def test_without_rows_there_is_nothing_to_draw() -> None:
    assert spans([], 3.0) == {}
