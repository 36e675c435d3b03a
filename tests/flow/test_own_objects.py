"""The example of docs/own_objects.md, run as its reader would; wrong scenes end with one line and exit code 2."""

import json
from pathlib import Path

import pytest
from verbot.agent.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_objects" / "scene.toml"


def test_the_duck_of_the_example_ends_in_the_toolbox(tmp_path: Path) -> None:
    command = ["run", "put the duck in the toolbox", "--scene", str(EXAMPLE), "--seed", "1", "--mode", "planner"]
    assert main([*command, "--no-video", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["success"] is True


HEAD = 'name = "x"\n'
BOWL = '[[objects]]\nkind = "bowl"\ncolor = "red"\n'
WRONG = {
    "objects = [": "malformed TOML",
    "": "'name' is missing",
    HEAD + 'title = "y"\n': "unknown key 'title'",
    HEAD + '[[objects]]\nkind = "bowl"\ncolour = "red"\n': "objects.0.colour",
    HEAD + '[[objects]]\nkind = "bolw"\ncolor = "red"\n': "did you mean 'bowl'",
    HEAD + '[[objects]]\nkind = "bowl"\n': "'objects.0': a bowl needs a `color`",
    HEAD + BOWL + "position_world = [0.5]\n": "objects.0.position_world",
    HEAD + BOWL + "position_world = [0.16, 0.0]\n": "objects.0.position_world: object 'red_bowl' at (0.16, 0) is off",
    HEAD + 2 * (BOWL + "position_world = [0.5, 0.0]\n"): "objects.1.position_world: object 'red_bowl_2' overlaps",
    HEAD + BOWL + "yaw_rad = 90\n": "objects.0.yaw_rad",
    HEAD + BOWL + 'on = "moon"\n': "is on 'moon'",
    HEAD + 12 * BOWL: "objects.",
    HEAD + "[clutter]\nmin_total = 17\n": "clutter.min_total",
    HEAD + '[clutter]\nmin_total = 9\nmax_total = 9\nkinds = ["tray"]\n': "'clutter.min_total': only",
    HEAD + '[clutter]\nkinds = ["duck"]\n': "clutter.kinds",
    HEAD + "[[keep_out]]\nmin_world = [0, 0, 0]\n": "keep_out.0.max_world",
    HEAD + '[[objects]]\nmesh = "duck.obj"\n': "'objects.0.mesh': duck.obj: no such file",
    HEAD + '[[objects]]\nurdf = "../duck.urdf"\n': "'objects.0.urdf': ../duck.urdf: leads out",
    HEAD + '[[objects]]\nmesh = "duck.obj"\nmass_kg = -1\n': "'objects.0.mass_kg'",
    HEAD + '[[objects]]\nmesh = "duck.obj"\nkind = "bowl"\n': "'objects.0': an object has one of",
    HEAD + '[table]\ntexture = "none.png"\n': "'table.texture': none.png: no such file",
}


@pytest.mark.parametrize(("text", "words"), WRONG.items())
def test_a_wrong_scene_is_exit_code_two_and_one_line_with_file_and_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: str
) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_text(text)
    assert main(["run", "pick up the red bowl", "--scene", str(scene), "--no-video", "--out", str(tmp_path / "o")]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "scene.toml: " in line]
    assert len(told) == 1
    assert words in told[0]
    assert "Traceback" not in told[0]
