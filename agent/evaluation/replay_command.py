"""`verbot eval --replay DATASET`: drives demonstrations again, tells each as it ends, and what is likely wrong.

In:  a dataset's folder, at most how many episodes, where to keep the result.
Out: the exit code (0: all succeeded, or as many as --fail-below asks) and the result as a dict.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..run_folder import make_run_folder
from .replay import ReplayedEpisode, replay


def replay_command(
    dataset: Path, *, episodes: int | None, fail_below: float | None, out: Path | None, quiet: bool
) -> tuple[int, dict[str, Any]]:
    """Replay, tell on stderr, keep `replay.json` where a folder was given."""
    console = Console(stderr=True, highlight=False, quiet=quiet)

    def tell(episode: ReplayedEpisode) -> None:
        mark = "[green]done[/]  " if episode.success else "[red]failed[/]"
        name = escape(f"{episode.index}  {episode.suite}/{episode.task} seed {episode.seed} “{episode.command}”")
        console.print(f"{mark} {name}", soft_wrap=True)

    report = replay(dataset, episodes=episodes, on_episode=tell)
    for line in report.lines():
        console.print(escape(line), soft_wrap=True)
    values = report.to_dict()
    if out is not None:
        make_run_folder("replay", out).write_json("replay.json", values)
    wanted = 1.0 if fail_below is None else fail_below
    return int(report.successes < wanted * len(report.episodes)), values
