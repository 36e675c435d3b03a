"""docs/language.md says what the program says: every example on it is run."""

import re
from pathlib import Path

import pytest
from symbolic_scenes import make, make_scene, upon
from verbot.planning.plan_steps import in_words
from verbot.planning.planner import Planner
from verbot.planning.robot_description import load_robot
from verbot.planning.types import Problem

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
BASE = make("o1", "block_large", "red", 0.36, 0.12)
BOWL = make("o4", "bowl", "green", 0.52, 0.10)
SCENE = make_scene(
    BASE,
    upon("o2", "block_small", "blue", BASE),
    make("o3", "block_small", "red", 0.40, -0.05),
    BOWL,
    make("o5", "tray", "white", 0.46, -0.25),
    make("o6", "mug", "orange", 0.62, 0.28),
    make("o7", "plate", "yellow", 0.62, -0.08),
)


def answer(command: str) -> str:
    """What the planner makes of a sentence, as the page shows it."""
    understood = Planner(load_robot("panda")).understand(command, SCENE)
    if isinstance(understood, Problem):
        return f"{understood.kind.value}: {understood.message}"
    stages = [", ".join(in_words(fact, understood.names) for fact in stage) for stage in understood.stages]
    return "goal: " + "; then ".join(stages)


def examples() -> list[tuple[str, str]]:
    return re.findall(r"^> (.*)\n(.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_page_has_examples():
    assert len(examples()) > 40


@pytest.mark.parametrize(("command", "said"), examples())
def test_example_on_the_page_is_what_the_program_says(command, said):
    assert answer(command) == said
