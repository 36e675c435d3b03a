"""Phrases for objects: "the small red block nearest the bowl", "all mugs", "it".

In:  the words of a command.
Out: References with where they end. A phrase can end in several places ("the block [on the plate]"), so every
     reading is kept, the longest first; the grammar around it and later the scene decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .lexicon import Lexicon
from .types import PILE, TABLE

MAX_PER_END = 3
MAX_LISTED = 8
SIDE_OF = {"left_of": "left", "right_of": "right", "in_front_of": "front", "behind": "back"}


@dataclass(frozen=True, slots=True)
class Where:
    """A relation that tells an object from others: a predicate's name, "nearest" or "farthest"."""

    relation: str
    target: Reference


@dataclass(frozen=True, slots=True)
class Reference:
    """An object as it was spoken of. `noun` is a class of the ontology.

    `quantifier` is the, any, all, both, it or them. `superlative` is smallest, leftmost, nearest …; `nearest_to`
    says to what ("the nearest block to the bowl"), None means to the speaker. `has_noun` is false for "the red …": in a
    list the next noun counts, else any object is meant. `is_one` says that the noun was "one": what was spoken of
    before, else any object. `has_its_color`: of the colour of whatever goes there; `but` is left out of "all".
    `properties` are what the scene must have declared of it: "the hot mug".
    """

    noun: str = "object"
    quantifier: str = "the"
    color: str | None = None
    size: str | None = None
    superlative: str | None = None
    nearest_to: Reference | None = None
    where: tuple[Where, ...] = ()
    words: str = ""
    has_noun: bool = True
    is_one: bool = False
    has_its_color: bool = False
    but: tuple[Reference, ...] = ()
    properties: tuple[str, ...] = ()


