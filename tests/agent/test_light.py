import json
from pathlib import Path

import numpy as np
import pytest
import torch
from verbot.agent.build import build_model
from verbot.agent.config import ConfigError
from verbot.agent.light.config import make_light_config
from verbot.agent.light.expert import LeftOut, LightEpisode, LightExpert
from verbot.agent.light.record import record_light
from verbot.agent.light.shards import ShardMaker
from verbot.agent.rehearsal import rehearse
from verbot.planning.guard import Guard
from verbot.planning.planner import Planner
from verbot.policies.geometric import GeometricConfig, GeometricPolicy
from verbot.policies.torch_scenes.table import list_shards, load_table
from verbot.sim.tasks.episodes import draw_episode
from verbot.sim.tasks.start import make_start_state

TASKS = ("put_in", "stack", "open_drawer")
FILES = ("shard-00001.npz", "shard-00001.jsonl", "pictures-00001.npz")


def config(**options):
    return make_light_config("tabletop", TASKS, **{"episodes": 2, "shard_size": 3, "workers": 1, **options})


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    record_light(config(pictures=(32, 24)), folder, is_quiet=True)
    return folder


def test_a_shard_has_the_same_bytes_whatever_its_maker_made_before(recorded, tmp_path):
    ShardMaker(config(pictures=(32, 24)), tmp_path).make(1)

    for name in FILES:
        assert (tmp_path / name).read_bytes() == (recorded / name).read_bytes()


def test_two_workers_write_what_one_writes(recorded, tmp_path):
    record_light(config(pictures=(32, 24), workers=2), tmp_path, is_quiet=True)

    names = sorted(path.name for path in recorded.glob("*-0*"))
    assert len(names) == 6
    for name in names:
        assert (tmp_path / name).read_bytes() == (recorded / name).read_bytes(), name


def test_only_shards_that_are_absent_are_made_again(recorded):
    before = (recorded / FILES[0]).read_bytes()
    (recorded / FILES[0]).unlink()

    summary = record_light(config(pictures=(32, 24)), recorded, is_resuming=True, is_quiet=True)

    assert (summary.num_found, summary.num_episodes) == (1, 3)
    assert (recorded / FILES[0]).read_bytes() == before


def test_a_recording_of_other_episodes_is_not_continued(recorded):
    with pytest.raises(ConfigError, match="another config, expected the same"):
        record_light(config(seed=5), recorded, is_resuming=True, is_quiet=True)


def test_a_recording_that_is_there_is_not_written_over(recorded):
    with pytest.raises(ConfigError, match="holds a recording already"):
        record_light(config(pictures=(32, 24)), recorded, is_quiet=True)


def test_every_keyframe_names_what_is_moved_and_grasps_it_where_it_stands(recorded):
    table = load_table(recorded)
    columns, actions = table.columns, table.header["actions"]
    picks = [k for k in range(columns.num_keyframes) if actions[int(columns.action[k])] == "pick"]

    assert len(picks) >= 4
    for k in picks:
        bodies = slice(int(columns.body_first[k]), int(columns.body_first[k + 1]))
        row = int(torch.nonzero(columns.body[bodies] == columns.moved[k])[0, 0]) + bodies.start
        assert (columns.body_position[row] - columns.goal_position[k]).norm() < 0.05
        assert int(columns.held[k + 1]) == int(columns.moved[k])


def test_the_table_says_where_objects_stand_as_the_episode_does(recorded):
    table = load_table(recorded, [0])
    episode = draw_episode("put_in", table.episodes[0]["seed"])
    names, columns = table.episodes[0]["names"], table.columns

    for row in range(int(columns.body_first[1])):
        if (number := int(columns.body[row])) >= 0:
            placed = episode.scene.find(names[number])
            assert np.allclose(columns.body_position[row], placed.position_world, atol=1e-6)
            assert table.shapes.kinds[int(columns.body_kind[row])] == placed.kind
    assert table.episodes[0]["sentences"][0]["command"] == episode.command


def test_kept_pictures_are_of_the_keyframes_in_order(recorded):
    with np.load(recorded / "pictures-00000.npz", allow_pickle=False) as pictures:
        assert pictures["front_rgb"].shape == (load_table(recorded, [0]).columns.num_keyframes, 24, 32, 3)
        assert pictures["wrist_depth"].dtype == np.uint16


def test_the_header_is_json_and_every_shard_is_listed(recorded):
    assert json.loads((recorded / "header.json").read_text())["config"]["tasks"] == list(TASKS)
    assert list_shards(recorded) == [0, 1]


def test_a_table_without_that_shard_says_which_there_are(recorded):
    with pytest.raises(ValueError, match=r"has shards \[0, 1\], expected \[7\]"):
        load_table(recorded, [7])


@pytest.mark.parametrize(("family", "seed"), [("put_in", 11), ("stack", 12), ("open_drawer", 13), ("push_to_zone", 14)])
def test_keyframes_agree_with_those_of_the_policy_that_plans_every_path(family, seed):
    model = build_model()
    episode = draw_episode(family, seed)
    found = LightExpert(model).demonstrate(episode)
    planner = Planner(model.description)
    policy = GeometricPolicy(GeometricConfig(), model)
    state = make_start_state(episode.scene)
    checked = rehearse(episode.command, state, planner, policy, Guard(model), model, seed=seed)

    assert isinstance(found, LightEpisode)
    full = [step for step in checked.steps if step.allowed]
    assert [str(step.step) for _, step in found.steps] == [str(step.step) for step in full]
    for (_, light), step in zip(found.steps, full, strict=True):
        assert np.allclose(light.target_pose_world[:3, 3], step.target_pose_world[:3, 3], atol=0.005)
        turn = light.target_pose_world[:3, :3].T @ step.target_pose_world[:3, :3]
        assert np.trace(turn) > 1.0 + 2.0 * np.cos(np.radians(5.0))


def test_an_episode_that_the_expert_does_not_understand_is_left_out_with_the_reason():
    episode = draw_episode("put_in", 3)
    unclear = type(episode)(**{name: getattr(episode, name) for name in episode.__slots__} | {"command": "glorp it"})

    found = LightExpert(build_model()).demonstrate(unclear)

    assert isinstance(found, LeftOut)
    assert "glorp" in found.reason
