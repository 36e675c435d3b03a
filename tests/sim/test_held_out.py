import pytest
from verbot.perception.colors import PALETTE
from verbot.perception.types import Shape
from verbot.planning.types import Fact, Predicate
from verbot.sim.scene_file import ObjectEntry
from verbot.sim.scenes import SceneFile, draw
from verbot.sim.tasks.episodes import draw_episode
from verbot.sim.tasks.families import EVERY_FAMILY, FAMILIES
from verbot.sim.tasks.family import Variation
from verbot.sim.tasks.held_out import LOOKS, MEETINGS, is_look_held_out, names_held_out_pair

SEEDS = range(6)


@pytest.mark.parametrize("family", EVERY_FAMILY)
def test_training_never_shows_a_held_out_pair(family: str) -> None:
    for seed in SEEDS:
        episode = draw_episode(family, seed)
        color_of = {o.name: o.color for o in episode.scene.objects}
        assert not [o for o in episode.scene.objects if LOOKS.get(o.shape) == o.color]
        for fact in (*episode.goal, *(fact for said in episode.later for fact in said.goal)):
            colors = [color_of[name] for name in fact.args if name in color_of]
            assert all(MEETINGS[colors[0]] != other for other in colors[1:])


def test_every_training_colour_and_shape_is_seen_somewhere() -> None:
    looks = {
        (o.color, o.shape) for family in FAMILIES for seed in SEEDS for o in draw_episode(family, seed).scene.objects
    }
    assert {color for color, _ in looks} == set(MEETINGS)
    assert {shape for _, shape in looks} >= set(LOOKS)
    assert not {(color, shape) for color, shape in looks if is_look_held_out(color, shape)}


@pytest.mark.parametrize("family", ["put_in", "put_on", "stack", "spatial", "sort_color", "line_up"])
def test_the_held_out_pairs_are_named_where_they_are_asked_for(family: str) -> None:
    for seed in SEEDS:
        episode = draw_episode(family, seed, Variation(is_pair_held_out=True))
        assert names_held_out_pair(episode.scene, episode.goal)


def test_a_meeting_has_a_direction() -> None:
    objects = (
        ObjectEntry(kind="block_small", color="red", name="block", position_world=(0.4, 0.1)),
        ObjectEntry(kind="bowl", color="white", name="bowl", position_world=(0.55, -0.1)),
    )
    scene = draw(SceneFile(name="x", objects=objects), 0)
    assert names_held_out_pair(scene, [Fact(Predicate.IN, ("block", "bowl"))])
    assert not names_held_out_pair(scene, [Fact(Predicate.LEFT_OF, ("bowl", "block"))])


def test_every_shape_and_colour_has_one_pair_held_out() -> None:
    assert set(MEETINGS) <= set(PALETTE)
    assert set(MEETINGS.values()) == set(MEETINGS)
    assert all(color != other for color, other in MEETINGS.items())
    assert set(LOOKS.values()) <= set(MEETINGS)
    assert Shape.THING not in LOOKS
