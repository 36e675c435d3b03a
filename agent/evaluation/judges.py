"""Who says whether an episode succeeded: simulator truth, the robot's own perception, or a person.

In:  records; for the human judge the stored final pictures and a person at the terminal.
Out: records with `success` and `failure` by that judge; `judgements.jsonl` (key, success, who, at).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .failures import failure_of
from .results_log import ResultsLog, read_results

JUDGEMENTS_FILE = "judgements.jsonl"
ANSWERS = {"y": True, "n": False}


def judged(
    records: Iterable[Mapping[str, Any]], judge: str, judgements: Mapping[str, bool] | None = None
) -> list[dict[str, Any]]:
    """The records as this judge sees them; those that a person has not looked at yet are left out.

    Where a judge has nothing to say (no simulator truth on a real robot), the other one speaks.
    """
    found = []
    for record in records:
        human = (judgements or {}).get(record["key"])
        says = {"truth": record["success_truth"], "perceived": record["success_perceived"], "human": human}
        if judge == "human" and human is None:
            continue
        others = (says["truth"], says["perceived"])
        success = bool(next((s for s in (says[judge], *others) if s is not None), False))
        failure = None if success else record["failure"] or failure_of(record, success=False)
        found.append({**record, "success": success, "success_human": human, "failure": failure})
    return found


def read_judgements(folder: Path) -> dict[str, bool]:
    """What people have said so far, by key."""
    return {r["key"]: r["success"] for r in read_results(folder / JUDGEMENTS_FILE).records}


def ask_person(
    folder: Path,
    records: Sequence[Mapping[str, Any]],
    who: str,
    ask: Callable[[str], str],
    tell: Callable[[str], None],
) -> int:
    """Show each final picture that nobody has judged, take y, n, s (skip) or q (leave); returns how many are left.

    Every answer is on disk before the next picture is shown.
    """
    with ResultsLog(folder / JUDGEMENTS_FILE) as log:
        known = {r["key"] for r in log.found.records}
        waiting = [r for r in records if r["key"] not in known]
        pictured = [r for r in waiting if r["picture"] and (folder / r["picture"]).is_file()]
        if len(pictured) < len(waiting):
            tell(f"{len(waiting) - len(pictured)} episodes have no final picture and cannot be judged by a person.")
        num_left = len(pictured)
        for number, record in enumerate(pictured, 1):
            _show(folder / record["picture"], tell)
            answer = _ask_one(ask, f"{number}/{len(pictured)} “{record['command']}” – done? [y/n/s/q] ")
            if answer == "q":
                break
            if answer == "s":
                continue
            now = datetime.now(UTC).isoformat(timespec="seconds")
            log.append({"key": record["key"], "success": ANSWERS[answer], "who": who, "at": now})
            num_left -= 1
    return num_left


def _ask_one(ask: Callable[[str], str], question: str) -> str:
    while True:
        try:
            answer = ask(question).strip().lower()[:1]
        except EOFError:
            return "q"
        if answer in (*ANSWERS, "s", "q"):
            return answer


def _show(picture: Path, tell: Callable[[str], None]) -> None:
    """Open it with the system's viewer where there is a display; the path is told in any case."""
    tell(str(picture))
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    has_display = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if has_display and shutil.which(opener):
        subprocess.Popen([opener, str(picture)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
