"""`verbot bench evaluate`: what the engine of `verbot eval` promises, measured.

In:  how many episodes the long run has.
Out: rows: the kill matrix (ten of each, pretended episodes), overhead of an episode, speed-up of two workers and
     memory over the long run (real episodes: pick_up with the oracle perceiver, the cheapest there are).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..bench import Row
from ..run_folder import RunFolder
from ..stopwatch import Stopwatch
from .command import CommandOptions, eval_command
from .config import make_eval_config
from .evaluate import RUN_JOB, evaluate
from .pretend import RUN_JOB as PRETEND
from .results_log import RESULTS_FILE, read_results

TRIALS = 10
KILL_EPISODES = 15
EPISODE_S = 0.05
OVERHEAD_EPISODES = 500
SPEEDUP_EPISODES = 60
WARM_UP = 200
INTERRUPTED, DISK_FULL = 130, 1  # exit codes of `verbot eval`
MAX_OVERHEAD_MS, MIN_SPEEDUP, MAX_GROWTH = 20.0, 1.8, 0.05
PROGRAM = """
import json, resource, sys
from pathlib import Path
from verbot.agent.evaluation.command import CommandOptions, eval_command
given, out, limit, run_job = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(eval_command(given, CommandOptions(out=out, resume=out.exists(), quiet=True, run_job=run_job))[0])
"""


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row, cheap ones first."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _kill_matrix(Path(folder))
        yield _overhead(Path(folder) / "overhead")
        yield _speed_up(Path(folder))
        yield _memory(Path(folder) / "memory", num_episodes)


def _kill_matrix(folder: Path) -> Iterator[Row]:
    """Ten accidents of each kind at random moments; afterwards resume, and compare with an uninterrupted run."""
    rng = random.Random(0)
    reference = folder / "reference"
    _start(reference, _pretended(), 0).wait()
    for name, accident in ACCIDENTS.items():
        num_wrong = 0
        for trial in range(TRIALS):
            out = folder / f"{name}-{trial}"
            before = accident(out, reference, rng)
            eval_command({}, CommandOptions(out=out, resume=True, quiet=True, run_job=PRETEND))
            num_wrong += _count_wrong(out, reference, before)
        yield Row(
            f"{name} {TRIALS} times, then --resume: episodes lost, double or different",
            num_wrong,
            f"an uninterrupted run of {2 * KILL_EPISODES} episodes",
            "episodes",
            "0",
            num_wrong == 0,
        )


def _disturb(out: Path, rng: random.Random, disturb: Callable[[subprocess.Popen[bytes]], None], code: int) -> set[str]:
    """Run, disturb at a random moment, wait; an accident that came too late to happen is tried again."""
    while True:
        process = _start(out, _pretended(), 0)
        _wait_for_lines(out, rng.randrange(2 * KILL_EPISODES - 6))
        threading.Event().wait(rng.random() * 0.1)
        disturb(process)
        if process.wait() == code:
            return set(_lines(out))
        shutil.rmtree(out)


def _kill_parent(out: Path, reference: Path, rng: random.Random) -> set[str]:
    return _disturb(out, rng, lambda process: process.kill(), -signal.SIGKILL)


def _kill_worker(out: Path, reference: Path, rng: random.Random) -> set[str]:
    def kill_one(process: subprocess.Popen[bytes]) -> None:
        workers = _children(process.pid)
        if workers:
            os.kill(workers[0], signal.SIGKILL)
        else:
            process.kill()  # nobody to kill yet: its exit code says so

    return _disturb(out, rng, kill_one, 0)


def _terminate(out: Path, reference: Path, rng: random.Random) -> set[str]:
    return _disturb(out, rng, lambda process: process.terminate(), INTERRUPTED)


def _fill_disk(out: Path, reference: Path, rng: random.Random) -> set[str]:
    """The kernel refuses to let the file grow, in the middle of some line, as a full disk does."""
    size = (reference / RESULTS_FILE).stat().st_size
    if _start(out, _pretended(), rng.randrange(2000, size - 1000)).wait() != DISK_FULL:
        raise RuntimeError("The file was not kept from growing: this system has no RLIMIT_FSIZE.")
    return set(_lines(out))


def _cut(out: Path, reference: Path, rng: random.Random) -> set[str]:
    out.mkdir()
    (out / "config.toml").write_bytes((reference / "config.toml").read_bytes())
    whole = (reference / RESULTS_FILE).read_bytes()
    (out / RESULTS_FILE).write_bytes(whole[: rng.randrange(len(whole))])
    return set(_lines(out))


ACCIDENTS: dict[str, Callable[[Path, Path, random.Random], set[str]]] = {
    "kill -9 of the parent": _kill_parent,
    "kill -9 of a worker": _kill_worker,
    "SIGTERM": _terminate,
    "full disk": _fill_disk,
    "file cut at a random byte": _cut,
}


def _overhead(folder: Path) -> Row:
    folder.mkdir()
    options = {**_pretended(), "episodes": OVERHEAD_EPISODES // 2, "workers": 1}
    watch = Stopwatch()
    evaluate(make_eval_config(**options), RunFolder(folder), run_job=PRETEND)
    total_s = watch.since_start_s()
    own_s = sum(r["run"]["wall_s"] for r in read_results(folder / RESULTS_FILE).records)
    overhead_ms = round(1000 * (total_s - own_s) / OVERHEAD_EPISODES, 2)
    return Row(
        f"overhead an episode, start, summary and report included ({OVERHEAD_EPISODES} pretended ones)",
        overhead_ms,
        f"the episodes' own {1000 * EPISODE_S:.0f} ms",
        "ms",
        f"≤ {MAX_OVERHEAD_MS:g}",
        overhead_ms <= MAX_OVERHEAD_MS,
    )


def _speed_up(folder: Path) -> Row:
    """Pace of warm workers, so that starting them does not count."""
    paces = {}
    for num_workers in (1, 2):
        out = folder / f"speed-{num_workers}"
        _start(out, {**_real(SPEEDUP_EPISODES), "workers": num_workers}, 0, RUN_JOB).wait()
        paces[num_workers] = _pace(out)
    ratio = round(paces[2] / paces[1], 2)
    return Row(
        f"1 to 2 workers, episodes a minute ({SPEEDUP_EPISODES} of pick_up, oracle)",
        round(paces[2], 1),
        f"1 worker: {paces[1]:.1f}",
        "episodes/min",
        f"≥ {MIN_SPEEDUP:g}×",
        ratio >= MIN_SPEEDUP,
        ratio,
    )


def _memory(folder: Path, num_episodes: int) -> Row:
    """Resident memory of the workers after the warm-up against the end; a shorter run says so in its row."""
    _start(folder, {**_real(num_episodes), "workers": 2, "videos": 0}, 0, RUN_JOB).wait()
    records = sorted(read_results(folder / RESULTS_FILE).records, key=lambda r: r["run"]["started_at"])
    memory_mb = [r["run"]["memory_mb"] for r in records if r["run"].get("memory_mb")]
    warm_up = min(WARM_UP, len(memory_mb) // 2)
    window = max(1, min(100, (len(memory_mb) - warm_up) // 4))
    first = statistics.median(memory_mb[warm_up : warm_up + window])
    last = statistics.median(memory_mb[-window:])
    growth = round(last / first - 1.0, 4)
    return Row(
        f"growth of a worker's memory over {len(memory_mb)} episodes after the first {warm_up} (pick_up, oracle)",
        growth,
        f"{first:.0f} MB, {last:.0f} MB at the end",
        "share",
        f"≤ {MAX_GROWTH:g}",
        growth <= MAX_GROWTH,
        round(last / first, 4),
    )


def _pretended() -> dict[str, Any]:
    return {
        "suite": "table_road",
        "tasks": ("put_in", "stack"),
        "episodes": KILL_EPISODES,
        "workers": 2,
        "controls": False,
        "settings": {"pretend": {"wall_s": EPISODE_S}},
    }


def _real(num_episodes: int) -> dict[str, Any]:
    options = {"suite": "table_road", "tasks": ("pick_up",), "perceivers": ("oracle",), "controls": False}
    return {**options, "episodes": num_episodes}


def _start(out: Path, options: dict[str, Any], limit_bytes: int, run_job: str = PRETEND) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-c", PROGRAM, json.dumps(options), str(out), str(limit_bytes), run_job]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for_lines(out: Path, num: int) -> None:
    pause, path = threading.Event(), out / RESULTS_FILE
    while not path.exists() or path.read_bytes().count(b"\n") < num:
        pause.wait(0.01)


def _lines(out: Path) -> dict[str, str]:
    """Each line without what tells of the run."""
    records = read_results(out / RESULTS_FILE).records
    return {r["key"]: json.dumps({k: v for k, v in r.items() if k not in NOT_COMPARED}) for r in records}


NOT_COMPARED = ("run", "timings_s", "episode")


def _count_wrong(out: Path, reference: Path, before: set[str]) -> int:
    """Lines that were there and are not, that are there twice, or that differ from an uninterrupted run's."""
    found, wanted = _lines(out), _lines(reference)
    num_double = read_results(out / RESULTS_FILE).num_repeated
    num_different = sum(found.get(key) != line for key, line in wanted.items())
    return len(before - found.keys()) + num_double + num_different + len(found.keys() - wanted.keys())


def _children(pid: int) -> list[int]:
    """Worker processes of a parent, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text() if entry.name.isdigit() else ""
            line = (entry / "cmdline").read_bytes() if stat else b""
        except OSError:
            continue
        if stat and int(stat.rpartition(")")[2].split()[1]) == pid and b"spawn_main" in line:
            found.append(int(entry.name))
    return found


def _pace(out: Path) -> float:
    """Episodes a minute once every worker has its libraries loaded, which its first episode pays for."""
    from datetime import datetime

    runs = [r["run"] for r in read_results(out / RESULTS_FILE).records]
    spans: dict[int, list[tuple[float, float]]] = {}
    for run in runs:
        start_s = datetime.fromisoformat(run["started_at"]).timestamp()
        spans.setdefault(run["worker"], []).append((start_s, start_s + run["wall_s"]))
    warm_s = max(min(mine)[1] for mine in spans.values())
    counted = [span for mine in spans.values() for span in mine if span[0] >= warm_s]
    return 60.0 * len(counted) / (max(end_s for _, end_s in counted) - warm_s)
