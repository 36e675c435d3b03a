"""Clauses about several objects at once: swap two, line up, build a pyramid, clear the table, empty a box.

In:  the words from a verb on, as a PhraseReader.
Out: Clauses with where they end, like those of language.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .clauses import Clause, Form
from .phrases import PhraseReader, Reference
from .types import TABLE, Predicate

Read = list[tuple[Clause, int]]
LINE_VERBS = ("line up", "line", "align")
EVERYTHING = Reference(quantifier="all", words="everything")
ROOMIEST = Reference(noun="container", superlative="largest", words="the largest container")
"""Where things go when the table is cleared and no place is named."""


def arranged(reader: PhraseReader, verb: str, at: int, after: int) -> Read:
    """Clauses of an arranging verb, which reaches from `at` to `after`; none for other verbs."""
    return _READERS[verb](reader, at, after) if verb in _READERS else []


def _read_swap(reader: PhraseReader, at: int, after: int) -> Read:
    """Read "swap A and B", "exchange A with B"."""
    found: Read = []
    for moved, end in reader.reference_lists(after):
        around = reader.glue("around", end) or end
        if len(moved) == 2:
            found.append((Clause(moved, form=Form.SWAP), around))
        elif len(moved) == 1 and (other := reader.glue("with", end)) is not None:
            for second, last in reader.references(other):
                last = reader.glue("around", last) or last
                found.append((Clause((*moved, second), form=Form.SWAP), last))
    return found


def _read_row(reader: PhraseReader, at: int, after: int) -> Read:
    """Read "line up A, B and C from left to right", "put A, B and C in a row"."""
    found: Read = []
    for moved, end in reader.reference_lists(after):
        last = reader.glue("up", end) or end
        words: list[str] = []
        while (read := next(reader.match("rows", last), None)) is not None:
            words.append(read[0])
            last = read[1]
        if words or reader.text(at, after) in LINE_VERBS:
            found.append((Clause(moved, form=Form.ROW, is_reversed="leftward" in words), last))
    return found


def _read_pyramid(reader: PhraseReader, at: int, after: int) -> Read:
    """Read "build a pyramid of A, B and C with C on top", "… with A and B as the base and C on top"."""
    start = reader.glue("pyramid", after)
    of = None if start is None else reader.glue("made_of", start)
    if of is None:
        return []
    reader.reach(of)
    found: Read = []
    for moved, end in reader.reference_lists(of):
        base = reader.glue("base", end)
        joints = [after for _, after in reader.match("joints", end if base is None else base)]
        comma = end + (end < len(reader.tokens) and reader.tokens[end] == ",")
        with_top = [reader.glue("with", comma)] if base is None else joints
        for begin in with_top:
            for top, before in reader.references(begin) if begin is not None else []:
                last = reader.glue("top", before)
                if last is not None:
                    found.append((Clause(moved, form=Form.PYRAMID, top=top), last))
    return found


def _read_clear(reader: PhraseReader, at: int, after: int) -> Read:
    """Read "clear the table", "clear the table except the mug", "clear the table into the tray"."""
    found: Read = []
    for table, end in reader.references(after):
        if table.noun != TABLE:
            continue
        for but, last in [((), end), *reader.exceptions(end)]:
            moved = (replace(EVERYTHING, but=but),)
            found.append((Clause(moved, Predicate.IN, ROOMIEST), last))
            for relation, target, done in reader.related(last):
                if relation in (Predicate.IN, Predicate.ON) and target.noun != TABLE:
                    found.append((Clause(moved, Predicate(relation), target), done))
                    for late, later in [] if but else reader.exceptions(done):
                        found.append((Clause((replace(EVERYTHING, but=late),), Predicate(relation), target), later))
    return found


def _read_empty(reader: PhraseReader, at: int, after: int) -> Read:
    """Read "empty the box", "unpack the box onto the table"."""
    on_table = Reference(noun=TABLE)
    found: Read = []
    for source, end in reader.references(after):
        if source.noun == TABLE:
            continue
        clause = Clause((EVERYTHING,), Predicate.ON, on_table, source=source)
        found.append((clause, end))
        found += [(clause, done) for relation, t, done in reader.related(end) if relation == "on" and t.noun == TABLE]
    return found


_READERS: Mapping[str, Callable[[PhraseReader, int, int], Read]] = {
    "swap": _read_swap,
    "line": _read_row,
    "build": _read_pyramid,
    "clear": _read_clear,
    "empty": _read_empty,
}
ARRANGING = frozenset(_READERS)
