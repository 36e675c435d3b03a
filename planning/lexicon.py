"""The words that commands may use, from data/lexicon.toml.

In:  the lexicon file.
Out: Lexicon: which meanings a run of words can have, and the nearest known words to an unknown one.
"""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[,;.]")  # noqa: RUF001
_STOPS = frozenset({",", ";", "."})
SECTIONS = (
    "verbs", "colors", "nouns", "sizes", "superlatives", "relations", "away", "sides", "side_words", "determiners",
    "everything", "pronouns", "recipients", "joints", "rows", "glue", "polite", "drawn", "properties", "contents",
)  # fmt: skip


class LexiconError(ValueError):
    """A lexicon that cannot be read; one line with file and key."""


@dataclass(frozen=True)
class Lexicon:
    """Phrases by section: `phrases["colors"][("navy", "blue")]` is ("blue",)."""

    phrases: dict[str, dict[tuple[str, ...], tuple[str, ...]]]
    words: frozenset[str]

    def match(self, section: str, tokens: Sequence[str], start: int) -> Iterator[tuple[str, int]]:
        """Meanings of the phrases that begin at `start`, the longest first, each with where it ends."""
        known = self.phrases[section]
        for end in range(min(len(tokens), start + 6), start, -1):
            for meaning in known.get(tuple(tokens[start:end]), ()):
                yield meaning, end

    def match_one(self, section: str, meaning: str, tokens: Sequence[str], start: int) -> int | None:
        """Where the longest phrase of this very meaning ends, or None."""
        return next((end for found, end in self.match(section, tokens, start) if found == meaning), None)

    def nearest(self, word: str) -> tuple[str, ...]:
        """Up to three known words that look like it."""
        return tuple(difflib.get_close_matches(word, sorted(self.words), n=3, cutoff=0.65))

    def with_nouns(self, names: Sequence[Sequence[str]]) -> Lexicon:
        """The same with more nouns: the first of each row is the meaning of all of it, one and many."""
        nouns = dict(self.phrases["nouns"])
        for row in filter(None, names):
            for noun in (*row, *(f"{noun}s" for noun in row if not noun.endswith("s"))):
                words = split_words(noun)
                nouns[words] = (row[0], *(known for known in nouns.get(words, ()) if known != row[0]))
        words = self.words | {word for phrase in nouns for word in phrase}
        return Lexicon(self.phrases | {"nouns": nouns}, words)

    def without_politeness(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """The words that carry meaning."""
        kept: list[str] = []
        at = 0
        while at < len(tokens):
            end = self.match_one("polite", "words", tokens, at)
            if end is None:
                kept.append(tokens[at])
            at = end or at + 1
        while kept and (kept[0] == "," or self.match_one("glue", "begin", kept, 0)):
            del kept[: self.match_one("glue", "begin", kept, 0) or 1]
        while kept and kept[-1] == ",":
            kept.pop()
        return tuple(kept)


def split_words(sentence: str) -> tuple[str, ...]:
    """Lower-case words, with commas, semicolons and full stops as words of their own (none at the ends)."""
    plain = unicodedata.normalize("NFKC", sentence).casefold()
    tokens = [re.sub(r"['’]", "", t) for t in _WORD.findall(plain)]  # noqa: RUF001
    joined = ["," if t in _STOPS else t for t in tokens]
    while joined and joined[-1] == ",":
        joined.pop()
    start = next((i for i, t in enumerate(joined) if t != ","), len(joined))
    return tuple(t for i, t in enumerate(joined) if i >= start and not (t == "," and joined[i - 1] == ","))


def load_lexicon(path: Path | None = None) -> Lexicon:
    """Read and check a lexicon; without a path the one shipped with the package."""
    if path is None:
        return _load_shipped()
    try:
        return _build(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise LexiconError(f"{path}: {problem}. Expected a readable TOML file of words.") from None


@functools.cache
def _load_shipped() -> Lexicon:
    text = (resources.files(__package__ or "verbot.planning") / "data" / "lexicon.toml").read_text(encoding="utf-8")
    return _build(tomllib.loads(text), "lexicon.toml")


def _build(data: dict[str, Any], name: str) -> Lexicon:
    missing = [s for s in SECTIONS if s not in data]
    unknown = [s for s in data if s not in SECTIONS]
    if missing or unknown:
        what = f"section [{missing[0]}] is missing" if missing else f"unknown section [{unknown[0]}]"
        raise LexiconError(f"{name}: {what}. Expected exactly: {', '.join(SECTIONS)}.")
    phrases: dict[str, dict[tuple[str, ...], tuple[str, ...]]] = {}
    for section in SECTIONS:
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        for meaning, entries in data[section].items():
            if not isinstance(entries, list) or not all(isinstance(e, str) for e in cast("list[object]", entries)):
                raise LexiconError(f"{name}: {section}.{meaning} must be a list of phrases in quotes.")
            for entry in cast("list[str]", entries):
                words = split_words(entry)
                found[words] = (*found.get(words, ()), meaning)
        phrases[section] = found
    words = frozenset(w for found in phrases.values() for phrase in found for w in phrase)
    return Lexicon(phrases, words)
