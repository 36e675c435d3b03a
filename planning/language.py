"""A sentence becomes clauses: what is moved, and where it is to be. No scene is needed.

In:  a command.
Out: Parsed with its readings (most sentences have one), or a Problem. Nothing is guessed: a word that is not
     in the lexicon is named, and a sentence that fits no pattern is refused with one that does.
`docs/language.md` shows what can be said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .arranging import ARRANGING, arranged
from .clauses import Clause
from .lexicon import Lexicon, load_lexicon, split_words
from .phrases import PhraseReader, Reference
from .types import PERSON, TABLE, Action, Predicate, Problem, ProblemKind

EXAMPLE = 'Say for example "put the red block in the green bowl" or "pick up the blue mug".'
ZONE = "zone"
_MANNERS = {"push": Action.PUSH, "sweep": Action.SWEEP}
MAX_WORDS = 80
MAX_READINGS = 24
SLIDES = {"open": Predicate.OPEN, "close": Predicate.CLOSED}


@dataclass(frozen=True, slots=True)
class Parsed:
    """The readings of a command, the likeliest first; grounding takes the first that fits the scene."""

    command: str
    readings: tuple[tuple[Clause, ...], ...]


def parse(command: str, lexicon: Lexicon | None = None) -> Parsed | Problem:
    """Read a command; never raises."""
    lexicon = lexicon or load_lexicon()
    words = split_words(command)
    if not words:
        return Problem(ProblemKind.EMPTY, f"The command is empty, expected a sentence. {EXAMPLE}")
    unknown = next((w for w in words if w != "," and w not in lexicon.words), None)
    if unknown is not None:
        return _unknown_word(unknown, lexicon)
    tokens = lexicon.without_politeness(words)
    if not tokens:
        return Problem(ProblemKind.NOT_UNDERSTOOD, f"The command asks for nothing, expected something to do. {EXAMPLE}")
    if len(tokens) > MAX_WORDS:
        return Problem(
            ProblemKind.NOT_UNDERSTOOD,
            f"The command has {len(tokens)} words, expected at most {MAX_WORDS}. Say it in several commands.",
        )
    reader = _CommandReader(tokens, lexicon)
    # "put A in B and C on D" is two places before it is one list ("[A in B] and C") that goes on D.
    readings = sorted(reader.sentences(0, None), key=_num_qualified_in_lists)
    if readings:
        return Parsed(command, tuple(readings))
    return Problem(ProblemKind.NOT_UNDERSTOOD, reader.explain())


def _unknown_word(word: str, lexicon: Lexicon) -> Problem:
    nearest = lexicon.nearest(word)
    shown = word if len(word) <= 30 else f"{word[:29]}…"
    if nearest:
        hint = f"Did you mean {' or '.join(repr(n) for n in nearest)}?"
    else:
        hint = "Known are words for blocks, cylinders, bowls, mugs, plates, trays, their colours, sizes and places."
    return Problem(ProblemKind.UNKNOWN_WORD, f"Unknown word '{shown}'. {hint} {EXAMPLE}", nearest)


def _is_all(moved: tuple[Reference, ...]) -> bool:
    return len(moved) == 1 and moved[0].quantifier == "all" and not moved[0].but


def _num_qualified_in_lists(reading: tuple[Clause, ...]) -> int:
    return sum(len(r.where) for clause in reading if len(clause.moved) > 1 for r in clause.moved)


class _CommandReader(PhraseReader):
    """Verbs, goals and chains over the phrases for objects; remembers what it has read from where."""

    def __init__(self, tokens: tuple[str, ...], lexicon: Lexicon) -> None:
        super().__init__(tokens, lexicon)
        self._sentences: dict[tuple[int, str | None], list[tuple[Clause, ...]]] = {}

    def explain(self) -> str:
        """One line on where reading stopped."""
        if not any(True for _ in self.match("verbs", 0)):
            beginnings = "put, stack, move, pick up, open, close, pour or give"
            return f'"{self.text(0, 1)}" is nothing to do, expected to begin with {beginnings}. {EXAMPLE}'
        read, rest = self.text(0, self.reached), self.text(self.reached, self.reached + 6)
        if not rest:
            return f'"{read}" is not complete, expected an object and a place for it. {EXAMPLE}'
        return f'Not understood from "{rest}" on, after "{read}". {EXAMPLE}'

    def sentences(self, at: int, former: str | None) -> list[tuple[Clause, ...]]:
        """All chains of clauses from `at` to the end; `former` is the verb of the clause before."""
        if (at, former) in self._sentences:
            return self._sentences[at, former]
        found: list[tuple[Clause, ...]] = []
        for clause, kind, end in self._clauses(at, former):
            if end == len(self.tokens):
                found.append((clause,))
            for later, start in self._joints(end):
                for rest in self.sentences(start, kind):
                    found.append((clause, replace(rest[0], later=later), *rest[1:]))
            if len(found) >= MAX_READINGS:
                break
        self._sentences[at, former] = found[:MAX_READINGS]
        return found[:MAX_READINGS]

    def _joints(self, at: int) -> list[tuple[bool, int]]:
        """Whether a new stage begins, and where the next clause starts, for "and", "then" or a comma at `at`."""
        found: list[tuple[bool, int]] = []
        after_comma = at + 1 if at < len(self.tokens) and self.tokens[at] == "," else at
        for meaning, end in self.match("joints", after_comma):
            comma = end < len(self.tokens) and self.tokens[end] == ","
            found.append((meaning == "later", end + 1 if comma else end))
        if after_comma > at:
            found.append((False, after_comma))
        return found

    def _clauses(self, at: int, former: str | None) -> list[tuple[Clause, str, int]]:
        found: list[tuple[Clause, str, int]] = []
        for verb, after in self.match("verbs", at):
            self.reach(after)
            if verb == "hand":
                found += self._hands(after)
                continue
            if verb == "pour":
                found += self._pours(after)
                continue
            found += [(clause, verb, end) for clause, end in arranged(self, verb, at, after)]
            for moved, end in self.reference_lists(after):
                found += self._complete(verb, self.text(at, after), moved, end)
        if former in ("place", "stack", *_MANNERS) and not found:
            for moved, end in self.reference_lists(at):
                found += self._complete(former, "", moved, end)
        return found

    def _complete(
        self, verb: str, verb_text: str, moved: tuple[Reference, ...], at: int
    ) -> list[tuple[Clause, str, int]]:
        """What can follow verb and objects: nothing (pick up), a place, or what they are taken out of."""
        if verb in ARRANGING:
            return []
        if verb == "pick":
            return [(Clause(moved), verb, self.glue("up", at) or at)]
        if verb in SLIDES:
            return [(Clause(moved, SLIDES[verb]), verb, at)]
        if verb == "draw":
            return [(Clause(moved, SLIDES[meaning]), meaning, end) for meaning, end in self.match("drawn", at)]
        if verb == "stack":
            return [
                (Clause(moved, Predicate.ON, target, stacked=True), verb, end)
                for relation, target, end in self.related(at)
                if relation == Predicate.ON and target.noun != TABLE
            ]
        if verb == "remove":
            found: list[tuple[Clause, str, int]] = []
            for _, after in self.match("away", at):
                self.reach(after)
                on_table = Reference(noun=TABLE)
                for source, end in self.references(after):
                    if source.noun != TABLE:
                        found.append((Clause(moved, Predicate.ON, on_table, source=source), verb, end))
            return found
        if verb in _MANNERS:
            places = self._places(verb_text, moved, self.glue("together", at) or at)
            return [(replace(clause, manner=_MANNERS[verb]), verb, end) for clause, _, end in places]
        if verb == "carry":
            return [(Clause(moved, Predicate.AT_SIDE, side=side), "place", end) for side, end in self.sides(at)]
        return self._places(verb_text, moved, at)

    def _hands(self, at: int) -> list[tuple[Clause, str, int]]:
        """As in "give me the block" and "hand the block over to the person"."""
        person = Reference(noun=PERSON)
        found: list[tuple[Clause, str, int]] = []
        for _, after in self.match("recipients", at):
            self.reach(after)
            found += [
                (Clause(moved, Predicate.NEAR, person), "hand", end) for moved, end in self.reference_lists(after)
            ]
        for moved, end in self.reference_lists(at):
            to = self.glue("to", self.glue("over", end) or end)
            if to is not None:
                found += [(Clause(moved, Predicate.NEAR, person), "hand", e) for _, e in self.match("recipients", to)]
        return found

    def _pours(self, at: int) -> list[tuple[Clause, str, int]]:
        """As in "pour the mug into the bowl" and "tilt the mug over the bowl"."""
        found: list[tuple[Clause, str, int]] = []
        for moved, end in self.reference_lists(self.glue("contents", at) or at):
            found += [
                (Clause(moved, Predicate.POURED, target), "pour", after)
                for relation, target, after in self.related(self.glue("out", end) or end)
                if relation in (Predicate.ON, Predicate.IN) and target.noun != TABLE
            ]
        return found

    def _near_person(self, moved: tuple[Reference, ...], at: int) -> list[tuple[Clause, str, int]]:
        """As in "… next to the person", "… within reach of the person" and "… to me"."""
        starts = [after for relation, after in self.match("relations", at) if relation == Predicate.NEXT_TO]
        starts += [after for after in (self.glue("reach", at), self.glue("to", at)) if after is not None]
        ends = [end for start in starts for _, end in self.match("recipients", start)]
        return [(Clause(moved, Predicate.NEAR, Reference(noun=PERSON)), "place", end) for end in ends]

    def _places(self, verb_text: str, moved: tuple[Reference, ...], at: int) -> list[tuple[Clause, str, int]]:
        found: list[tuple[Clause, str, int]] = []
        down = self.glue("down", at)
        start = down or self.glue("by_color", at) or at
        is_sorted = self.glue("by_color", at) is not None
        found += self._near_person(moved, start)
        for relation, target, end in self.related(start):
            if relation not in set(Predicate):
                continue
            predicate = Predicate(relation)
            if target.noun == TABLE and predicate not in (Predicate.ON, Predicate.IN):
                continue
            if target.noun == TABLE:
                predicate = Predicate.ON
            target = replace(target, has_its_color=target.has_its_color or is_sorted)
            found.append((Clause(moved, predicate, target), "place", end))
            for but, after in self.exceptions(end) if _is_all(moved) else []:
                found.append((Clause((replace(moved[0], but=but),), predicate, target), "place", after))
        if is_sorted:
            bins = Reference(noun="container", quantifier="all", has_its_color=True)
            found.append((Clause(moved, Predicate.IN, bins), "place", start))
            return found
        for side, end in self.sides(start):
            found.append((Clause(moved, Predicate.AT_SIDE, side=side), "place", end))
        for to in (self.glue("to", start), self.glue("toward", start)):
            for target, end in self.references(to) if to is not None else ():
                if target.noun == TABLE and to == self.glue("to", start):
                    found.append((Clause(moved, Predicate.ON, target), "place", end))
                elif target.noun == ZONE:
                    found.append((Clause(moved, Predicate.IN, target), "place", end))
        if (down or verb_text.endswith("down")) and not found:
            found.append((Clause(moved, Predicate.ON, Reference(noun=TABLE)), "place", start))
        return found
