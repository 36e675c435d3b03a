"""Phrases as numbers: words, and of Chinese the characters, by their place in a vocabulary.

In:  a phrase of English, Chinese or both.
Out: ids for the text tower; the words that it does not know, each with the nearest known spellings.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

PADDING = 0
MOST_TOKENS = 32
_TOKEN = re.compile(r"[㐀-鿿]|[^\W_㐀-鿿]+(?:['’][^\W_㐀-鿿]+)*")  # noqa: RUF001
_CHINESE_RUN = re.compile(r"[㐀-鿿]+")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Known words; their ids begin at 1."""

    words: tuple[str, ...]

    def unknown(self, phrase: str) -> tuple[str, ...]:
        """The words that are not in it; unknown Chinese characters that stand together are one word."""
        known, found = frozenset(self.words), []
        for word in split_tokens(phrase):
            if word in known:
                found.append("")
            elif found and _CHINESE_RUN.fullmatch(found[-1]) and _CHINESE_RUN.fullmatch(word):
                found[-1] += word
            else:
                found.append(word)
        return tuple(dict.fromkeys(filter(None, found)))

    def nearest(self, word: str) -> tuple[str, ...]:
        """Up to three known words that are spelled like it."""
        return tuple(difflib.get_close_matches(word, self.words, n=3, cutoff=0.7))

    def encode(self, phrases: Sequence[str]) -> Int[Tensor, "phrases tokens"]:
        """Ids, padded; unknown words are left out, so ask `unknown` first."""
        place = {word: number + 1 for number, word in enumerate(self.words)}
        rows = [[place[w] for w in split_tokens(phrase) if w in place][:MOST_TOKENS] for phrase in phrases]
        ids = torch.full((len(rows), max([1, *map(len, rows)])), PADDING, dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row, dtype=torch.long)
        return ids


def make_vocabulary(phrases: Iterable[str]) -> Vocabulary:
    """All words of the phrases."""
    return Vocabulary(tuple(sorted({word for phrase in phrases for word in split_tokens(phrase)})))


def split_tokens(phrase: str) -> list[str]:
    """Lower-case words, and Chinese characters one by one."""
    plain = unicodedata.normalize("NFKC", phrase).casefold()
    return [re.sub(r"['’]", "", token) for token in _TOKEN.findall(plain)]  # noqa: RUF001
