"""Which thing a phrase means: the road of words.

In:  a phrase, and the regions of a scene with what the perceiver measured of them, a fusion network's features too.
Out: Grounded: the k likeliest with calibrated scores, "none of these" among them; unknown words are named.

    words → vector; features → vectors; likeness over temperature → scores
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .described import DESCRIBED, FUSED, describe_objects, fused_features, has_features
from .types import Grounded, Ranked, UnknownWord, WordRegion
from .weights import Calibration, Words, load_words, shares


class TowerWords:
    """The two towers. Without a path those that are shipped."""

    needs_pictures = False

    def __init__(self, words: Words | Path | None = None) -> None:
        self._words = words if isinstance(words, Words) else load_words(words)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of features that it was trained on."""
        return tuple(self._words.model.kinds)

    def unknown(self, phrase: str) -> tuple[UnknownWord, ...]:
        """The words that no phrase of the training held."""
        vocabulary = self._words.vocabulary
        return tuple(UnknownWord(word, vocabulary.nearest(word)) for word in vocabulary.unknown(phrase))

    def ground(self, phrase: str, regions: Sequence[WordRegion], k: int = 3) -> Grounded:
        """By the fusion network's features too, where it was trained on them and every thing has them."""
        unknown = self.unknown(phrase)
        if unknown or not regions or not self._words.vocabulary.encode([phrase]).any():
            return Grounded(phrase, (), 1.0, unknown)
        items = [region.item for region in regions if region.item is not None]
        if len(items) < len(regions):
            raise ValueError(
                f"{len(regions) - len(items)} of {len(regions)} regions have no ObjectState, by which the towers find "
                "things. Give one for every region."
            )
        kind = FUSED if FUSED in self.kinds and has_features(items) else DESCRIBED
        features = fused_features(items) if kind == FUSED else describe_objects(items)
        is_there = torch.ones(1, len(regions), dtype=torch.bool)
        score = self.scores([phrase], features[None], is_there, kind)[0, 0]
        order = score[:-1].argsort(descending=True)[:k].tolist()
        ranked = tuple(Ranked(regions[n].id, float(score[n])) for n in order)
        return Grounded(phrase, ranked, float(score[-1]))

    @torch.no_grad()
    def scores(
        self,
        phrases: Sequence[str],
        features: Float[Tensor, "scenes regions features"],
        is_there: Bool[Tensor, "scenes regions"],
        kind: str = DESCRIBED,
    ) -> Float[Tensor, "scenes phrases answers"]:
        """For every phrase in every scene; the last is "none of these". Unknown words are left out: ask `unknown`."""
        model = self._words.model
        vectors = model.region_tower(kind)(features, is_there)
        said = model.text(self._words.vocabulary.encode(phrases)).expand(len(features), -1, -1)
        return shares(model.score(said, vectors, is_there), self._words.calibration.get(kind, Calibration()))
