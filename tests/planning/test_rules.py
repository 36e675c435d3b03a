import numpy as np
import pytest
from motion_scenes import block, bowl, table_scene
from verbot.planning.rules import CarriedMoment, MotionFacts, RuleError, judge, load_rules, read_rules, read_zones
from verbot.planning.types import Action, PlanStep, Ruling, Task

TASK = Task("test", ())
RULE = """
[[rule]]
id = "age"
sentence = "s"
kind = "scene_age"
applies_to = ["pick"]
severity = "high"
"""


def findings(scene, step, carried=()):
    return {f.rule: f for f in judge(load_rules(), MotionFacts(scene, TASK, step, (), carried))}


def test_shipped_rules_read_without_error():
    assert {rule.id for rule in load_rules()} == {
        "keep_out",
        "keep_distance",
        "empty_hand",
        "upright_container",
        "scene_age",
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("severity", "severty", "Did you mean 'severity'"),
        ('"scene_age"', '"scene_aeg"', "Did you mean 'scene_age'"),
        ('"pick"', '"pik"', "Did you mean 'pick'"),
        ('"high"', '"hihg"', "Did you mean 'high'"),
        ("[[rule]]", "[[rules]]", "Did you mean 'rule'"),
        ('sentence = "s"\n', "", "'sentence' is missing"),
    ],
)
def test_a_wrong_word_is_an_error_that_names_file_and_nearest(old, new, message):
    with pytest.raises(RuleError, match=message) as error:
        read_rules(RULE.replace(old, new), "my.toml")
    assert "my.toml" in str(error.value)


def test_unknown_parameter_is_an_error():
    with pytest.raises(RuleError, match="Did you mean 'age_max_s'"):
        read_rules(RULE + "parameters = { age_s = 1.0 }", "my.toml")


def test_the_same_id_twice_is_an_error():
    with pytest.raises(RuleError, match="used twice"):
        read_rules(RULE + RULE, "my.toml")


def test_broken_toml_is_an_error_with_the_file():
    with pytest.raises(RuleError, match=r"my\.toml: not valid TOML"):
        read_rules("[[rule", "my.toml")


def test_missing_rule_file_is_an_error_with_its_path(tmp_path):
    with pytest.raises(RuleError, match="cannot be read"):
        load_rules(tmp_path / "none.toml")


def test_picking_with_a_full_hand_is_refused():
    scene = table_scene(block("a", 0.5, 0.0), block("b", 0.5, 0.2), held="b")
    finding = findings(scene, PlanStep(Action.PICK, "", "a"))["empty_hand"]
    assert finding.ruling is Ruling.REFUSED
    assert "b" in finding.reason


def test_placing_from_an_empty_hand_is_refused():
    scene = table_scene(block("a", 0.5, 0.0))
    assert findings(scene, PlanStep(Action.PLACE, "", "a"))["empty_hand"].ruling is Ruling.REFUSED


def test_old_scene_is_refused_with_its_age():
    scene = table_scene(block("a", 0.5, 0.0))
    old = type(scene)(5.0, 1.0, scene.objects, scene.table, scene.body, ())
    finding = findings(old, PlanStep(Action.PICK, "", "a"))["scene_age"]
    assert finding.ruling is Ruling.REFUSED
    assert finding.margin == pytest.approx(-3.0)


def test_never_seen_scene_is_not_evaluated():
    scene = table_scene()
    unseen = type(scene)(5.0, None, scene.objects, scene.table, scene.body, ())
    assert findings(unseen, PlanStep(Action.LOOK, ""))["scene_age"].ruling is Ruling.NOT_EVALUATED


def tilted(angle: float) -> CarriedMoment:
    pose = np.eye(4)
    pose[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return CarriedMoment("bowl", 0.5, pose)


@pytest.mark.parametrize(("angle", "ruling"), [(0.1, Ruling.ALLOWED), (0.5, Ruling.REFUSED)])
def test_full_bowl_is_kept_upright(angle, ruling):
    inside = block("a", 0.5, 0.0, edge=0.03)
    inside.pose_world[2, 3] = 0.006 + 0.015
    scene = table_scene(bowl("bowl", 0.5, 0.0), inside, held="bowl")
    finding = findings(scene, PlanStep(Action.PLACE, "", "bowl"), (tilted(angle),))["upright_container"]
    assert finding.ruling is ruling
    assert finding.margin == pytest.approx(0.26 - angle)


def test_empty_bowl_may_tilt():
    scene = table_scene(bowl("bowl", 0.5, 0.0), held="bowl")
    finding = findings(scene, PlanStep(Action.PLACE, "", "bowl"), (tilted(0.5),))["upright_container"]
    assert finding.ruling is Ruling.ALLOWED


def test_keep_out_constraints_are_read_and_others_named():
    zones, unknown = read_zones(("keep_out(0.4, -0.1, 0, 0.5, 0.1, 0.3)", "be nice"))
    assert zones == [(0.4, -0.1, 0.0, 0.5, 0.1, 0.3)]
    assert unknown == ["be nice"]
