"""`verbot bench subsets`: what is left when sensors are lost, late, frozen, biased or time-shifted.

In:  how many tasks of each family.
Out: rows: for each condition the error of a moving rig's path, objects found, tasks done against nominal, how those
     that were not done ended; for moving rigs the fused error against the best single modality's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .bench import Row, measure_apart
from .subsets.conditions import SENSORS, all_conditions

LEAST_SUCCESS, MOST_ERROR = 0.8, 0.8
STATED_STOPS = {"unsure", "problem", "no_plan", "refused", "gave_up", "done", "step_limit", "deadline"}
NOMINAL = "+".join(SENSORS)


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row."""
    found = measure_apart("verbot.agent.subsets.measure", num_episodes)
    conditions, sizes = found["conditions"], found["sizes"]
    nominal = conditions[NOMINAL]
    for condition in all_conditions():
        measured = conditions[condition.name]
        yield _ego_row(condition.name, measured["ego"], nominal["ego"], sizes)
        yield _objects_row(condition.name, measured["objects"], sizes)
        is_one_lost = len(condition.left) == len(SENSORS) - 1
        yield _tasks_row(condition.name, measured["tasks"], nominal["tasks"], is_one_lost)
    asked = found["named_by_color_without_cameras"]
    yield Row(
        "tasks named by colour, cameras lost: done, or asked which one",
        asked["success"] + asked["asked"],
        f"of {asked['tasks']}: {asked['success']} done, {asked['asked']} asked, ended by {asked['ended_by']}",
        "tasks",
        "stated",
        asked["unstated"] == 0,
    )
    yield _fusion_row("moving rig in a room: path, fused", found["walk"], SENSORS, "mm rms")
    yield _fusion_row("made street: segment error, LiDAR and IMU fused", found["street"], ("lidar", "imu"), "%")
    unbent = found["walk"]["lidar, unbent"]
    ours = found["walk"]["fused"]
    yield Row(
        "moving rig in a room: path, fused, against a LiDAR that stands still during each sweep",
        ours,
        f"LiDAR alone, unbent: {unbent}",
        "mm rms",
        "stated",
        True,
        round(ours / unbent, 3),
    )


def _ego_row(name: str, ego: dict[str, Any], nominal: dict[str, Any], sizes: dict[str, int]) -> Row:
    against = f"{ego['second_mm']} mm and {ego['second_mrad']} mrad in a second; nominal {nominal['rms_mm']} mm"
    what = f"path of a moving rig, {sizes['walks']} walks of {sizes['sweeps']} sweeps: {name}"
    ratio = round(ego["rms_mm"] / nominal["rms_mm"], 2)
    return Row(what, ego["rms_mm"], against, "mm rms", "finite", ego["is_finite"], ratio)


def _objects_row(name: str, objects: dict[str, Any], sizes: dict[str, int]) -> Row:
    median, p95 = objects["off_mm"]
    against = (
        f"precision {objects['precision']}, colour {objects['colors_right']}, shape {objects['shapes_right']}, "
        f"off {median} mm (p95 {p95})"
    )
    what = f"objects on {sizes['tables']} tables, recall: {name}"
    return Row(what, objects["recall"], against, "of 1", "finite", objects["is_finite"])


def _tasks_row(name: str, tasks: dict[str, Any], nominal: dict[str, Any], is_one_lost: bool) -> Row:
    """With one sensor lost the bar counts; with more lost or wrong what is promised is a stated end."""
    ratio = round(tasks["success"] / max(nominal["success"], 1), 3)
    is_stated = tasks["unstated"] == 0 and set(tasks["ended_by"]) <= STATED_STOPS and tasks["is_finite"]
    holds = is_stated and (ratio >= LEAST_SUCCESS or not is_one_lost)
    bar = f">= {LEAST_SUCCESS}× nominal" if is_one_lost else "stated end, finite"
    against = f"of {tasks['tasks']}; nominal {nominal['success']}; ended by {tasks['ended_by']}"
    return Row(f"tasks said without colours, done: {name}", tasks["success"], against, "tasks", bar, holds, ratio)


def _fusion_row(what: str, errors: dict[str, float], singles: tuple[str, ...], unit: str) -> Row:
    best = min(singles, key=lambda name: errors[name])
    ratio = round(errors["fused"] / errors[best], 3)
    against = f"best single: {best} {errors[best]:.4g}; " + ", ".join(f"{s} {errors[s]:.4g}" for s in singles)
    return Row(what, round(errors["fused"], 4), against, unit, f"<= {MOST_ERROR}×", ratio <= MOST_ERROR, ratio)
