"""The suite `generalize` shows what training never does, one thing at a time."""

import numpy as np
import pytest
from pydantic import ValidationError
from verbot.agent.suites import build_suite, read_suite
from verbot.perception.colors import PALETTE, name_color
from verbot.planning.lexicon import load_lexicon
from verbot.sim.catalogue import CLUTTER_COLORS, KINDS, make_object
from verbot.sim.referring import OWN_WORDS
from verbot.sim.shading import Light, draw_light
from verbot.sim.suites import TABLE_ROAD, TableRoad
from verbot.sim.tasks import held_out
from verbot.sim.tasks.episodes import Episode, draw_episode
from verbot.sim.tasks.families import EVERY_FAMILY, FAMILIES

SEEDS = range(3)
CONDITIONS = ("colors", "shapes", "pairs", "phrases", "clutter", "light", "all")


@pytest.fixture(scope="module")
def suite() -> TableRoad:
    chosen = read_suite("generalize")
    return build_suite(chosen.suite, chosen.settings)


@pytest.fixture(scope="module")
def drawn(suite: TableRoad) -> dict[str, list[Episode]]:
    return {name: _draw(suite, name) for name in CONDITIONS}


def _draw(suite: TableRoad, condition: str) -> list[Episode]:
    tasks = [task for task in suite.families if task.endswith(f"@{condition}")]
    return [suite.episode(task, seed) for task in tasks for seed in SEEDS]


def _places(episode: Episode) -> list[tuple[object, ...]]:
    return [(o.name, o.kind, o.color, o.position_world.tobytes(), o.yaw_rad) for o in episode.scene.objects]


def test_each_condition_holds_the_same_families(suite: TableRoad) -> None:
    families = [{task.partition("@")[0] for task in suite.families if task.endswith(f"@{c}")} for c in CONDITIONS]
    assert all(row == families[0] for row in families)
    assert len(families[0]) * len(CONDITIONS) == len(suite.families)
    assert families[0] <= set(FAMILIES)


@pytest.mark.parametrize("family", EVERY_FAMILY)
def test_training_shows_no_held_out_colour_kind_or_light(family: str) -> None:
    for seed in SEEDS:
        scene = draw_episode(family, seed).scene
        assert {o.color for o in scene.objects} <= set(CLUTTER_COLORS)
        assert not {o.kind for o in scene.objects} & set(held_out.KINDS.values())
        assert scene.light.toward_light[1] < 0.0  # from the right, as every usual light


def test_what_is_held_out_is_none_of_training() -> None:
    assert set(held_out.COLORS).isdisjoint(CLUTTER_COLORS)
    assert set(held_out.COLORS) | set(CLUTTER_COLORS) == set(PALETTE)
    assert set(held_out.KINDS).isdisjoint(held_out.KINDS.values())
    for seen, unseen in held_out.KINDS.items():
        old, new = make_object(seen), make_object(unseen)
        assert new.shape is old.shape
        assert np.abs(np.sort(new.size_m) / np.sort(old.size_m) - 1.0).max() > 0.1
    assert set(held_out.KINDS.values()) <= set(KINDS)


def test_no_held_out_sentence_is_said_in_training() -> None:
    training = {text for family in FAMILIES.values() for text in family.phrases.training}
    for family in FAMILIES.values():
        assert training.isdisjoint(family.phrases.held_out), family.name


def test_colors_are_all_unseen_and_said(drawn: dict[str, list[Episode]]) -> None:
    for episode in drawn["colors"]:
        assert {o.color for o in episode.scene.objects} <= set(held_out.COLORS)
    assert any(color in episode.command for episode in drawn["colors"] for color in held_out.COLORS)


def test_shapes_are_all_unseen(drawn: dict[str, list[Episode]]) -> None:
    for episode in drawn["shapes"]:
        assert {o.kind for o in episode.scene.objects} <= set(held_out.KINDS.values())
        assert {o.color for o in episode.scene.objects} <= set(CLUTTER_COLORS)


