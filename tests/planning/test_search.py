"""The task search on symbols alone."""

from verbot.planning.plan_steps import make_steps
from verbot.planning.search import Learned, Situation, StepKey, search
from verbot.planning.types import TABLE, Action, Fact, Predicate

ON, IN, LEFT, HOLDING = Predicate.ON, Predicate.IN, Predicate.LEFT_OF, Predicate.HOLDING
FREE = Learned()


def situation(supports, held=None, bowls=(), fixed=(), true=()):
    return Situation(
        supports=supports,
        held=held,
        solid=frozenset(supports) - frozenset(bowls),
        movable=frozenset(supports) - frozenset(fixed),
        true_facts=frozenset(true),
    )


def found(where, *stages, learned=FREE):
    moves = search(where, stages, learned)
    assert moves is not None
    return [" ".join((m.key.action, m.key.object_id, m.key.relation, m.key.target_id)).strip() for m in moves]


def test_nothing_is_done_when_the_goal_holds():
    goal = Fact(ON, ("a", "b"))
    assert found(situation({"a": "b", "b": TABLE}, true=[goal]), [goal]) == []


def test_one_object_takes_two_steps():
    where = situation({"a": TABLE, "bowl": TABLE}, bowls=["bowl"])
    assert found(where, [Fact(IN, ("a", "bowl"))]) == ["pick a", "place a in bowl"]


def test_what_stands_on_the_object_is_put_aside_first():
    where = situation({"a": TABLE, "top": "a", "b": TABLE})
    assert found(where, [Fact(ON, ("a", "b"))]) == [
        "pick top",
        "place top on table",
        "pick a",
        "place a on b",
    ]


def test_what_stands_on_the_target_is_put_aside_first():
    where = situation({"a": TABLE, "top": "b", "b": TABLE})
    assert found(where, [Fact(ON, ("a", "b"))])[:2] == ["pick top", "place top on table"]


def test_what_lies_in_a_bowl_need_not_go_before_more_is_put_in():
    where = situation({"a": TABLE, "x": "bowl", "bowl": TABLE}, bowls=["bowl"])
    assert found(where, [Fact(IN, ("a", "bowl"))]) == ["pick a", "place a in bowl"]


def test_what_must_leave_the_bowl_leaves_before_more_is_put_in():
    where = situation({"a": TABLE, "x": "bowl", "bowl": TABLE}, bowls=["bowl"])
    steps = found(where, [Fact(IN, ("a", "bowl")), Fact(ON, ("x", TABLE))])
    assert steps.index("pick x") < steps.index("place a in bowl")


def test_tower_is_built_from_the_bottom_whatever_order_is_said():
    where = situation({"a": TABLE, "b": TABLE, "c": TABLE})
    steps = found(where, [Fact(ON, ("a", "b")), Fact(ON, ("b", "c"))])
    assert steps == ["pick b", "place b on c", "pick a", "place a on b"]


def test_tower_is_turned_over():
    where = situation({"a": "b", "b": "c", "c": TABLE}, true=[])
    steps = found(where, [Fact(ON, ("c", "b")), Fact(ON, ("b", "a"))])
    assert steps[-4:] == ["pick b", "place b on a", "pick c", "place c on b"]
    assert len(steps) == 6


def test_order_of_words_decides_where_nothing_else_does():
    where = situation({"a": TABLE, "b": TABLE, "bowl": TABLE}, bowls=["bowl"])
    goal = [Fact(IN, ("b", "bowl")), Fact(IN, ("a", "bowl"))]
    assert found(where, goal)[0] == "pick b"
    assert found(where, goal[::-1])[0] == "pick a"


def test_stages_are_done_in_order():
    where = situation({"a": TABLE, "b": TABLE, "bowl": TABLE}, bowls=["bowl"])
    assert found(where, [Fact(IN, ("b", "bowl"))], [Fact(IN, ("b", "bowl")), Fact(IN, ("a", "bowl"))])[0] == "pick b"


