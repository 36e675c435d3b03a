"""Several sentences in one episode: each as it went, and all together as one result.

In:  one Turn for every sentence that was said, in order; the last may have failed.
Out: a score over all sentences, and a list with an entry for each, said or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .assignment import Assignment, Sentence
from .recorder import rounded
from .runtime import RunRecord


@dataclass(frozen=True, slots=True)
class Turn:
    """A sentence, what the robot did about it, and how that was judged."""

    sentence: Sentence
    record: RunRecord
    score: dict[str, Any]


def join_scores(turns: Sequence[Turn], num_sentences: int) -> dict[str, Any]:
    """One score: success when every sentence was done; with several, the share that was done in order."""
    last = turns[-1].score
    if num_sentences == 1:
        return last
    judges = {name: [turn.score[name] for turn in turns] for name in ("success_truth", "success_perceived")}
    is_all_said = len(turns) == num_sentences
    return {
        **last,
        "success": is_all_said and all(turn.score["success"] for turn in turns),
        **{name: None if None in found else is_all_said and all(found) for name, found in judges.items()},
        "score": rounded(sum(bool(turn.score["success"]) for turn in turns) / num_sentences),
        "criteria": [criterion for turn in turns for criterion in turn.score["criteria"]],
    }


def commands_to_list(turns: Sequence[Turn], assignment: Assignment) -> list[dict[str, Any]]:
    """Every sentence in order; `ended_by` is null where it was not said any more."""
    found = []
    for index, sentence in enumerate(assignment.sentences):
        turn = turns[index] if index < len(turns) else None
        ended_by = turn.record.ended_by if turn else None
        found.append(
            {
                "command": sentence.command,
                "success": bool(turn and turn.score["success"]),
                "ended_by": ended_by.value if ended_by else None,
                "detail": turn.record.detail if turn else "",
                "steps": len(turn.record.steps) if turn else 0,
            }
        )
    return found
