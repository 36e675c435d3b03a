"""`verbot bench episodes`: perceived pick-and-place episodes a minute on two cores, and where their time goes.

In:  how many episodes.
Out: rows: episodes a minute by wall clock and by CPU time, with looks at keyframes only and with two cameras, LiDAR and
     IMU at 2 Hz; success; shares of physics, sensors, perception and planning.

Two processes, one thread each, cameras of 320 × 240 (`panda_table_small`), planner mode, no film; each process plays a
warm-up episode first. The families are what peers call pick and place.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from .bench import Row
from .stopwatch import Stopwatch, cpu_now_s

FAMILIES = ("put_in", "put_on", "stack", "spatial")
MAX_EPISODES = 120
PROCESSES = 2
FIRST_SEED = 9000
WAYS = ((0.0, "looks at keyframes only", 110.0), (2.0, "two cameras, LiDAR and IMU at 2 Hz", 60.0))
SHARES = ("physics", "sensors and judging", "perception", "planning", "rest")
PLANNING = ("plan", "rehearse", "policy", "check")
PERCEIVING = ("perceive", "watch", "proprioception")


@dataclass(frozen=True, slots=True)
class _Played:
    """One process's episodes."""

    wall_s: float
    cpu_s: float
    simulated_s: float
    successes: int
    seconds: dict[str, float]


def bench(episodes: int) -> Iterator[Row]:
    """One way of looking after the other, each with `episodes` (at most 120) over both processes."""
    each = max(1, min(episodes, MAX_EPISODES) // PROCESSES)
    for look_hz, words, bar in WAYS:
        parts = _play_on_all_cores(each, look_hz)
        count = each * PROCESSES
        rate = count / max(part.wall_s for part in parts) * 60
        cpu_s = sum(part.cpu_s for part in parts)
        yield Row(words, rate, "a clock, 2 processes", "episodes/min", f">= {bar:g}", rate >= bar, rate / bar)
        by_cpu = PROCESSES * 60 * count / cpu_s
        yield Row(f"{words}: two undisturbed cores", by_cpu, "CPU time", "episodes/min", "", True, by_cpu / bar)
        successes = sum(part.successes for part in parts)
        yield Row(f"{words}: success on truth", 100 * successes / count, f"{count} episodes", "%", "", True)
        simulated_s = sum(part.simulated_s for part in parts) / count
        yield Row(f"{words}: an episode's length", simulated_s, "simulated time", "s", "", True)
        for share in SHARES:
            part_of = 100 * sum(part.seconds[share] for part in parts) / sum(part.wall_s for part in parts)
            yield Row(f"{words}: share of {share}", part_of, "a clock", "%", "", True)


def _play_on_all_cores(each: int, look_hz: float) -> list[_Played]:
    from .evaluation.workers import one_thread

    spawn = multiprocessing.get_context("spawn")
    with one_thread(), ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        starts = [FIRST_SEED + number * each for number in range(PROCESSES)]
        return list(pool.map(_play, starts, [each] * PROCESSES, [look_hz] * PROCESSES))


def _play(first_seed: int, count: int, look_hz: float) -> _Played:
    """Episodes in one process, after one that warms it up."""
    import torch

    torch.set_num_threads(1)
    _play_one(FAMILIES[0], first_seed - 1, look_hz, {})
    seconds: dict[str, float] = dict.fromkeys(SHARES, 0.0)
    watch, before_s = Stopwatch(), cpu_now_s()
    results = [_play_one(FAMILIES[k % len(FAMILIES)], first_seed + k, look_hz, seconds) for k in range(count)]
    wall_s, cpu_s = watch.since_start_s(), cpu_now_s() - before_s
    seconds["rest"] = wall_s - sum(seconds.values())
    return _Played(wall_s, cpu_s, sum(r.values["time_s"] for r in results), sum(r.success for r in results), seconds)


def _play_one(family: str, seed: int, look_hz: float, seconds: dict[str, float]) -> Any:
    from .assignment import make_assignment
    from .config import make_run_config
    from .episode import Episode
    from .suites import draw_scene

    drawn = draw_scene(f"table_road/{family}", seed, {})
    assert drawn is not None  # the name is a suite's
    config = make_run_config(
        command=drawn.command, robot="panda:panda_table_small", seed=seed, device="cpu", look_hz=look_hz
    )
    with Episode(config, stage=lambda _: drawn.scene) as episode:
        robot: Any = episode.parts.robot  # a simulated one, whose world can be timed
        watch = Stopwatch()
        robot.world.step = _timed(robot.world.step, watch, "physics")
        result = episode.run(assignment=make_assignment(drawn))
    spent, timings_s = watch.timings_s, result.values["timings_s"]
    for share, value in (
        ("physics", spent["physics"]),
        ("sensors and judging", timings_s.get("follow", 0.0) - spent["physics"]),
        ("perception", sum(timings_s.get(name, 0.0) for name in PERCEIVING)),
        ("planning", sum(timings_s.get(name, 0.0) for name in PLANNING)),
    ):
        seconds[share] = seconds.get(share, 0.0) + value
    return result


def _timed(function: Callable[..., Any], watch: Stopwatch, name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        with watch.stage(name):
            return function(*args, **options)

    return run
