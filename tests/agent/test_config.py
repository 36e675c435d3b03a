from pathlib import Path

import pytest
from verbot.agent.build import check_conventions, check_mode
from verbot.agent.config import ConfigError, load_run_config, make_run_config
from verbot.planning.types import MotionConvention


def test_config_written_as_toml_reads_back_equal(tmp_path: Path) -> None:
    config = make_run_config(command='say "hi" \\ 你好', seed=7, settings={"geometric": {"speed": 0.5}})
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert load_run_config(path) == config


def test_options_given_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('command = "pick up the mug"\nseed = 3\n')
    assert load_run_config(path, seed=9).seed == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("command = 'x'\nsead = 1\n", "Did you mean 'seed'"),
        ("command = 'x'\nspeed = 2.0\n", "speed"),
        ("command = ", "not valid TOML"),
        ("seed = 1\n", "command"),
    ],
)
def test_wrong_config_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_run_config(path)
    assert "\n" not in str(caught.value)


def test_missing_config_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        load_run_config(tmp_path / "no.toml")


@pytest.mark.parametrize("mode", ["policy", "hybrid"])
def test_modes_that_need_the_learned_policy_say_so(mode: str) -> None:
    with pytest.raises(ConfigError, match="--mode planner"):
        check_mode(mode)


@pytest.mark.parametrize(
    "gives",
    [
        MotionConvention(("b", "a")),
        MotionConvention(("a", "b"), absolute=False),
        MotionConvention(("a", "b"), gripper="open_fraction"),
        MotionConvention(("a", "b"), rate_hz=20.0),
    ],
)
def test_convention_mismatch_stops_before_step_one(gives: MotionConvention) -> None:
    with pytest.raises(ConfigError, match="learned"):
        check_conventions("learned", gives, MotionConvention(("a", "b"), rate_hz=10.0))


def test_config_of_an_evaluation_gives_what_a_single_run_shares_with_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        'suite = "table_road"\nepisodes = 9\ndeadline_s = 60.0\ndevice = "cpu"\n[settings.geometric]\nspeed = 0.5\n'
    )
    config = load_run_config(path, command="pick up the mug", scene="table_road/pick_up", seed=3)
    assert (config.deadline_s, config.device, config.seed) == (60.0, "cpu", 3)
    assert config.settings == {"geometric": {"speed": 0.5}}
