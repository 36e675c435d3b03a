"""Phrases find the things they mean, with scores that add up; what nobody knows is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from verbot.perception.colors import PALETTE
from verbot.perception.geometry import make_pose
from verbot.perception.types import UNKNOWN_COLOR, ObjectState, Shape
from verbot.perception.words import weights
from verbot.perception.words.calibration import expected_error, fit_calibration
from verbot.perception.words.grounder import TowerWords
from verbot.perception.words.make_words import make_words
from verbot.perception.words.phrases import load_phrases
from verbot.perception.words.types import RegionWords, WordRegion
from verbot.perception.words.weights import SHIPPED, WordsError, load_words, save_words, shares

SIZES = {
    "block": (0.04, 0.04, 0.04),
    "cylinder": (0.04, 0.04, 0.06),
    "bowl": (0.14, 0.14, 0.055),
    "mug": (0.08, 0.08, 0.09),
    "plate": (0.17, 0.17, 0.02),
    "tray": (0.22, 0.16, 0.04),
    "box": (0.16, 0.12, 0.09),
}
DEPTHS = {"bowl": 0.045, "mug": 0.08, "plate": 0.008, "tray": 0.03, "box": 0.08}


def thing(name: str, shape: str, color: str, scale: float = 1.0) -> ObjectState:
    return ObjectState(
        id=name,
        pose_world=make_pose(np.array([0.5, 0.0, 0.03]), 0.0),
        covariance=1e-6 * np.eye(6),
        size_m=np.array(SIZES[shape]) * scale,
        color_rgb=np.array(PALETTE.get(color, (0.0, 0.0, 0.0))),
        color=color,
        shape=Shape(shape),
        shape_confidence=0.95,
        existence=0.95,
        sources=("front",),
        last_seen_s=1.0,
        cavity_depth_m=DEPTHS.get(shape, 0.0) * scale,
    )


TABLE = (
    thing("bowl", "bowl", "green"),
    thing("mug", "mug", "red"),
    thing("block", "block", "red"),
    thing("plate", "plate", "white"),
    thing("tin", "cylinder", "blue"),
)


@pytest.fixture(scope="module")
def words() -> TowerWords:
    return TowerWords()


def best(words: RegionWords, phrase: str, *things: ObjectState) -> str | None:
    found = words.ground(phrase, [WordRegion(item.id, item) for item in things or TABLE]).best
    return None if found is None else found.id


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("the round dish for soup", "bowl"),
        ("something to drink from", "mug"),
        ("the crimson cube", "block"),
        ("a saucer", "plate"),
        ("the sapphire thing that can roll", "tin"),
        ("the strawberry cup", "mug"),
        ("红色的杯子", "mug"),
        ("绿色的碗", "bowl"),
        ("喝水用的东西", "mug"),
        ("蓝色的罐子", "tin"),
        ("白色的盘子", "plate"),
    ],
)
def test_a_phrase_finds_its_thing(words: TowerWords, phrase: str, expected: str) -> None:
    assert best(words, phrase) == expected


def test_big_is_meant_among_the_things_of_a_shape(words: TowerWords) -> None:
    small, large = thing("small", "block", "red", 0.8), thing("large", "block", "red", 1.3)
    assert best(words, "the big block", small, large, TABLE[0]) == "large"
    assert best(words, "the little red cube", small, large, TABLE[0]) == "small"


@pytest.mark.parametrize("phrase", ["the black box", "the purple bowl", "黄色的托盘"])
def test_what_fits_nothing_is_none_of_these(words: TowerWords, phrase: str) -> None:
    assert best(words, phrase) is None


def test_an_unknown_word_is_named_and_nothing_is_ranked(words: TowerWords) -> None:
    found = words.ground("the crimsen spoon", [WordRegion(item.id, item) for item in TABLE])
    assert [u.word for u in found.unknown] == ["crimsen", "spoon"]
    assert "crimson" in found.unknown[0].nearest
    assert (found.ranked, found.none) == ((), 1.0)


def test_every_word_that_the_phrases_call_unknown_is_refused(words: TowerWords) -> None:
    unknown = load_phrases().unknown
    assert [w for w in unknown["en"] if not words.unknown(f"the {w} block")] == []
    assert [w for w in unknown["zh"] if not words.unknown(f"{w}杯子")] == []


def test_scores_and_none_add_up_to_one(words: TowerWords) -> None:
    found = words.ground("the red one", [WordRegion(item.id, item) for item in TABLE], k=len(TABLE))
    assert sum(r.score for r in found.ranked) + found.none == pytest.approx(1.0, abs=1e-5)


def test_two_that_fit_equally_share_the_score(words: TowerWords) -> None:
    twins = [WordRegion(name, thing(name, "mug", "blue")) for name in ("one", "two")]
    first, second = words.ground("the blue mug", twins).ranked
    assert first.score == pytest.approx(second.score, abs=1e-4)


def test_the_order_of_things_changes_nothing(words: TowerWords) -> None:
    there = [WordRegion(item.id, item) for item in TABLE]
    forward = {r.id: r.score for r in words.ground("the red cube", there, k=5).ranked}
    back = {r.id: r.score for r in words.ground("the red cube", there[::-1], k=5).ranked}
    assert forward == pytest.approx(back, abs=1e-5)


def test_a_color_that_no_camera_saw_leaves_it_unsure(words: TowerWords) -> None:
    seen = [thing("left", "mug", "red"), thing("right", "mug", "blue")]
    blind = [replace(item, color=UNKNOWN_COLOR) for item in seen]
    sure = words.ground("the red mug", [WordRegion(item.id, item) for item in seen]).ranked[0]
    unsure = words.ground("the red mug", [WordRegion(item.id, item) for item in blind]).ranked[0]
    assert sure.id == "left"
    assert sure.score > 0.85
    assert unsure.score < 0.6


def test_an_empty_scene_and_an_empty_phrase_are_none_of_these(words: TowerWords) -> None:
    assert words.ground("the red mug", []).none == 1.0
    assert words.ground(" … ", [WordRegion("mug", TABLE[1])]).none == 1.0


def test_the_shipped_words_are_small() -> None:
    assert SHIPPED.stat().st_size <= 1_000_000
    assert sum(p.numel() for p in load_words().model.text.parameters()) <= 300_000


def test_weights_come_back_as_they_were_written(tmp_path: Path) -> None:
    save_words(tmp_path / "own.safetensors", load_words())
    own, shipped = load_words(tmp_path / "own.safetensors"), load_words()
    assert own.vocabulary == shipped.vocabulary
    assert own.calibration == shipped.calibration
    assert all(torch.equal(a, b) for a, b in zip(own.model.parameters(), shipped.model.parameters(), strict=True))


def test_damaged_weights_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(SHIPPED.read_bytes())
    content[-7] ^= 1
    (tmp_path / SHIPPED.name).write_bytes(content)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / SHIPPED.name)
    with pytest.raises(WordsError, match=r"expected .*The file is damaged: install verbot again\.$"):
        weights._load_shipped.__wrapped__()


def test_missing_and_foreign_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WordsError, match=r"^Words cannot be read: .*words = 'off'\.$"):
        load_words(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(WordsError, match=r"cannot be read as words: [^\n]* Train them again\.$"):
        load_words(tmp_path / "text.safetensors")


def test_calibration_makes_overconfident_scores_right() -> None:
    generator = torch.Generator().manual_seed(0)
    true = torch.randn(4000, 6, generator=generator)
    meant = torch.multinomial(torch.softmax(true, -1), 1, generator=generator)[:, 0]
    fitted = fit_calibration(4.0 * true, meant)
    assert fitted.temperature == pytest.approx(4.0, rel=0.1)

    def error(calibration: weights.Calibration) -> float:
        score, best = shares(4.0 * true, calibration).max(-1)
        return expected_error(score, best == meant)

    assert error(fitted) < 0.04 < 0.2 < error(weights.Calibration())


def test_words_go_by_name() -> None:
    assert make_words("off") is None
    assert isinstance(make_words("tower"), TowerWords)
    with pytest.raises(WordsError, match="No words named 'towre'"):
        make_words("towre")


def test_a_strangers_words_are_built_by_their_name(words: TowerWords) -> None:
    given: list[str] = []

    def make(argument: str) -> RegionWords:
        given.append(argument)
        return words

    assert make_words("own:big", {"own": make}) is words
    assert given == ["big"]
