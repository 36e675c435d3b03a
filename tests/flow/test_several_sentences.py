from collections.abc import Iterator

import pytest
from verbot.agent.assignment import Assignment, Sentence
from verbot.agent.config import make_run_config
from verbot.agent.episode import Episode
from verbot.planning.types import Fact, Predicate

CONFIG = make_run_config(command="put the cylinder next to the plate", scene="forbidden", perceiver="oracle")
FIRST = Sentence("put the cylinder next to the plate", (Fact(Predicate.NEXT_TO, ("blue_cylinder", "white_plate")),))
SECOND = Sentence("put the cylinder on the plate", (Fact(Predicate.ON, ("blue_cylinder", "white_plate")),))
FORBIDDEN = Sentence("put the red block in the bowl", (Fact(Predicate.IN, ("red_block", "green_bowl")),))


@pytest.fixture
def episode() -> Iterator[Episode]:
    with Episode(CONFIG) as built:
        yield built


def test_sentences_are_done_one_after_the_other_in_one_world(episode: Episode) -> None:
    values = episode.run(assignment=Assignment((FIRST, SECOND))).values
    assert values["success"]
    assert values["score"] == 1.0
    assert [said["ended_by"] for said in values["commands"]] == ["done", "done"]
    assert values["command"] == FIRST.command


def test_after_a_sentence_that_was_not_done_the_rest_is_not_said(episode: Episode) -> None:
    values = episode.run(assignment=Assignment((FORBIDDEN, FIRST, SECOND))).values
    assert not values["success"]
    assert values["score"] == 0.0
    assert [said["ended_by"] for said in values["commands"]] == ["refused", None, None]


def test_no_more_motions_are_made_than_are_allowed(episode: Episode) -> None:
    values = episode.run(assignment=Assignment((FIRST,), max_steps=1)).values
    assert values["ended_by"] == "step_limit"
    assert [step["action"].split("(")[0] for step in values["steps"]] == ["pick"]


def test_each_sentence_has_its_own_motions(episode: Episode) -> None:
    values = episode.run(assignment=Assignment((FIRST, SECOND), max_steps=4)).values
    assert values["success"], values["commands"]
