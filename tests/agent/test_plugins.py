import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from verbot.agent import plugins
from verbot.agent.plugins import PluginError, list_plugins, load_spec, make_config, split_name


def _make_distribution(folder: Path, name: str, entry_points: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    assert PathDistribution(info).name == name


def test_built_in_policy_comes_through_its_entry_point() -> None:
    assert load_spec("policies", "geometric").name == "geometric"


def test_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(PluginError, match="Did you mean 'geometric'"):
        load_spec("policies", "geometrik")


def test_broken_plugin_is_listed_as_broken_and_fails_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_distribution(tmp_path, "their-policy", "[verbot.policies]\ntheirs = no_such_module_here:SPEC\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    broken = {listing.name: listing.broken for listing in list_plugins("policies")}
    assert broken["geometric"] is None
    assert "ModuleNotFoundError" in (broken["theirs"] or "")
    assert load_spec("policies", "geometric").name == "geometric"
    with pytest.raises(PluginError, match=r"their-policy 1\.0.*could not be loaded"):
        load_spec("policies", "theirs")


def test_two_plugins_of_one_name_are_an_error_that_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner in ("first-owner", "second-owner"):
        _make_distribution(tmp_path, owner, "[verbot.robots]\ntwice = json:loads\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(PluginError, match=r"first-owner 1\.0 and second-owner 1\.0"):
        load_spec("robots", "twice")


def test_unknown_setting_of_a_plugin_names_the_known_keys() -> None:
    spec = load_spec("robots", "recording")
    with pytest.raises(PluginError, match="Did you mean 'path'"):
        make_config(spec, {"pth": "x"})


def test_text_after_the_colon_goes_to_the_first_field() -> None:
    name, argument = split_name("recording:runs/a:b")
    assert (name, argument) == ("recording", "runs/a:b")
    assert make_config(load_spec("robots", name), {}, argument).path == "runs/a:b"


def test_unknown_kind_is_an_error() -> None:
    with pytest.raises(PluginError, match="Expected one of"):
        plugins.list_plugins("toasters")
