"""Words beyond the lexicon are found by what they look like, where that is sure; else it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from symbolic_scenes import make, make_scene
from verbot.perception.words.grounder import TowerWords
from verbot.perception.words.types import Grounded, Ranked, UnknownWord, WordRegion
from verbot.planning.planner import Planner
from verbot.planning.robot_description import load_robot
from verbot.planning.types import Problem, ProblemKind, Task

BOWL, TRAY, BLOCK, MUG = (
    make("bowl", "bowl", "green", 0.5, 0.2),
    make("tray", "tray", "white", 0.5, -0.2),
    make("block", "block_small", "red", 0.4, 0.0),
    make("mug", "mug", "blue", 0.6, 0.0),
)
SCENE = make_scene(BOWL, TRAY, BLOCK, MUG)
PANDA = load_robot("panda")


@dataclass
class Answers:
    """Knows a few phrases, and by which scores what is meant."""

    scores: dict[str, dict[str, float]]
    asked: list[str] = field(default_factory=list)
    needs_pictures: bool = False

    def unknown(self, phrase: str) -> tuple[UnknownWord, ...]:
        known = {word for said in self.scores for word in said.split()}
        return tuple(UnknownWord(w, ()) for w in phrase.split() if w not in known)

    def ground(self, phrase: str, regions: Sequence[WordRegion], k: int = 3) -> Grounded:
        self.asked.append(phrase)
        scores = self.scores[phrase]
        ranked = tuple(Ranked(name, score) for name, score in sorted(scores.items(), key=lambda s: -s[1]))
        return Grounded(phrase, ranked, 1.0 - sum(scores.values()))


def understand(command: str, **scores: dict[str, float]) -> tuple[Task | Problem, list[str]]:
    words = Answers({phrase.replace("_", " "): score for phrase, score in scores.items()})
    planner = Planner(PANDA, words=words)
    return planner.understand(command, SCENE), words.asked


def test_a_phrase_that_is_surely_one_thing_becomes_its_plain_words() -> None:
    task, _ = understand("put the red block in the round dish", the_round_dish={"bowl": 0.97, "tray": 0.02})
    assert isinstance(task, Task)
    assert [str(fact) for fact in task.goal] == ["in(block, bowl)"]
    assert task.command == "put the red block in the round dish"
    assert [(t.phrase, t.means, t.score) for t in task.taken] == [("the round dish", "the green bowl", 0.97)]


def test_a_phrase_that_is_not_sure_is_asked_about_the_likeliest_first() -> None:
    problem, _ = understand("put the red block in the round dish", the_round_dish={"tray": 0.3, "bowl": 0.6})
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.AMBIGUOUS
    assert problem.candidates == ("the green bowl", "the white tray")
    assert "the green bowl (0.60)" in problem.message


def test_what_is_likely_nothing_is_not_present() -> None:
    problem, _ = understand("put the red block in the round dish", the_round_dish={"tray": 0.1, "bowl": 0.1})
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.NOT_PRESENT


def test_a_word_that_nobody_knows_stays_unknown() -> None:
    problem, asked = understand("put the red block in the frobnicated dish", the_round_dish={"bowl": 0.97})
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.UNKNOWN_WORD
    assert not asked


def test_what_the_lexicon_can_read_is_never_asked() -> None:
    task, asked = understand("put the red block in the green bowl", the_red_block={"mug": 0.99})
    assert isinstance(task, Task)
    assert [str(fact) for fact in task.goal] == ["in(block, bowl)"]
    assert not asked
    assert not task.taken


def test_two_strange_phrases_in_one_command_are_both_found() -> None:
    task, asked = understand(
        "put the strawberry cube in something to drink from",
        the_strawberry_cube={"block": 0.95},
        something_to_drink_from={"mug": 0.96},
    )
    assert isinstance(task, Task)
    assert [str(fact) for fact in task.goal] == ["in(block, mug)"]
    assert sorted(asked) == ["something to drink from", "the strawberry cube"]


def test_reading_without_a_scene_lets_pass_what_may_be_found_in_one() -> None:
    planner = Planner(PANDA, words=Answers({"the round dish": {"bowl": 0.97}}))
    assert planner.read("pick up the round dish") is None
    problem = planner.read("pick up the frobnicated dish")
    assert problem is not None
    assert problem.kind is ProblemKind.UNKNOWN_WORD


def test_without_words_an_unknown_word_is_named_as_ever() -> None:
    problem = Planner(PANDA).understand("pick up the round dish", SCENE)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.UNKNOWN_WORD


@pytest.mark.parametrize(
    ("command", "goal"),
    [
        ("put the strawberry cube in the bowl for soup", "in(block, bowl)"),
        ("put the red block in something to drink from", "in(block, mug)"),
    ],
)
def test_the_shipped_words_find_what_is_meant(command: str, goal: str) -> None:
    task = Planner(PANDA, words=TowerWords(), sure=0.6).understand(command, SCENE)
    assert isinstance(task, Task), task
    assert [str(fact) for fact in task.goal] == [goal]