class PhraseReader:
    """Reads phrases from a list of words; every result says where it ends."""

    def __init__(self, tokens: tuple[str, ...], lexicon: Lexicon) -> None:
        self.tokens = tokens
        self.reached = 0
        self._lexicon = lexicon
        self._references: dict[int, list[tuple[Reference, int]]] = {}

    def match(self, section: str, at: int) -> Iterator[tuple[str, int]]:
        """Meanings from one section of the lexicon."""
        return self._lexicon.match(section, self.tokens, at)

    def glue(self, meaning: str, at: int) -> int | None:
        """Where a small word ends, or None when it is not there."""
        return self._lexicon.match_one("glue", meaning, self.tokens, at)

    def text(self, start: int, end: int) -> str:
        """The words between."""
        return " ".join(self.tokens[start:end]).replace(" ,", ",")

    def reach(self, at: int) -> None:
        """Note how far reading came, for the message when it fails."""
        self.reached = max(self.reached, at)

    def reference_lists(self, at: int) -> list[tuple[tuple[Reference, ...], int]]:
        """One or more references joined by "and" or commas, the longest list first."""
        found: list[tuple[tuple[Reference, ...], int]] = []
        open_lists: list[tuple[tuple[Reference, ...], int]] = [((r,), end) for r, end in self.references(at)]
        for _ in range(MAX_LISTED):
            found = [*open_lists, *found]
            open_lists = [
                ((*listed, more), end)
                for listed, start in open_lists
                for after in self._list_joints(start)
                for more, end in self.references(after)
            ][: 4 * MAX_PER_END]
            if not open_lists:
                break
        return [(_with_nouns(listed), end) for listed, end in found]

    def _list_joints(self, at: int) -> list[int]:
        comma = at < len(self.tokens) and self.tokens[at] == ","
        after_comma = at + 1 if comma else at
        ends = [end for meaning, end in self.match("joints", after_comma) if meaning == "together"]
        return [*ends, after_comma] if comma else ends

    def references(self, at: int) -> list[tuple[Reference, int]]:
        """Every way to read one reference from `at`, the longest first."""
        if at not in self._references:
            self._references[at] = []  # a phrase cannot contain itself
            found = [(r, e) for r, e in self._pronouns(at)]
            for plain, end in self._plain(at):
                found += self._with_modifiers(plain, end, 2)
            found.sort(key=lambda pair: -pair[1])
            kept: list[tuple[Reference, int]] = []
            for reference, end in found:
                if sum(e == end for _, e in kept) < MAX_PER_END:
                    kept.append((replace(reference, words=self.text(at, end)), end))
            self._references[at] = kept
            if kept:
                self.reach(max(end for _, end in kept))
        return self._references[at]

    def exceptions(self, at: int) -> list[tuple[tuple[Reference, ...], int]]:
        """What is left out of "all": "except the mug and the red block"."""
        comma = at < len(self.tokens) and self.tokens[at] == ","
        after = self.glue("except", at + comma)
        return [] if after is None else self.reference_lists(after)

    def related(self, at: int) -> list[tuple[str, Reference, int]]:
        """A relation and what it relates to: "left of the bowl"."""
        found: list[tuple[str, Reference, int]] = []
        for relation, after in self.match("relations", at):
            self.reach(after)
            found += [(relation, target, end) for target, end in self.references(after)]
        return found

    def sides(self, at: int, *, only_at: bool = False) -> list[tuple[str, int]]:
        """A side of the table: "to the left", "on the right side of the table"; `only_at`: where things are already."""
        found: list[tuple[str, int]] = []
        for meaning, before in self.match("side_words", at):
            if meaning == "after" or (only_at and meaning != "at"):
                continue
            after_the = self._lexicon.match_one("determiners", "the", self.tokens, before) or before
            for side, after_side in self.match("sides", after_the):
                end = self._lexicon.match_one("side_words", "after", self.tokens, after_side) or after_side
                self.reach(end)
                found += [(side, self._of_table(end))]
        # "Left of the table" and "to the left of the table" are sides too.
        for relation, after in self.match("relations", at):
            after_the = self._lexicon.match_one("determiners", "the", self.tokens, after) or after
            end = self._lexicon.match_one("nouns", TABLE, self.tokens, after_the)
            if end is not None and relation in SIDE_OF and not only_at:
                found.append((SIDE_OF[relation], end))
        return found

    def _of_table(self, at: int) -> int:
        """The end of "of the table" if it follows, else `at`."""
        after_of = self.glue("of", at)
        if after_of is None:
            return at
        after_the = self._lexicon.match_one("determiners", "the", self.tokens, after_of) or after_of
        return self._lexicon.match_one("nouns", TABLE, self.tokens, after_the) or at

    def _pronouns(self, at: int) -> Iterator[tuple[Reference, int]]:
        for meaning, end in self.match("pronouns", at):
            yield Reference(quantifier=meaning), end

    def _plain(self, at: int) -> Iterator[tuple[Reference, int]]:
        """Determiner, adjectives and noun, without what may follow."""
        for quantifier, end in self.match("everything", at):
            yield Reference(quantifier=quantifier), end
        starts = [*self.match("determiners", at), ("", at)]
        for quantifier, after in starts:
            reference, end = self._adjectives(Reference(quantifier=quantifier), after)
            for noun, noun_end in self.match("nouns", after):
                if noun == PILE and end > after:  # "small pieces" are a pile before they are pieces that are small
                    yield Reference(noun=PILE, quantifier=quantifier or "the"), noun_end
            for noun, noun_end in self.match("nouns", end):
                is_plural = self.tokens[noun_end - 1].endswith("s")
                kind = "all" if is_plural and quantifier in ("", "the", "these") else quantifier
                if (quantifier == "these") > is_plural or (quantifier == "any" and is_plural):
                    continue  # how many "some blocks" are is not said
                named = replace(reference, quantifier=kind or "the", is_one=noun == "one")
                yield named if named.is_one else replace(named, noun=noun), noun_end
            # "The left" alone is a side, not an object.
            is_thing = reference.color or reference.size or reference.superlative in ("smallest", "largest")
            is_thing = is_thing or reference.properties
            if is_thing and quantifier != "these":
                yield replace(reference, quantifier=quantifier or "the", has_noun=False), end

    def _adjectives(self, reference: Reference, at: int) -> tuple[Reference, int]:
        """Colour, size, superlative (each at most once) and declared properties in any order."""
        while True:
            start = at + 1 if at < len(self.tokens) and self.tokens[at] == "," and reference != Reference() else at
            kinds = ("colors", "sizes", "superlatives", "properties")
            color, size, best, known = (next(self.match(s, start), None) for s in kinds)
            if color and reference.color is None:
                reference, at = replace(reference, color=color[0]), color[1]
                at = self.glue("coloured", at) or at
            elif size and reference.size is None:
                reference, at = replace(reference, size=size[0]), size[1]
            elif best and reference.superlative is None:
                reference, at = replace(reference, superlative=best[0]), best[1]
                at = self.glue("of", at) or at
            elif known and known[0] not in reference.properties:
                reference, at = replace(reference, properties=(*reference.properties, known[0])), known[1]
            elif (after := self.glue("matching", start)) is not None and not reference.has_its_color:
                reference, at = replace(reference, has_its_color=True), after
            else:
                return reference, at

    def _with_modifiers(self, reference: Reference, at: int, depth: int) -> list[tuple[Reference, int]]:
        """The reference as it is, and with each "on the plate", "nearest the bowl", "on the left" after it."""
        found = [(reference, at)]
        if depth == 0 or reference.noun == TABLE:
            return found
        start = self.glue("which_is", at) or at
        for relation, target, end in self.related(start):
            more = replace(reference, where=(*reference.where, Where(relation, target)))
            found += self._with_modifiers(more, end, depth - 1)
        for content, end in self.match("contents", start):
            if content not in reference.properties:
                more = replace(reference, properties=(*reference.properties, content))
                found += self._with_modifiers(more, end, depth - 1)
        its_color = self.glue("of_its_color", at)
        if its_color is not None and reference.color is None:
            found += self._with_modifiers(replace(reference, has_its_color=True), its_color, depth - 1)
        if reference.quantifier == "all" and not reference.but:
            found += [(replace(reference, but=but), end) for but, end in self.exceptions(at)]
        if reference.superlative is None:
            for side, end in self.sides(start, only_at=True):
                found += self._with_modifiers(replace(reference, superlative=f"{side}most"), end, depth - 1)
        to = self.glue("to", start) or self.glue("from", start)
        if to is not None and reference.superlative in ("nearest", "farthest") and reference.nearest_to is None:
            for target, end in self.references(to):
                found += self._with_modifiers(replace(reference, nearest_to=target), end, depth - 1)
        return found


def _with_nouns(listed: tuple[Reference, ...]) -> tuple[Reference, ...]:
    """What lacks a noun takes the next one's, and "all" with it: "the red and blue blocks"."""
    given: list[Reference] = []
    for reference in reversed(listed):
        if given and not reference.has_noun and given[-1].has_noun:
            quantifier = "all" if given[-1].quantifier == "all" else reference.quantifier
            words = f"{reference.words} {given[-1].words.split()[-1]}"
            reference = replace(reference, noun=given[-1].noun, quantifier=quantifier, words=words, has_noun=True)
        given.append(reference)
    return tuple(reversed(given))
