from verbot.planning.lessons import Lessons
from verbot.planning.search import Learned, Situation, search
from verbot.planning.types import TABLE, Action, Fact, Predicate

POURED = Fact(Predicate.POURED, ("mug", "bowl"))
BACK = Fact(Predicate.ON, ("mug", TABLE))


def situation(**supports) -> Situation:
    rests = {"mug": TABLE, "bowl": TABLE, **supports}
    return Situation(rests, None, frozenset({"crumb"}), frozenset(rests), frozenset({BACK}))


def actions(found) -> list[Action]:
    return [move.key.action for move in found]


def test_a_mug_is_taken_tilted_and_put_back():
    assert actions(search(situation(), [(POURED, BACK)], Learned())) == [Action.PICK, Action.POUR, Action.PLACE]


def test_what_is_in_the_mug_is_not_taken_out_first():
    found = search(situation(crumb="mug"), [(POURED, BACK)], Learned())
    assert [move.key.object_id for move in found] == ["mug"] * 3


def test_a_full_mug_that_is_only_moved_is_still_emptied_first():
    goal = Fact(Predicate.LEFT_OF, ("mug", "bowl"))
    assert search(situation(crumb="mug"), [(goal,)], Lessons().learned({}))[0].key.object_id == "crumb"
