"""`verbot find "PHRASE"`: one look, then the things that the phrase may mean, the likeliest first; nothing moves.

In:  a phrase for a thing, in English or Chinese; a run's options; how many to show.
Out: ids with scores that add up to one with "none of these"; unknown words are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..perception.types import SceneState
from ..perception.words.types import Grounded
from ..planning.references import describe
from ..planning.scene_graph import make_scene_graph
from .build import build_parts
from .config import RunConfig
from .recorder import rounded
from .runtime import SETTLE_S
from .words import build_words, see_regions

SCHEMA = "verbot-find/1"


@dataclass(frozen=True, slots=True)
class Found:
    """The answer and the scene that it is about."""

    grounded: Grounded
    scene: SceneState


def find_command(config: RunConfig, k: int) -> Found:
    """Look once with the robot's sensors and ask.

    Raises:
        ConfigError, WordsError: words are off, or what they need is not there.
    """
    words = build_words("tower" if config.words == "off" else config.words)
    parts = build_parts(config.model_copy(update={"words": "off"}))
    try:
        parts.perceiver.reset()
        parts.perceiver.update(parts.robot.reset(config.seed))
        frame = parts.robot.read(parts.robot.time_s + SETTLE_S)
        scene = parts.perceiver.update(frame)
    finally:
        parts.robot.close()
    assert words is not None  # "off" was replaced
    return Found(words.ground(config.command, see_regions(scene, frame, parts.model), k), scene)


def exit_code_of_find(found: Found) -> int:
    """0 something is likelier than nothing, 1 nothing is, 2 an unknown word."""
    if found.grounded.unknown:
        return 2
    return 0 if found.grounded.best is not None else 1


def tell_find(console: Console, found: Found) -> None:
    """Lines for a person."""
    for unknown in found.grounded.unknown:
        hint = f" Spelled like it: {', '.join(unknown.nearest)}." if unknown.nearest else ""
        console.print(f"[red]unknown word[/] '{escape(unknown.word)}'.{escape(hint)}", soft_wrap=True)
    if found.grounded.unknown:
        return
    graph = make_scene_graph(found.scene)
    for ranked in found.grounded.ranked:
        item = found.scene.find(ranked.id)
        told = describe(item, graph) if item is not None else ranked.id
        console.print(f"[dim]{ranked.score:>6.2f}[/]   {escape(told)}  [dim]{escape(ranked.id)}[/]")
    console.print(f"[dim]{found.grounded.none:>6.2f}   none of these[/]")


def find_to_dict(found: Found, config: RunConfig) -> dict[str, Any]:
    """JSON."""
    return {
        "schema": SCHEMA,
        "phrase": found.grounded.phrase,
        "scene": config.scene,
        "seed": config.seed,
        "words": config.words,
        "ranked": [{"id": r.id, "score": rounded(r.score)} for r in found.grounded.ranked],
        "none": rounded(found.grounded.none),
        "unknown": [{"word": u.word, "nearest": list(u.nearest)} for u in found.grounded.unknown],
    }
