import re

import numpy as np
import pytest
from pydantic import ValidationError
from verbot.perception.types import Shape
from verbot.planning.relations import evaluate
from verbot.planning.types import TABLE, Fact, Predicate
from verbot.sim.referring import refer
from verbot.sim.scene_file import ObjectEntry
from verbot.sim.scenes import SceneFile, draw
from verbot.sim.suites import TABLE_ROAD
from verbot.sim.tasks.episodes import Episode, TaskError, draw_episode, is_fair, make_start_state
from verbot.sim.tasks.families import FAMILIES

SEEDS = range(8)


@pytest.fixture(scope="module")
def episodes() -> dict[str, list[Episode]]:
    return {family: [draw_episode(family, seed) for seed in SEEDS] for family in FAMILIES}


def test_no_goal_holds_at_the_start(episodes: dict[str, list[Episode]]) -> None:
    for row in episodes.values():
        for episode in row:
            state = make_start_state(episode.scene)
            assert not all(evaluate(fact, state).value for fact in episode.goal)


def test_goals_name_objects_of_the_scene(episodes: dict[str, list[Episode]]) -> None:
    for row in episodes.values():
        for episode in row:
            state = make_start_state(episode.scene)
            names = {o.id for o in (*state.objects, *state.zones)}
            names |= {"person"} if episode.scene.person is not None else set()
            for fact in episode.goal:
                words = {Predicate.AT_SIDE: {"left", "right", "front", "back"}, Predicate.ON: {TABLE}}
                remembered = set(fact.args[2:]) if fact.predicate is Predicate.AT_START_OF else set()
                assert set(fact.args) - names <= words.get(fact.predicate, set()) | remembered


def test_every_phrase_of_a_command_fits_one_object(episodes: dict[str, list[Episode]]) -> None:
    words = {"cube": "block", "cup": "mug"}
    for family, row in episodes.items():
        for episode in row:
            command = re.sub("cube|cup", lambda match: words[match.group()], episode.command)
            for size, color, noun in re.findall(
                r"the (small |large )?(red |orange |yellow |green |cyan |blue |purple |white )?"
                r"(block|cylinder|bowl|mug|plate|tray)(?! nearest|s)",
                command,
            ):
                fitting = [
                    o
                    for o in episode.scene.objects
                    if o.shape == Shape(noun)
                    and (not color or o.color == color.strip())
                    and (not size or o.kind.endswith(size.strip()))
                ]
                assert len(fitting) == 1, (family, episode.command)


def test_a_relation_is_used_only_where_it_is_clear() -> None:
    objects = (
        ObjectEntry(kind="block_small", color="red", name="near", position_world=(0.40, 0.1)),
        ObjectEntry(kind="block_small", color="red", name="far", position_world=(0.40, -0.2)),
        ObjectEntry(kind="bowl", color="green", name="bowl", position_world=(0.55, 0.1)),
    )
    scene = draw(SceneFile(name="x", objects=objects), 0)
    rng = np.random.default_rng(0)
    assert {refer(scene, "near", rng) for _ in range(20)} == {"the block nearest the bowl", "the cube nearest the bowl"}
    assert refer(scene, "far", rng) is None
    assert refer(scene, "near", rng, by_relation=False) is None


def test_same_seed_gives_the_same_episode_and_families_differ_in_their_scenes() -> None:
    first, second = draw_episode("stack", 4), draw_episode("stack", 4)
    assert first.command == second.command
    assert first.goal == second.goal
    for a, b in zip(first.scene.objects, second.scene.objects, strict=True):
        assert (a.name, a.kind, a.color, a.yaw_rad) == (b.name, b.kind, b.color, b.yaw_rad)
        assert (a.position_world == b.position_world).all()
    assert draw_episode("put_in", 4).scene.objects[0].name != "" != first.scene.objects[0].name


def test_wording_varies_within_a_family(episodes: dict[str, list[Episode]]) -> None:
    for family, row in episodes.items():
        assert len({episode.command for episode in row}) >= 3, family


def test_other_sentences_are_training_sentences_of_the_same_episode_and_differ(
    episodes: dict[str, list[Episode]],
) -> None:
    for family, row in episodes.items():
        shapes = [re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(t)) + "$") for t in FAMILIES[family].phrases.training]
        for episode in row:
            assert len({episode.command, *episode.others}) == 1 + len(episode.others) >= 2, family
            assert all(any(shape.match(said) for shape in shapes) for said in episode.others), family


def test_the_first_of_five_sentences_has_other_words_too() -> None:
    episode = draw_episode("five", 3)
    assert all(len(said.others) >= 2 for said in (episode, *episode.later))


def test_no_scene_is_empty_or_overfull(episodes: dict[str, list[Episode]]) -> None:
    for family, row in episodes.items():
        for episode in row:
            assert 2 <= len(episode.scene.objects) <= 12, family


def test_a_scene_in_which_the_goal_holds_already_is_not_fair() -> None:
    objects = (
        ObjectEntry(kind="block_small", color="red", name="block", on="bowl"),
        ObjectEntry(kind="bowl", color="green", name="bowl", position_world=(0.5, 0.1)),
    )
    scene = draw(SceneFile(name="x", objects=objects), 0)
    assert not is_fair(scene, [Fact(Predicate.IN, ("block", "bowl"))])


def test_a_goal_without_free_table_is_not_fair() -> None:
    entries = [
        ObjectEntry(kind="block_large", color="red", name="block", position_world=(0.40, -0.25)),
        ObjectEntry(kind="block_large", color="blue", name="mark", position_world=(0.70, 0.40)),
    ]
    scene = draw(SceneFile(name="x", objects=tuple(entries)), 0)
    assert not is_fair(scene, [Fact(Predicate.LEFT_OF, ("block", "mark"))])
    assert is_fair(scene, [Fact(Predicate.RIGHT_OF, ("block", "mark"))])


def test_an_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(TaskError, match="expected one of put_in, put_on"):
        draw_episode("juggle", 0)


def test_the_suite_plays_its_families_only() -> None:
    suite = TABLE_ROAD.build(TABLE_ROAD.config())
    assert suite.families == ("put_in", "stack", "spatial")
    assert suite.episode("put_in", 3).command == draw_episode("put_in", 3).command
    with pytest.raises(TaskError, match="no family 'all'"):
        suite.episode("all", 0)
    with pytest.raises(ValidationError, match="did you mean 'stack'"):
        TABLE_ROAD.config(families=("stak",))
