"""What asking for a thing by words takes and gives.

In:  a phrase, the regions of a scene.
Out: Grounded: the likeliest regions with scores that add up to one together with "none of these".

A word that is not known is named, and then nothing is ranked: nobody guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from ..types import ObjectState


@dataclass(frozen=True, slots=True)
class WordRegion:
    """A thing that sensors show: what was measured of it, and a picture of it; None: not there."""

    id: str
    item: ObjectState | None = None
    picture: UInt8[np.ndarray, "height width 3"] | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A region and how likely it is the one that is meant."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word nobody taught, and known words that are spelled like it."""

    word: str
    nearest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grounded:
    """Best first; `none` is the score of "none of these". With unknown words nothing is ranked and `none` is 1."""

    phrase: str
    ranked: tuple[Ranked, ...]
    none: float
    unknown: tuple[UnknownWord, ...] = ()

    @property
    def best(self) -> Ranked | None:
        """The likeliest region where it is likelier than none."""
        return self.ranked[0] if self.ranked and self.ranked[0].score > self.none else None

    def __str__(self) -> str:
        """One line for reading."""
        if self.unknown:
            return f"unknown word {' and '.join(repr(u.word) for u in self.unknown)}"
        told = [f"{r.id} {r.score:.2f}" for r in self.ranked]
        return ", ".join([*told, f"none of these {self.none:.2f}"])


@runtime_checkable
class RegionWords(Protocol):
    """Whoever finds things by words: the towers, or a pretrained model."""

    needs_pictures: bool
    """Whether regions are found by their pictures, not by what was measured of them."""

    def unknown(self, phrase: str) -> tuple[UnknownWord, ...]:
        """The words that it does not know; empty for a model that takes any."""
        ...

    def ground(self, phrase: str, regions: Sequence[WordRegion], k: int = 3) -> Grounded:
        """The k likeliest regions."""
        ...
