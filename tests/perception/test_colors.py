"""Colour words of measured colours."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from verbot.perception.colors import PALETTE, hue_codes, name_color


@pytest.mark.parametrize("word", PALETTE)
@pytest.mark.parametrize("light", [0.6, 0.8, 1.0])
def test_a_palette_colour_keeps_its_name_in_shade(word: str, light: float) -> None:
    assert name_color(np.array(PALETTE[word]) * light)[0] == word


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((1.0, 0.75, 0.80), "pink"),
        ((0.95, 0.30, 0.60), "pink"),
        ((0.40, 0.26, 0.13), "brown"),
        ((0.35, 0.35, 0.36), "gray"),
        ((0.05, 0.05, 0.06), "black"),
        ((0.0, 0.5, 0.5), "cyan"),
        ((0.0, 0.0, 0.5), "blue"),
        ((0.5, 0.5, 0.0), "yellow"),
    ],
)
def test_colours_outside_the_palette_get_a_word(rgb: tuple[float, float, float], word: str) -> None:
    assert name_color(rgb)[0] == word


@given(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 3))
def test_any_numbers_give_a_word_and_a_confidence(rgb: tuple[float, float, float]) -> None:
    word, confidence = name_color(rgb)
    assert word
    assert 0.5 <= confidence <= 1.0


def test_a_colour_between_two_words_is_unsure() -> None:
    orange, yellow = np.array(PALETTE["orange"]), np.array(PALETTE["yellow"])
    surest = name_color(orange)[1]
    assert min(name_color(orange + share * (yellow - orange))[1] for share in np.linspace(0, 1, 21)) < 0.7 < surest


def test_hue_classes_of_the_palette_differ_and_ignore_brightness() -> None:
    # Brown has the hue of orange; gray and black are as colourless as white.
    hues = [word for word in PALETTE if word not in ("brown", "gray", "black")]
    colors = torch.tensor([PALETTE[word] for word in hues])
    codes = hue_codes(colors)
    assert len(set(codes.tolist())) == len(hues)
    assert torch.equal(codes, hue_codes(colors * 0.5))
