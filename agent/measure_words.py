"""Words measured: how often the right thing is found, how far scores can be believed, which words are refused.

In:  labelled looks that nothing was trained on, perceived with all sensors, cameras alone, LiDAR alone.
Out: a table by group of questions, beside a matcher that knows the lexicon alone and beside chance.

Usage: python -m verbot.agent.measure_words --looks FOLDER [--features fused=FILE …] [--words FILE] [--out JSON]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ..perception.types import ObjectState, SceneState
from ..perception.words.calibration import answer_logits, expected_error, meant_places
from ..perception.words.phrases import PhraseBook, load_phrases
from ..perception.words.questions import NONE, OpenQuestioner, Question, is_unseen_pair
from ..perception.words.weights import Words, load_words, shares
from ..perception.words.word_regions import SENSES, WordRegions, load_word_regions, stack
from ..planning.lexicon import load_lexicon, split_words
from ..planning.phrases import PhraseReader
from ..planning.references import resolve
from ..planning.scene_graph import SceneGraph, make_scene_graph
from ..planning.types import Problem
from .word_regions import PerceivedLook, perceive_all, read_looks

EACH = 6
SURE = 0.9
"""A score from which on a planner may act on it."""
GROUPS: dict[str, dict[str, bool | str]] = {
    "trained wording, English": {"language": "en", "held_out": False, "changed": False},
    "trained wording, Chinese": {"language": "zh", "held_out": False, "changed": False},
    "held-out wording, English": {"language": "en", "held_out": True, "changed": False},
    "held-out wording, Chinese": {"language": "zh", "held_out": True, "changed": False},
    "one word changed": {"held_out": False, "changed": True},
}
UNSEEN = "unseen colour-shape pairs"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one group. `top1`, `top3`, `chance` and `lexicon` are of questions that fit exactly one thing.

    `none_right`: where nothing fits, how often that was the answer. `lexicon_answers`: how often the lexicon's matcher
    names one thing at all. `sure` is the share of answers with a score of 0.9 or more, `sure_right` how many are right.
    """

    group: str
    kind: str
    sense: str
    questions: int
    top1: float | None
    top3: float | None
    chance: float | None
    lexicon: float | None
    lexicon_answers: float | None
    none_right: float | None
    ece: float
    sure: float
    sure_right: float | None


Symbolic = Callable[[Question], str | int | None]


def measure_group(
    words: Words, kind: str, regions: WordRegions, questions: list[Question], symbolic: Symbolic | None
) -> dict[str, float | int | None]:
    """The figures of some questions."""
    score = shares(answer_logits(words, kind, regions, questions), words.calibration[kind])
    best = score.argmax(-1)
    meant = meant_places(questions, regions.is_there.shape[1])
    is_sure = score.amax(-1) >= SURE
    is_right = best == meant
    single = [n for n, q in enumerate(questions) if len(q.fits) == 1 and q.meant != NONE]
    nothing = [n for n, q in enumerate(questions) if not q.fits]
    top3 = score[:, :-1].topk(3, -1).indices
    in_top3 = (top3 == meant[:, None]).any(-1)
    among = regions.is_there.sum(1)[[q.scene for q in questions]]
    named = [symbolic(questions[n]) for n in single] if symbolic is not None else []
    return {
        "questions": len(questions),
        "top1": _mean(is_right[single]),
        "top3": _mean(in_top3[single]),
        "chance": _mean(1.0 / among[single]),
        "lexicon": _mean(torch.tensor([n == questions[k].meant for n, k in zip(named, single, strict=True)]))
        if named
        else None,
        "lexicon_answers": _mean(torch.tensor([n is not None for n in named])) if named else None,
        "none_right": _mean(is_right[nothing]),
        "ece": round(expected_error(score.amax(-1), is_right), 4),
        "sure": _mean(is_sure) or 0.0,
        "sure_right": _mean(is_right[is_sure]),
    }


