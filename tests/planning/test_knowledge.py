"""The ontology as data, and what is wrong with broken ones."""

from importlib import resources

import pytest
from symbolic_scenes import make
from verbot.perception.types import Shape
from verbot.planning.knowledge import OntologyError, load_ontology
from verbot.planning.robot_description import load_robot

SHIPPED = (resources.files("verbot.planning") / "data" / "ontology.toml").read_text(encoding="utf-8")
GRIPPER = load_robot("panda").gripper


def broken(tmp_path, old, new):
    assert old in SHIPPED
    file = tmp_path / "broken.toml"
    file.write_text(SHIPPED.replace(old, new, 1))
    return file


def test_every_shape_has_a_class_that_is_an_object():
    ontology = load_ontology()
    assert all(ontology.is_a(ontology.class_of_shape[shape], "object") for shape in Shape)


def test_properties_are_inherited_and_overridden():
    ontology = load_ontology()
    assert ontology.has(make("a", "bowl", "red", 0.4, 0.0), "contains")
    assert not ontology.has(make("a", "bowl", "red", 0.4, 0.0), "carries")
    assert ontology.has(make("a", "tray", "red", 0.4, 0.0), "carries")
    assert ontology.has(make("a", "block_small", "red", 0.4, 0.0), "carries")
    assert ontology.classes_of(make("a", "mug", "red", 0.4, 0.0))[0] == "mug"


@pytest.mark.parametrize("kind", ["block_small", "block_large", "cylinder", "mug", "bowl", "tray", "thing"])
def test_what_the_gripper_can_hold_is_graspable(kind):
    assert load_ontology().why_not_graspable(make("a", kind, "red", 0.4, 0.0), GRIPPER) is None


def test_plate_has_no_edge_to_hold():
    assert "17 cm" in load_ontology().why_not_graspable(make("a", "plate", "red", 0.4, 0.0), GRIPPER)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('is_a = ["solid"]', 'is_a = ["sollid"]', "unknown class 'sollid'. Did you mean 'solid'"),
        ('[classes.solid]\nis_a = ["object"]', '[classes.solid]\nis_a = ["block"]', "goes in a circle"),
        ("contains = true", "holds = true", "unknown key classes.container.holds"),
        ('grasp = "rim"', 'grasp = "handle"', "expected one of: body, rim, none"),
        ('shapes = ["mug"]', 'shapes = ["cup"]', "no shape 'cup'"),
        ('shapes = ["mug"]', "", 'no class has shapes = ["mug"]'),
        ('is_a = ["support"]\ngrasp = "none"', 'grasp = "none"', "is no object"),
        ("carries = false", "", "classes.object.carries is missing"),
        ("[classes.object]", "[classes.entity]", r"[classes.object] is missing"),
    ],
)
def test_broken_ontology_names_file_and_key(tmp_path, old, new, said):
    with pytest.raises(OntologyError) as caught:
        load_ontology(broken(tmp_path, old, new))
    message = str(caught.value)
    assert message.startswith("broken.toml: ")
    assert said in message
    assert "\n" not in message


def test_malformed_toml_is_one_line(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text("[classes\n")
    with pytest.raises(OntologyError, match="Expected a readable TOML"):
        load_ontology(file)
