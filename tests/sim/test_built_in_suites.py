import numpy as np
import pytest
from pydantic import ValidationError
from verbot.agent.config import ConfigError
from verbot.agent.suites import build_suite, draw_scene, read_suite
from verbot.sim.fault_file import list_faults
from verbot.sim.suites import TABLE_ROAD, list_suites
from verbot.sim.tasks.episodes import Episode
from verbot.sim.tasks.families import FAMILIES


def digest(episode: Episode) -> str:
    places = [(o.name, o.kind, o.color, o.position_world.tobytes(), o.yaw_rad) for o in episode.scene.objects]
    return repr((episode.command, episode.goal, episode.later, episode.faults, episode.scene.light, places))


def test_every_built_in_suite_builds_by_name_and_says_what_it_is() -> None:
    for name in list_suites():
        chosen = read_suite(name)
        assert chosen.description, name
        assert build_suite(chosen.suite, chosen.settings).families, name


def test_tabletop_holds_every_family_and_faults_every_built_in_fault() -> None:
    tabletop, faults = (read_suite(name) for name in ("tabletop", "faults"))
    assert build_suite(tabletop.suite, tabletop.settings).families == tuple(FAMILIES)
    tasks = build_suite(faults.suite, faults.settings).families
    assert {task.partition("@")[2] for task in tasks} == set(list_faults())


def test_episodes_do_not_depend_on_what_was_drawn_before() -> None:
    wanted = [(task, seed) for task in ("tabletop/put_in", "longhorizon/five", "faults/put_in@push") for seed in (0, 1)]
    first = {key: digest(draw_scene(*key, {})) for key in wanted}  # type: ignore[arg-type]
    np.random.default_rng(0).shuffle(wanted)
    assert {key: digest(draw_scene(*key, {})) for key in wanted} == first  # type: ignore[arg-type]


def test_a_chain_has_five_sentences() -> None:
    for seed in range(4):
        drawn = draw_scene("longhorizon/five", seed, {})
        assert isinstance(drawn, Episode)
        assert len(drawn.later) == 4


def test_wrong_conditions_are_told() -> None:
    with pytest.raises(ValidationError, match="did you mean 'push'"):
        TABLE_ROAD.config(conditions=({"name": "x", "faults": "pushh"},))
    with pytest.raises((ConfigError, ValueError), match="put_in@push"):
        draw_scene("faults/put_in@pushh", 0, {})
