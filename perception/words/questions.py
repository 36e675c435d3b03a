"""Questions for training and measuring: a phrase for a scene, and which of its regions are right.

In:  WordRegions, a PhraseBook, a generator.
Out: Questions by scene: words, attributes asked for, the region that the speaker meant, or that none fits.

A hard question changes one word of a true one: the other colour, the other shape. Pairs of colour and shape that are
held out are never spoken of and never shown in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .attributes import COLORS, SHAPES, UNCLEAR, Things, attribute_table
from .phrases import CHINESE_SHARE, Phrase, PhraseBook, draw_phrase

NONE = -1
CHANGED_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Question:
    """One phrase in one scene. `meant` is a region, or NONE; `fits` are the regions of which it is true."""

    phrase: Phrase
    scene: int
    meant: int
    fits: tuple[int, ...]
    is_changed: bool


def is_unseen_pair(things: Things, book: PhraseBook) -> Bool[Tensor, "scenes regions"]:
    """Which things are of a pair that is held out of training."""
    held = torch.zeros(len(SHAPES), len(COLORS), dtype=torch.bool)
    for color, shape in book.unseen:
        held[SHAPES.index(shape), COLORS.index(color)] = True
    return held[things.shape, things.color] & things.is_known


class Questioner:
    """Draws questions about scenes."""

    def __init__(self, things: Things, book: PhraseBook, allowed: Bool[Tensor, "scenes regions"]) -> None:
        self._book, self._names = book, book.names
        self.table = attribute_table(things, book.attributes)
        self._plain = self.table.numpy()
        self._known = (things.is_known & allowed).numpy()
        self._column = {name: column for column, name in enumerate(self._names)}
        self._real = things.is_known.numpy()

    def columns(self, phrase: Phrase) -> list[int]:
        """Of the table."""
        return [self._column[name] for name in phrase.attributes]

    def truth(self, phrase: Phrase, scene: int) -> Float[np.ndarray, " regions"]:
        """For each region 1 (the phrase is true of it), 0 or unclear."""
        return self._plain[scene][:, self.columns(phrase)].min(1)

    def ask(
        self,
        scene: int,
        rng: np.random.Generator,
        *,
        held_out: bool = False,
        language: str | None = None,
        changed: bool | None = None,
    ) -> Question | None:
        """A question about a scene, or None where the draw leads nowhere."""
        known = np.flatnonzero(self._known[scene])
        if not len(known):
            return None
        meant = int(rng.choice(known))
        language = language or ("zh" if rng.random() < CHINESE_SHARE else "en")
        is_changed = rng.random() < CHANGED_SHARE if changed is None else changed
        holds = dict(zip(self._names, self._plain[scene, meant].tolist(), strict=True))
        if is_changed:
            holds = self._changed(holds, rng)
        phrase = draw_phrase(self._book, holds, rng, language, held_out=held_out)
        if phrase is None or self._is_held(phrase):
            return None
        truth = self.truth(phrase, scene)
        fits = tuple(np.flatnonzero((truth == 1.0) & self._known[scene]).tolist())
        if is_changed:
            meant = NONE if not fits else int(rng.choice(fits))
            if not fits and (truth[known] == UNCLEAR).any():
                return None
        return Question(phrase, scene, meant, fits, is_changed)

    def is_clear(self, question: Question) -> bool:
        """Whether of everything that is known there the phrase is either true or not."""
        truth = self.truth(question.phrase, question.scene)
        others = np.flatnonzero(self._real[question.scene] & ~self._known[question.scene])
        is_open = bool((truth[others] == 1.0).any())
        return not is_open and not (truth[self._real[question.scene]] == UNCLEAR).any()

    def _is_held(self, phrase: Phrase) -> bool:
        return self._book.is_held(phrase)

    def _changed(self, holds: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
        """The same thing of another colour, or of another shape."""
        changed = dict(holds)
        if rng.random() < 0.5:
            changed |= dict.fromkeys(COLORS, 0.0) | {str(rng.choice(COLORS)): 1.0}
            return changed
        shape = str(rng.choice(SHAPES[:-1]))
        for word in self._book.attributes:
            changed[word.name] = 1.0 if shape in word.shapes else UNCLEAR if shape in word.perhaps else 0.0
        return changed


class OpenQuestioner(Questioner):
    """For measuring: also asks for pairs that training has never shown."""

    def _is_held(self, phrase: Phrase) -> bool:
        return False


def ask_many(
    questioner: Questioner, scenes: Sequence[int], each: int, rng: np.random.Generator, **how: bool | str | None
) -> list[Question]:
    """Up to so many questions about each scene."""
    drawn = (questioner.ask(scene, rng, **how) for scene in scenes for _ in range(each))  # type: ignore[arg-type]
    return [question for question in drawn if question is not None]