def test_pairs_are_held_out_ones_of_seen_parts(drawn: dict[str, list[Episode]]) -> None:
    for episode in drawn["pairs"]:
        assert held_out.names_held_out_pair(episode.scene, episode.goal)
        assert {o.color for o in episode.scene.objects} <= set(CLUTTER_COLORS)
    for name in ("shapes", "phrases", "clutter", "light"):
        for episode in drawn[name]:
            assert not held_out.shows_held_out_pair(episode.scene, episode.goal)


def test_clutter_is_more_than_training_ever_has(drawn: dict[str, list[Episode]]) -> None:
    most = max(len(draw_episode(e.family, e.seed).scene.objects) for e in drawn["clutter"])
    counts = {len(episode.scene.objects) for episode in drawn["clutter"]}
    assert min(counts) >= 10 > most
    assert max(counts) <= 14


def test_in_a_crowd_each_colour_to_sort_by_still_has_one_container(drawn: dict[str, list[Episode]]) -> None:
    for episode in (*drawn["clutter"], *drawn["all"]):
        if episode.family == "sort_color":
            open_ones = [o for o in episode.scene.objects if make_object(o.kind).cavity_depth_m > 0.0]
            moved = {episode.scene.find(fact.args[0]).color for fact in episode.goal}
            assert all(sum(o.color == color for o in open_ones) == 1 for color in moved)


@pytest.mark.parametrize("name", ["phrases", "light"])
def test_wording_and_light_alone_change_nothing_that_stands_there(drawn: dict[str, list[Episode]], name: str) -> None:
    for episode in drawn[name]:
        seen = draw_episode(episode.family, episode.seed)
        assert _places(episode) == _places(seen)
        assert (episode.command == seen.command) is (name == "light")
        assert (episode.scene.light == seen.scene.light) is (name == "phrases")


def test_a_harsh_light_is_outside_every_usual_one() -> None:
    rng = np.random.default_rng(0)
    usual = [draw_light(rng) for _ in range(300)]
    for _ in range(300):
        harsh = draw_light(rng, "harsh")
        assert np.linalg.norm(harsh.toward_light) == pytest.approx(1.0)
        assert harsh.key > max(light.key for light in usual)
        assert harsh.ambient < min(light.ambient for light in usual)
        assert harsh.toward_light[2] < min(light.toward_light[2] for light in usual)
        assert np.dot(harsh.toward_light, Light().toward_light) < 0.7
        assert np.ptp(harsh.tint) > max(np.ptp(light.tint) for light in usual)


@pytest.mark.parametrize("word", PALETTE)
@pytest.mark.parametrize("tint", [(1.08, 1.00, 0.87), (0.91, 0.99, 1.08)])
def test_a_warm_or_cool_light_leaves_every_colour_its_name(word: str, tint: tuple[float, float, float]) -> None:
    assert name_color(np.array(PALETTE[word]) * tint * 0.9)[0] == word


def test_episodes_of_a_condition_do_not_depend_on_what_was_drawn_before(suite: TableRoad) -> None:
    first = [suite.episode(f"stack@{name}", 1) for name in CONDITIONS]
    again = [suite.episode(f"stack@{name}", 1) for name in reversed(CONDITIONS)][::-1]
    for a, b in zip(first, again, strict=True):
        assert (a.command, a.goal, a.scene.light, _places(a)) == (b.command, b.goal, b.scene.light, _places(b))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"light": "dim"}, "harsh"),
        ({"held_out_pairs": True, "held_out_colors": True}, "Take one of them out"),
        ({"min_objects": 12}, "min_objects 12 is above max_objects 9"),
        ({"min_objects": 10, "max_objects": 40}, "16"),
        ({"held_out_shape": True}, "held_out_shape"),
    ],
)
def test_a_wrong_condition_is_told(condition: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TABLE_ROAD.config(conditions=({"name": "x", **condition},))


def test_two_conditions_of_one_name_are_told() -> None:
    with pytest.raises(ValidationError, match="two conditions are named 'x'"):
        TABLE_ROAD.config(conditions=({"name": "x"}, {"name": "x"}))


def test_own_words_of_kinds_can_mean_their_shape() -> None:
    lexicon = load_lexicon()
    for kind, words in OWN_WORDS.items():
        for word in words:
            meanings = {meaning for meaning, _ in lexicon.match("nouns", (word,), 0)}
            assert make_object(kind).shape.value in meanings, (kind, word)