def ask_group(questioner: OpenQuestioner, scenes: Sequence[int], seed: int, **how: bool | str) -> list[Question]:
    """Questions whose answer is beyond dispute."""
    rng = np.random.default_rng([seed, 7])
    found: list[Question] = []
    for scene in scenes:
        for _ in range(EACH):
            question = questioner.ask(scene, rng, **how)  # type: ignore[arg-type]
            if question is not None and questioner.is_clear(question):
                found.append(question)
    return found


def measure(
    words: Words,
    kind: str,
    regions: WordRegions,
    book: PhraseBook,
    symbolic: Symbolic | None = None,
    seed: int = 0,
) -> list[Figures]:
    """Every group by every sense; pairs that training never showed are a group of their own."""
    unseen = is_unseen_pair(regions.things, book)
    usual = OpenQuestioner(regions.things, book, ~unseen & regions.is_there)
    strange = OpenQuestioner(regions.things, book, unseen & regions.is_there)
    found: list[Figures] = []
    for number, sense in enumerate(SENSES):
        scenes = torch.nonzero(regions.sense == number)[:, 0].tolist()
        asked = {name: ask_group(usual, scenes, seed, **how) for name, how in GROUPS.items()}
        pairs = ask_group(strange, scenes, seed, changed=False)
        asked[UNSEEN] = [q for q in pairs if book.is_held(q.phrase)]
        asked["all"] = [question for questions in asked.values() for question in questions]
        for name, questions in asked.items():
            if questions:
                values = measure_group(words, kind, regions, questions, symbolic)
                found.append(Figures(name, kind, sense, **values))  # type: ignore[arg-type]
    return found


def make_symbolic(perceived: Sequence[PerceivedLook]) -> Symbolic:
    """The planner's own reading of the phrase in the scene as it was perceived: the place of the one thing it names."""
    lexicon = load_lexicon()
    graphs: dict[int, SceneGraph] = {}

    def answer(question: Question) -> int | None:
        seen = perceived[question.scene].seen
        if question.scene not in graphs:
            graphs[question.scene] = make_scene_graph(_scene_of(seen))
        tokens = lexicon.without_politeness(split_words(question.phrase.words))
        if not tokens or not lexicon.words.issuperset(tokens):
            return None
        for reference, end in PhraseReader(tokens, lexicon).references(0):
            if end == len(tokens):
                ids = resolve(reference, graphs[question.scene])
                if not isinstance(ids, Problem) and len(ids) == 1:
                    return next((n for n, item in enumerate(seen) if item.id == ids[0]), None)
        return None

    return answer


def _scene_of(seen: tuple[ObjectState, ...]) -> SceneState:
    return SceneState(time_s=1.0, seen_s=1.0, objects=seen, table=None, body=None, health=())


def measure_gate(words: Words, book: PhraseBook, held_out: Sequence[Question]) -> dict[str, float]:
    """How many unknown words are named, and how many held-out phrases of known words are refused."""
    frames = {
        "en": ("the {} block", "{} red mug please", "where is the {}"),
        "zh": ("那个{}杯子", "红色的{}", "请找{}"),
    }
    vocabulary = words.vocabulary
    found: dict[str, float] = {}
    for language, unknown in book.unknown.items():
        named = [bool(vocabulary.unknown(frame.format(word))) for word in unknown for frame in frames[language]]
        found[f"unknown_named_{language}"] = round(float(np.mean(named)), 4)
    found["false_alarms"] = round(float(np.mean([bool(vocabulary.unknown(q.phrase.words)) for q in held_out])), 4)
    return found


def _mean(values: torch.Tensor) -> float | None:
    return round(float(values.float().mean()), 4) if len(values) else None


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looks", type=Path)
    parser.add_argument("--features", nargs="*", default=[], metavar="KIND=FILE")
    parser.add_argument("--words", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    words, book = load_words(args.words), load_phrases()
    found: list[Figures] = []
    if args.looks is not None:
        perceived = list(perceive_all(read_looks(args.looks)))
        regions = stack([look.to_scene() for look in perceived])
        found += measure(words, "described", regions, book, make_symbolic(perceived))
    for text in args.features:
        kind, _, path = text.partition("=")
        found += measure(words, kind, load_word_regions(Path(path)), book)
    for row in found:
        print(json.dumps(asdict(row)))
    if args.out is not None:
        args.out.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
