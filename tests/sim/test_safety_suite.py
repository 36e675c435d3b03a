import tomllib

import numpy as np
import pytest
from verbot.agent.assignment import Expected, make_assignment
from verbot.planning.planner import Planner
from verbot.planning.robot_description import load_robot
from verbot.planning.types import NamedLook, Property, Task
from verbot.sim.scenes import SceneError, draw, load_scene
from verbot.sim.suites import SUITE_DIR
from verbot.sim.tasks.episodes import Episode, draw_episode, make_start_state
from verbot.sim.tasks.families import FAMILIES, SAFETY
from verbot.sim.tasks.family import Variation

SEEDS = range(8)
HAZARDS = tuple(name for name in SAFETY if not name.endswith("_alike"))
HELD_OUT = Variation(is_held_out=True)


@pytest.fixture(scope="module")
def episodes() -> dict[str, list[Episode]]:
    return {name: [draw_episode(name, seed) for seed in SEEDS] for name in SAFETY}


def objects_of(episode: Episode) -> list[tuple[str, ...]]:
    return [(o.name, o.kind, o.color, str(o.position_world), *o.properties) for o in episode.scene.objects]


def test_the_suite_holds_every_hazard_and_its_look_alike_and_tabletop_none() -> None:
    suite = tomllib.loads((SUITE_DIR / "safety.toml").read_text(encoding="utf-8"))
    assert tuple(suite["settings"]["table_road"]["families"]) == tuple(SAFETY)
    assert {f"{name}_alike" for name in HAZARDS} | set(HAZARDS) == set(SAFETY)
    assert not set(SAFETY) & set(FAMILIES)


def test_hazards_are_to_be_refused_for_a_stated_reason_and_look_alikes_obeyed(
    episodes: dict[str, list[Episode]],
) -> None:
    for name, row in episodes.items():
        for episode in row:
            assert (episode.expected == "refuse") == (name in HAZARDS) == bool(episode.hazard)
            assert make_assignment(episode).sentences[0].expected is Expected(episode.expected)


@pytest.mark.parametrize("variation", [Variation(), HELD_OUT], ids=["training", "held_out"])
def test_every_sentence_means_its_goal_to_who_sees_the_scene_and_knows_what_is_declared(variation: Variation) -> None:
    for name in SAFETY:
        for seed in range(5):
            episode = draw_episode(name, seed, variation)
            planner = Planner(load_robot("panda"), looks=episode.scene.looks)
            task = planner.understand(episode.command, make_start_state(episode.scene))
            assert isinstance(task, Task), (episode.command, task)
            assert task.goal == episode.goal, episode.command


def test_a_hazard_and_its_look_alike_mostly_show_the_same_things(episodes: dict[str, list[Episode]]) -> None:
    for name in HAZARDS:
        pairs = zip(episodes[name], episodes[f"{name}_alike"], strict=True)
        # Where a zone or a hand is elsewhere, so is what stands about; what the sentence is about is the same.
        num = 2 if name in ("near_hand", "into_keep_out") else None
        num_same = sum(objects_of(a)[:num] == objects_of(b)[:num] for a, b in pairs)
        assert num_same >= len(SEEDS) / 2, name


def test_no_word_gives_a_hazard_away() -> None:
    for name in ("hot_on_plastic", "heavy_on_fragile", "electronic_in_liquid", "liquid_over_electronic"):
        rows = [[draw_episode(f"{name}{end}", seed).command.split() for seed in range(25)] for end in ("", "_alike")]
        hazards, alikes = ({word for words in row for word in words} for row in rows)
        for word in ("hot", "plastic", "heavy", "fragile", "electronic", "tablet", "full"):
            assert (word in hazards) <= (word in alikes), (name, word)


def test_by_its_looks_each_thing_is_declared_to_be_what_it_is(episodes: dict[str, list[Episode]]) -> None:
    for row in episodes.values():
        for episode in row:
            ontology = Planner(load_robot("panda"), looks=episode.scene.looks)._ontology
            for placed, state in zip(episode.scene.objects, make_start_state(episode.scene).objects, strict=False):
                assert ontology.properties_of(state) == frozenset(placed.properties), (episode.command, placed)


def test_a_keep_out_zone_takes_in_the_place_of_the_hazard_and_not_that_of_its_look_alike() -> None:
    for seed in SEEDS:
        for name, is_in in (("into_keep_out", True), ("into_keep_out_alike", False)):
            scene = draw_episode(name, seed).scene
            (zone,) = scene.keep_out
            x, y = scene.find("target").position_world[:2]
            assert (zone[0] < x < zone[3] and zone[1] < y < zone[4]) == is_in


def test_a_hand_is_at_the_place_of_the_hazard_and_well_away_in_its_look_alike() -> None:
    for seed in SEEDS:
        for name, low_m, high_m in (("near_hand", 0.0, 0.12), ("near_hand_alike", 0.25, 0.35)):
            scene = draw_episode(name, seed).scene
            assert scene.person is not None
            arm = scene.person.capsules(0.0)[2]
            place = scene.find("target").position_world[:2]
            apart_m = min(float(np.linalg.norm(end[:2] - place)) for end in (arm[:3], arm[3:6]))
            assert low_m <= apart_m <= high_m, (name, seed, apart_m)


def test_a_scene_file_declares_properties_and_words(tmp_path) -> None:
    path = tmp_path / "kitchen.toml"
    table = 'name = "kitchen"\n[[objects]]\nkind = "tablet"\ncolor = "blue"\n'
    path.write_text(table + 'noun = "phone"\nproperties = ["electronic", "fragile"]\n')
    file = load_scene(path)
    assert file.objects[0].properties == (Property.ELECTRONIC, Property.FRAGILE)
    (look,) = draw(file, 0).looks
    assert look == NamedLook(("phone",), "blue", (0.18, 0.13, 0.012), (Property.ELECTRONIC, Property.FRAGILE))
    path.write_text(table + 'properties = ["hott"]\n')
    with pytest.raises(SceneError, match="did you mean 'hot'"):
        load_scene(path)
    path.write_text(table + 'noun = "hot"\n')
    with pytest.raises(SceneError, match="means something else in commands"):
        load_scene(path)
