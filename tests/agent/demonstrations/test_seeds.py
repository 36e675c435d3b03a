import numpy as np
import pytest
from verbot.agent.demonstrations.seeds import SeedQueue
from verbot.agent.evaluation.jobs import Group, Job

TASKS = ("put_in", "stack")
FIRST = Job("table_road", "tabletop", "", 5, Group("geometric", "fused", "planner"), TASKS)


def succeeds(task: str, seed: int) -> bool:
    return (seed * 7 + len(task)) % 3 != 0


def play(num_workers: int, order_seed: int, known: dict[str, bool] | None = None, seeds: int = 30) -> set[str]:
    """Keys of all episodes that are played, when results come in any order."""
    queue, rng, played, playing = (
        SeedQueue(FIRST, TASKS, 4, range(5, 5 + seeds)),
        np.random.default_rng(order_seed),
        [],
        [],
    )
    queue.note_known([{"key": key, "success": success} for key, success in (known or {}).items()])
    while True:
        while len(playing) < num_workers and (job := next(queue, None)) is not None:
            playing.append(job)
        if not playing:
            return set(played)
        job = playing.pop(int(rng.integers(len(playing))))
        played.append(job.key)
        queue.note({"task": job.task, "success": succeeds(job.task, job.seed)})


@pytest.mark.parametrize("num_workers", [1, 2, 7])
def test_any_number_of_workers_plays_the_seeds_up_to_the_last_success_needed_and_no_more(num_workers: int) -> None:
    expected = set()
    for task in TASKS:
        wins, seed = 0, 5
        while wins < 4:
            expected.add(f"tabletop/{task}/{seed}/geometric/fused/planner")
            wins, seed = wins + succeeds(task, seed), seed + 1
    for order_seed in range(5):
        assert play(num_workers, order_seed) == expected


def test_what_is_known_is_not_played_again_and_counts() -> None:
    everything = play(1, 0)
    known = {key: succeeds(*_task_and_seed(key)) for key in sorted(everything)[::2]}
    assert play(3, 1, known) == everything - set(known)


def test_a_task_that_fails_too_often_is_given_up() -> None:
    queue = SeedQueue(FIRST, TASKS, 3, range(5, 9))
    for job in queue:
        queue.note({"task": job.task, "success": job.task == "stack"})
    assert (queue.lacks("put_in"), queue.lacks("stack")) == (3, 0)


def _task_and_seed(key: str) -> tuple[str, int]:
    _, task, seed, *_ = key.split("/")
    return task, int(seed)
