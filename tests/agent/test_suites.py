from pathlib import Path

import pytest
from verbot.agent.config import ConfigError
from verbot.agent.evaluation.config import make_eval_config
from verbot.agent.suites import draw_scene, read_suite, split_scene


@pytest.mark.parametrize(
    ("scene", "parts"),
    [
        ("table_road/put_in", ("table_road", "put_in")),
        ("suites/mine.toml/put_in", ("suites/mine.toml", "put_in")),
        ("table", None),
        ("scenes/blocks.toml", None),
        ("a/b/c", None),
    ],
)
def test_a_scene_may_name_an_episode_of_a_suite(scene: str, parts: tuple[str, str] | None) -> None:
    assert split_scene(scene) == parts


def test_suite_and_task_and_seed_name_one_episode_with_its_sentence_and_goal() -> None:
    first, again = draw_scene("table_road/put_in", 7, {}), draw_scene("table_road/put_in", 7, {})
    assert repr(first) == repr(again)
    assert first is not None
    assert first.command
    assert first.goal
    assert draw_scene("table_road/pick_up", 7, {}) is not None  # a family beyond the suite's default ones
    with pytest.raises(ValueError, match="put_in"):
        draw_scene("table_road/put_inn", 7, {})


def test_suite_file_is_resolved_and_options_win(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('suite = "table_road"\ntasks = ["stack", "all"]\nepisodes = 7\nseed = 100\n')
    config = make_eval_config(suite=str(path), episodes=3, workers=1)
    assert (config.suite, config.suite_name, config.suite_file) == ("table_road", "mine", str(path))
    assert (config.tasks, config.episodes, config.seed) == (("stack", "all"), 3, 100)
    again = tmp_path / "config.toml"
    again.write_text(config.to_toml())
    assert make_eval_config(again) == config


def test_wrong_key_in_a_suite_file_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('suite = "table_road"\ntaks = ["stack"]\n')
    with pytest.raises(ConfigError, match="did you mean 'tasks'") as caught:
        read_suite(str(path))
    assert "\n" not in str(caught.value)