def test_target_moves_before_something_is_put_beside_it():
    where = situation({"a": TABLE, "b": TABLE, "bowl": TABLE}, bowls=["bowl"])
    steps = found(where, [Fact(LEFT, ("a", "b")), Fact(IN, ("b", "bowl"))])
    assert steps.index("place b in bowl") < steps.index("place a left_of b")


def test_all_places_beside_things_are_taken_at_once():
    goal = [Fact(LEFT, ("a", "b")), Fact(Predicate.BEHIND, ("a", "c"))]
    moves = search(situation({"a": TABLE, "b": TABLE, "c": TABLE}), [goal], FREE)
    assert moves is not None
    assert len(moves) == 2
    assert set(moves[1].facts) == set(goal)


def test_held_object_is_put_aside_when_the_hand_is_needed():
    where = situation({"a": TABLE, "h": None, "b": TABLE}, held="h")
    assert found(where, [Fact(ON, ("a", "b"))])[0] == "place h on table"


def test_held_goal_object_is_placed_at_once():
    where = situation({"a": None, "b": TABLE}, held="a")
    assert found(where, [Fact(ON, ("a", "b"))]) == ["place a on b"]


def test_holding_is_the_last_step():
    where = situation({"a": TABLE, "top": "a"})
    assert found(where, [Fact(HOLDING, ("a",))]) == ["pick top", "place top on table", "pick a"]


def test_forbidden_step_is_never_proposed():
    where = situation({"a": TABLE, "bowl": TABLE}, bowls=["bowl"])
    learned = Learned(forbidden=frozenset({StepKey(Action.PLACE, "a", "in", "bowl")}))
    assert search(where, [[Fact(IN, ("a", "bowl"))]], learned) is None


def test_what_stands_in_the_way_is_moved_first():
    where = situation({"a": TABLE, "b": TABLE, "x": TABLE})
    learned = Learned(requires={StepKey(Action.PLACE, "a", "left_of", "b"): frozenset({"x"})})
    assert found(where, [Fact(LEFT, ("a", "b"))], learned=learned)[:2] == ["pick x", "place x on table"]


def test_immovable_load_leaves_no_plan():
    where = situation({"a": TABLE, "plate": "a", "b": TABLE}, fixed=["plate"])
    assert search(where, [[Fact(ON, ("a", "b"))]], FREE) is None


def test_objects_without_part_in_the_goal_are_not_looked_at():
    many = {f"x{i}": TABLE for i in range(200)} | {"a": TABLE, "b": TABLE}
    assert search(situation(many), [[Fact(ON, ("a", "b"))]], FREE, max_expansions=4) is not None


def test_search_gives_up_after_its_expansions():
    where = situation({"a": TABLE, "b": TABLE, "c": TABLE})
    assert search(where, [[Fact(ON, ("a", "b")), Fact(ON, ("b", "c"))]], FREE, max_expansions=2) is None


def test_every_step_has_a_reason_in_words():
    where = situation({"a": TABLE, "top": "a", "x": "bowl", "bowl": TABLE}, bowls=["bowl"])
    goal = [Fact(ON, ("bowl", TABLE)), Fact(IN, ("a", "bowl"))]
    names = {"a": "the red block", "top": "the blue block", "bowl": "the bowl", "x": "the mug", TABLE: "the table"}
    steps = make_steps(search(where, [goal], FREE) or (), names, frozenset(goal), FREE, {})
    reasons = {(s.action, s.object_id): s.reason for s in steps}
    assert reasons[Action.PICK, "top"] == "to clear the red block, which is under the blue block"
    assert reasons[Action.PICK, "x"] == "to empty the bowl, which holds the mug"
    assert reasons[Action.PLACE, "a"] == "asked for: the red block in the bowl"


def test_steps_carry_preconditions_and_effects():
    where = situation({"a": "b", "b": TABLE, "c": TABLE})
    goal = Fact(ON, ("a", "c"))
    pick, place = make_steps(search(where, [[goal]], FREE) or (), {}, frozenset({goal}), FREE, {})
    assert pick.preconditions == (Fact(ON, ("a", "b")),)
    assert pick.effects == place.preconditions == (Fact(HOLDING, ("a",)),)
    assert place.effects == (goal,)
