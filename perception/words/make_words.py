"""Words by name: "tower", "tower:FILE", "clip:FOLDER", "siglip:FOLDER", or a stranger's own; "off" is none.

In:  the name as a config gives it.
Out: RegionWords. Strangers' models come through the entry point group `verbot.words`: a function from the text after
     the colon to a RegionWords (agent/plugins.py looks them up and passes them in).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .grounder import TowerWords
from .open_vocabulary import OpenVocabularyWords
from .types import RegionWords
from .weights import WordsError

OFF = "off"
MakeWords = Callable[[str], RegionWords]


def make_tower(argument: str) -> RegionWords:
    """The shipped towers, or those of a file."""
    return TowerWords(Path(argument) if argument else None)


def make_open_vocabulary(argument: str) -> RegionWords:
    """From a folder of weights."""
    if not argument:
        raise WordsError("This model needs the folder of its weights: clip:FOLDER or siglip:FOLDER.")
    return OpenVocabularyWords(Path(argument))


BUILT_IN: dict[str, MakeWords] = {"tower": make_tower, "clip": make_open_vocabulary, "siglip": make_open_vocabulary}


def make_words(name: str, others: Mapping[str, MakeWords] | None = None) -> RegionWords | None:
    """What the name stands for; None for "off".

    Raises:
        WordsError: there is no such name, or what it needs is not there.
    """
    base, _, argument = name.partition(":")
    if base == OFF:
        return None
    makers = BUILT_IN | dict(others or {})
    if base not in makers:
        raise WordsError(f"No words named '{base}'. There are: {', '.join([OFF, *makers])}.")
    return makers[base](argument)
