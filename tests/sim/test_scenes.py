from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from verbot.perception.types import Shape
from verbot.sim.layout import GRASP_GAP_M
from verbot.sim.placement import TABLE_BOUNDS, outline
from verbot.sim.scenes import Scene, SceneError, draw, list_scenes, load_scene

SEEDS = range(30)


@pytest.fixture(scope="module")
def tables() -> list[Scene]:
    scene_file = load_scene("table")
    return [draw(scene_file, seed) for seed in SEEDS]


def _outlines(scene: Scene):
    return [outline(o.kind, o.position_world[0], o.position_world[1], o.yaw_rad) for o in scene.objects]


def test_table_always_holds_one_red_block_and_one_green_bowl(tables: list[Scene]) -> None:
    for scene in tables:
        descriptions = Counter((o.color, o.shape) for o in scene.objects)
        assert descriptions["red", Shape.BLOCK] == 1
        assert descriptions["green", Shape.BOWL] == 1


def test_every_description_is_unique(tables: list[Scene]) -> None:
    for scene in tables:
        assert max(Counter((o.color, o.shape) for o in scene.objects).values()) == 1
        assert len({o.name for o in scene.objects}) == len(scene.objects)


def test_table_holds_five_to_nine_objects_and_all_numbers_occur(tables: list[Scene]) -> None:
    assert {len(scene.objects) for scene in tables} == {5, 6, 7, 8, 9}


def test_objects_keep_room_for_a_finger_between_them(tables: list[Scene]) -> None:
    for scene in tables:
        shapes = _outlines(scene)
        for i, first in enumerate(shapes):
            assert first.is_inside(TABLE_BOUNDS)
            for second in shapes[i + 1 :]:
                assert first.gap_m(second) >= GRASP_GAP_M - 1e-9


def test_same_seed_draws_the_same_scene_and_others_differ(tables: list[Scene]) -> None:
    again = draw(load_scene("table"), 7)
    assert [(o.name, *o.position_world, o.yaw_rad) for o in again.objects] == [
        (o.name, *o.position_world, o.yaw_rad) for o in tables[7].objects
    ]
    assert again.light == tables[7].light
    assert len({tuple(scene.objects[0].position_world) for scene in tables}) == len(tables)


def test_objects_stand_on_the_table(tables: list[Scene]) -> None:
    from verbot.sim.catalogue import make_object

    for placed in tables[0].objects:
        assert placed.position_world[2] == pytest.approx(make_object(placed.kind).size_m[2] / 2)


@pytest.mark.parametrize("name", ["blocks", "full_bowl", "keep_out", "table", "touching"])
def test_built_in_scenes_load(name: str) -> None:
    assert name in list_scenes()
    assert draw(load_scene(name), 3).name == name


def test_keep_out_scene_has_a_zone_that_no_object_stands_in() -> None:
    scene = draw(load_scene("keep_out"), 0)
    ((x0, y0, _, x1, y1, _),) = scene.keep_out
    for placed in scene.objects:
        x, y, _ = placed.position_world
        assert not (x0 < x < x1 and y0 < y < y1)


def test_an_object_on_another_stands_on_its_top_or_floor() -> None:
    tower = draw(load_scene("touching"), 0)
    assert tower.find("yellow_block").position_world[2] == pytest.approx(0.045 + 0.015)
    bowl = draw(load_scene("full_bowl"), 0)
    np.testing.assert_allclose(bowl.find("blue_block").position_world[:2], bowl.find("green_bowl").position_world[:2])
    assert bowl.find("blue_block").position_world[2] == pytest.approx(0.055 - 0.049 + 0.0225)


def _object(**keys: str) -> str:
    return "[[objects]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


BOWL = _object(kind='"bowl"', color='"red"', position_world="[0.5, 0.0]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\n[clutter]\nmin_totl = 3\n', "unknown key 'clutter.min_totl'; did you mean 'min_total'"),
        (
            'name = "x"\n' + _object(kind='"bowl"', colour='"red"'),
            "unknown key 'objects.0.colour'; did you mean 'color'",
        ),
        ('name = "x"\n' + _object(kind='"blok_small"', color='"red"'), "kind 'blok_small'; did you mean 'block_small'"),
        ('name = "x"\n' + _object(kind='"bowl"', color='"gren"'), "colour 'gren'; did you mean 'green'"),
        ('name = "x"\n\nkind == 3\n', "malformed TOML.*line 3"),
        ('name = "x"\n[[objects]]\nkind =', "malformed TOML.*line 3"),
        (
            'name = "x"\n' + BOWL + _object(kind='"mug"', color='"red"', position_world="[0.45, 0.0]"),
            "'red_mug' overlaps",
        ),
        (
            'name = "x"\n' + _object(kind='"mug"', color='"red"', position_world="[0.2, 0.53]"),
            "'red_mug' .*off the table",
        ),
        ('name = "x"\n' + 6 * _object(kind='"tray"', color='"red"'), "'red_tray.*no free place"),
        ('name = "x"\n[clutter]\nmin_total = 9\nmax_total = 9\nkinds = ["tray"]\n', "only 1 of at least 9"),
        ('name = "x"\n' + BOWL + _object(kind='"tray"', color='"red"', on='"red_bowl"'), "wider than 'red_bowl'"),
        ('name = "x"\n' + BOWL + _object(kind='"mug"', color='"red"', on='"bowl"'), "did you mean 'red_bowl'"),
        ('name = "x"\n' + 2 * _object(kind='"mug"', color='"red"', name='"m"'), "two objects are named 'm'"),
        ('name = "x"\n' + _object(kind='"mug"', color='"red"', name='"panda_hand"'), "belongs to the robot"),
        ('name = "x"\n[clutter]\nmin_total = 7\nmax_total = 6\n', "min_total 7 is above max_total 6"),
        ('name = "x"\n[[keep_out]]\nmin_world = [0, 0, 0]\nmax_world = [0, 1, 1]\n', "must be below max_world"),
        ('name = "x"\n' + _object(kind='"mug"', color='"red"', position_world="[nan, 0.0]"), "position_world"),
        ('name = "x"\n[person]\nat_world = [0.5, 0.6]\n', "inside the table"),
        ('name = "x"\n[person]\nat_world = [0.5, 0.8]\nhand_world = [0.5, -0.2, 0.1]\n', "out of reach"),
        ("", "key 'name' is missing"),
        ('name = "x"\nobjects = 3\n', "'objects'"),
    ],
)
def test_a_wrong_scene_file_says_what_and_where_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scene.toml"
    path.write_text(text)
    with pytest.raises(SceneError, match=message) as caught:
        load_scene(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_scene_names_the_nearest_and_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="did you mean 'table'"):
        load_scene("tabel")
    with pytest.raises(SceneError, match="nowhere.toml: cannot be read"):
        load_scene(tmp_path / "nowhere.toml")
