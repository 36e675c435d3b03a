"""Phrases for things, drawn for training and for measuring: templates filled with the words of data/phrases.toml.

In:  the phrase file, and if wanted the planner's lexicon as a file; a generator.
Out: Phrases: the words, and which attributes they ask for. Held-out phrases come from templates and clauses of their
     own, whose single words are known from elsewhere.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from .attributes import COLORS, SHAPES, ShapeWord, attribute_names

LANGUAGES = ("en", "zh")
LEXICON_NOUNS = ("box", "block", "cylinder", "bowl", "mug", "plate", "tray", "dish", "container", "object")
CHINESE_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said; it holds of a thing when every one of its attributes does."""

    words: str
    attributes: tuple[str, ...]
    language: str = "en"


@dataclass(frozen=True, slots=True)
class PhraseBook:
    """Words by language and kind; `held_out` is a book of other templates and clauses for the same."""

    attributes: tuple[ShapeWord, ...]
    languages: Mapping[str, Mapping[str, Any]]
    unknown: Mapping[str, Sequence[str]]
    unseen: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All attributes, in the order of the table's columns."""
        return attribute_names(self.attributes)

    def is_held(self, phrase: Phrase) -> bool:
        """Whether it speaks of a pair that is held out of training."""
        return any(color in phrase.attributes and shape in phrase.attributes for color, shape in self.unseen)

    def sayable(self, language: str, held_out: bool) -> dict[str, dict[str, list[str]]]:
        """By place in the phrase (colors, nouns, before, after) the words for each attribute."""
        said = self.languages[language]
        after = said["held_out"].get("after", {}) if held_out else said["after"]
        return {"colors": said["colors"], "nouns": said["nouns"], "before": said["before"], "after": after}


def load_phrases(path: Path | None = None, lexicon: Path | None = None) -> PhraseBook:
    """The shipped phrases or a file of one's own; with the planner's lexicon its colours, nouns and sizes too."""
    if path is None:
        text = (resources.files(__package__ or "verbot.perception.words") / "data" / "phrases.toml").read_text("utf-8")
    else:
        text = path.read_text("utf-8")
    told = tomllib.loads(text)
    words = tuple(ShapeWord(n, tuple(w["shapes"]), tuple(w.get("perhaps", ()))) for n, w in told["attributes"].items())
    known = {*attribute_names(words)}
    languages = {language: told[language] for language in LANGUAGES}
    if lexicon is not None:
        _add_lexicon(languages["en"], tomllib.loads(lexicon.read_text("utf-8")))
    for language, said in languages.items():
        for kind in ("colors", "nouns", "before", "after"):
            if strange := sorted(set(said[kind]) - known):
                raise ValueError(f"{language}.{kind}.{strange[0]} is no attribute, expected one of {sorted(known)}.")
    return PhraseBook(words, languages, told["unknown"], tuple((a, b) for a, b in told["unseen"]["pairs"]))


def _add_lexicon(said: dict[str, Any], lexicon: dict[str, Any]) -> None:
    """A noun of several meanings keeps the first of them."""
    taken: set[str] = set()
    for color, words in lexicon["colors"].items():
        said["colors"][color] = list(dict.fromkeys([*said["colors"].get(color, []), *words]))
    for noun in LEXICON_NOUNS:
        words = [w for w in lexicon["nouns"][noun] if w not in taken]
        taken.update(words)
        said["nouns"][noun] = list(
            dict.fromkeys([*(w for w in said["nouns"][noun] if w not in taken or w in words), *words])
        )
    for size, words in lexicon["sizes"].items():
        said["before"][size] = list(dict.fromkeys([*said["before"][size], *words]))


def draw_phrase(
    book: PhraseBook, holds: Mapping[str, float], rng: np.random.Generator, language: str, *, held_out: bool = False
) -> Phrase | None:
    """A phrase of some of what holds of a thing, or None where the draw leaves nothing to say."""
    said, sayable = book.languages[language], book.sayable(language, held_out)
    style = said["held_out"] if held_out else said
    color = next((c for c in COLORS if holds.get(c, 0.0) == 1.0), None)
    if rng.random() > 0.6:
        color = None
    before = _draw_names(sayable["before"], holds, rng, (0.55, 0.35, 0.10))
    after = _draw_names(sayable["after"], holds, rng, (0.65, 0.35))
    color_word = _pick(sayable["colors"][color], rng) if color is not None else ""
    adjectives = [_pick(sayable["before"][name], rng) for name in before]
    clause = _pick(sayable["after"][after[0]], rng) if after else ""
    draw = rng.random()
    if draw < 0.2 and (color_word or clause):
        return _filled(style["something"], language, rng, {"c": color_word, "f": clause}, (color, (), after, None))
    noun = _draw_noun(sayable["nouns"], holds, rng)
    if noun is None:
        return None
    noun_word = _pick(sayable["nouns"][noun], rng)
    parts = {"d": _pick(said["some"], rng), "n": noun_word, "f": clause}
    join = " " if language == "en" else ""
    if color_word and draw < 0.4:
        parts |= {"c": color_word, "a": join.join(adjectives)}
        return _filled(style["with_color_after"], language, rng, parts, (color, before, after, noun))
    words = [*adjectives, color_word] if language == "en" or rng.random() < 0.7 else [color_word, *adjectives]
    parts |= {"a": join.join(w for w in words if w)}
    return _filled(style["templates"], language, rng, parts, (color, before, after, noun))


def _filled(
    templates: Sequence[str],
    language: str,
    rng: np.random.Generator,
    parts: dict[str, str],
    asked: tuple[str | None, Sequence[str], Sequence[str], str | None],
) -> Phrase | None:
    """Only what the template has a place for is asked for."""
    color, before, after, noun = asked
    fitting = [t for t in templates if all(parts.get(k) or k in "d" for k in "acfn" if f"{{{k}}}" in t)]
    if not fitting:
        return None
    template = str(rng.choice(fitting))
    names: list[str] = []
    # A colour that is not said by itself is among the adjectives.
    if color is not None and ("{c}" in template or ("{a}" in template and "c" not in parts)):
        names.append(color)
    names += [*before] if "{a}" in template else []
    names += [*after] if "{f}" in template else []
    names += [noun] if noun is not None and "{n}" in template else []
    words = " ".join(template.format(**{"d": "", "a": "", "n": "", "f": "", "c": ""} | parts).split())
    words = words.replace("的的", "的")
    asked_for = tuple(dict.fromkeys(names))
    return Phrase(words, asked_for, language) if asked_for else None


def _draw_names(
    words: Mapping[str, Sequence[str]], holds: Mapping[str, float], rng: np.random.Generator, shares: Sequence[float]
) -> tuple[str, ...]:
    """So many attributes that hold, drawn."""
    there = [name for name in words if holds.get(name, 0.0) == 1.0]
    count = min(int(rng.choice(len(shares), p=shares)), len(there))
    return tuple(str(name) for name in rng.choice(there, count, replace=False)) if count else ()


def _draw_noun(nouns: Mapping[str, Sequence[str]], holds: Mapping[str, float], rng: np.random.Generator) -> str | None:
    """The shape's own name mostly, else a wider one."""
    there = [name for name in nouns if holds.get(name, 0.0) == 1.0]
    own = [name for name in there if name in SHAPES]
    if own and rng.random() < 0.7:
        return own[0]
    return str(rng.choice(there)) if there else None


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]
