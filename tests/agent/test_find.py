"""`verbot find` looks at a scene and says which thing a phrase means."""

import json
from typing import Any

import numpy as np
import pytest
from verbot.agent.cli import main
from verbot.agent.words import PicturedWords, PicturingPerceiver, cut_picture
from verbot.perception.geometry import make_pose
from verbot.perception.types import CameraImage, Intrinsics, ObjectState, SceneState, SensorFrame, Shape
from verbot.perception.words.types import Grounded, Ranked, UnknownWord, WordRegion


def find(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["find", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_phrase_beyond_the_lexicon_finds_the_bowl_on_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = find(capsys, "the round dish for soup")
    assert code == 0
    assert found["ranked"][0]["score"] > found["none"]
    _, named = find(capsys, "the bowl")
    assert found["ranked"][0]["id"] == named["ranked"][0]["id"]


def test_an_unknown_word_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = find(capsys, "the teapott")
    assert code == 2
    assert found["unknown"][0]["word"] == "teapott"
    assert found["ranked"] == []


def thing(x: float) -> ObjectState:
    return ObjectState(
        "thing", make_pose(np.array([x, 0.0, 1.0]), 0.0), 1e-6 * np.eye(6), np.full(3, 0.1), np.full(3, 0.5), "red",
        Shape.BLOCK, 1.0, 1.0, (), 1.0,
    )  # fmt: skip


def image() -> CameraImage:
    rgb = np.zeros((100, 100, 3), np.uint8)
    rgb[40:60, 40:60] = 200
    return CameraImage("front", 1.0, rgb, np.ones((100, 100), np.float32), Intrinsics(100, 100, 200.0, 200.0, 49.5, 49.5), np.eye(4))  # fmt: skip  # noqa: E501


def scene(*things: ObjectState) -> SceneState:
    return SceneState(1.0, 1.0, things, None, None, ())


def test_a_picture_is_cut_around_the_thing_and_none_where_it_is_out_of_view() -> None:
    cut = cut_picture(thing(0.0), [image()], scene(), None)
    assert cut is not None
    assert 24 <= cut.shape[0] <= 34
    assert cut[cut.shape[0] // 2, cut.shape[1] // 2].tolist() == [200, 200, 200]
    assert cut_picture(thing(0.3), [image()], scene(), None) is None


class LastPicture:
    """Says whether it was given a picture."""

    needs_pictures = True

    def unknown(self, phrase: str) -> tuple[UnknownWord, ...]:
        return ()

    def ground(self, phrase: str, regions: list[WordRegion], k: int = 3) -> Grounded:
        return Grounded(phrase, tuple(Ranked(r.id, 1.0) for r in regions if r.picture is not None), 0.0)


class Sees:
    """Sees one thing always."""

    def reset(self) -> None:
        pass

    def update(self, frame: SensorFrame) -> SceneState:
        return scene(thing(0.0))


def test_words_by_pictures_remember_the_last_picture_of_a_thing() -> None:
    words = PicturedWords(LastPicture())
    perceiver = PicturingPerceiver(Sees(), None, words)
    asked = [WordRegion("thing")]
    assert not words.ground("it", asked).ranked
    perceiver.update(SensorFrame(1.0, (image(),)))
    perceiver.update(SensorFrame(2.0))
    assert [r.id for r in words.ground("it", asked).ranked] == ["thing"]
    perceiver.reset()
    assert not words.ground("it", asked).ranked
