"""Words that the lexicon lacks, found in the scene by what they look like: "put the round dish in the tray".

In:  a command that holds unknown words, the SceneGraph, whoever finds things by words (perception/words), and how sure
     is sure enough.
Out: Reworded: the same command with those phrases in plain words, and what was taken for what; or a Problem: a
     question where nobody is sure, the unknown word where nobody knows it.

Only what the lexicon cannot read comes here, so that no word of the lexicon is ever taken to mean something else. The
shortest phrase around the unknown word counts with which the rest of the sentence can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..perception.words.types import Grounded, RegionWords, WordRegion
from .language import Parsed, parse
from .lexicon import Lexicon, split_words
from .references import describe, listed
from .scene_graph import SceneGraph
from .types import Problem, ProblemKind, Taken

SURE = 0.9
LONGEST = 10
MOST_ASKED = 3
ANYTHING = ("the", "object")
OPENERS = frozenset({"something", "anything"})


@dataclass(frozen=True, slots=True)
class Reworded:
    """The command as the lexicon can read it, and what was taken for what."""

    command: str
    taken: tuple[Taken, ...]


def may_be_reworded(command: str, lexicon: Lexicon, words: RegionWords) -> bool:
    """Whether every word that the lexicon lacks is known otherwise, so that it is worth looking at the scene."""
    strange = [w for w in split_words(command) if w != "," and w not in lexicon.words]
    return bool(strange) and not any(words.unknown(word) for word in strange)


def reword(
    command: str, graph: SceneGraph, lexicon: Lexicon, words: RegionWords, sure: float = SURE
) -> Reworded | Problem | None:
    """None where no reading of the sentence leaves a phrase for a thing."""
    tokens = lexicon.without_politeness(split_words(command))
    spans = _find_spans(tokens, lexicon, words)
    if not spans:
        return None
    regions = [WordRegion(o.id, o) for o in graph.objects if o.fixture is None]
    taken: list[Taken] = []
    said = list(tokens)
    for start, end in reversed(spans):
        phrase = " ".join(tokens[start:end])
        grounded = words.ground(phrase, regions, MOST_ASKED)
        best = grounded.best
        if best is None or best.score < sure:
            return _ask(phrase, grounded, graph)
        item = graph.scene.find(best.id)
        assert item is not None  # only what is in the scene was offered
        plain = describe(item, graph)
        said[start:end] = split_words(plain)
        taken.insert(0, Taken(phrase, plain, best.score))
    return Reworded(" ".join(said), tuple(taken))


def _find_spans(tokens: Sequence[str], lexicon: Lexicon, words: RegionWords) -> list[tuple[int, int]]:
    """Phrases that hold all unknown words, so that with a plain thing in each one's place the sentence can be read."""

    def known(start: int, end: int) -> bool:
        return not words.unknown(" ".join(tokens[start:end]))

    return _extend([], tokens, lexicon, known) or []


def _extend(
    spans: list[tuple[int, int]], tokens: Sequence[str], lexicon: Lexicon, known: Callable[[int, int], bool]
) -> list[tuple[int, int]] | None:
    after = spans[-1][1] if spans else 0
    strange = next((n for n in range(after, len(tokens)) if tokens[n] != "," and tokens[n] not in lexicon.words), None)
    if strange is None:
        return spans if spans and _can_be_read(spans, tokens, lexicon) else None
    for end in range(strange + 1, min(len(tokens), strange + LONGEST) + 1):
        for start in range(strange, max(after, strange - LONGEST) - 1, -1):
            if not _opens(tokens, start, lexicon) or not known(start, end):
                continue
            found = _extend([*spans, (start, end)], tokens, lexicon, known)
            if found is not None:
                return found
            break  # only the nearest article belongs to it
    return None


def _opens(tokens: Sequence[str], at: int, lexicon: Lexicon) -> bool:
    """Whether a phrase for one thing may begin here."""
    if tokens[at] in OPENERS:
        return True
    return any(lexicon.match_one("determiners", kind, tokens, at) == at + 1 for kind in ("the", "any"))


def _can_be_read(spans: Sequence[tuple[int, int]], tokens: Sequence[str], lexicon: Lexicon) -> bool:
    plain = list(tokens)
    for start, end in reversed(spans):
        plain[start:end] = ANYTHING
    return isinstance(parse(" ".join(plain), lexicon), Parsed)


def _ask(phrase: str, grounded: Grounded, graph: SceneGraph) -> Problem:
    """What might be meant, the likeliest first, with how likely it is."""
    likely = [r for r in grounded.ranked if r.score >= 0.05 and graph.scene.find(r.id) is not None]
    if grounded.best is None or not likely:
        there = [describe(o, graph) for o in graph.objects]
        seen = f"Seen: {listed(there, 'and')}" if there else "Nothing is seen at all"
        message = f'Nothing here is likely to be "{phrase}" (none of these: {grounded.none:.2f}). {seen}.'
        return Problem(ProblemKind.NOT_PRESENT, message, tuple(there))
    items = [item for r in likely if (item := graph.scene.find(r.id)) is not None]
    names = tuple(describe(item, graph) for item in items)
    told = [f"{name} ({r.score:.2f})" for name, r in zip(names, likely, strict=True)]
    message = f'"{phrase}" is not in the lexicon; it may be {listed(told)}. Say which.'
    return Problem(ProblemKind.AMBIGUOUS, message, names)
