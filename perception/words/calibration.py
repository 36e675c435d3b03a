"""Scores that can be believed: of what is given 0.8, four of five are right.

In:  trained Words and scenes that they were not trained on.
Out: the same with calibration; the expected calibration error of any scores.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .questions import NONE, Question
from .weights import Calibration, Words, shares
from .word_regions import WordRegions

BINS = 15


def answer_logits(
    words: Words, kind: str, regions: WordRegions, questions: list[Question]
) -> Float[Tensor, "questions answers"]:
    """What the towers say to each question in its scene."""
    chosen = torch.tensor([q.scene for q in questions])
    with torch.no_grad():
        vectors = words.model.region_tower(kind)(regions.features, regions.is_there)[chosen]
        phrases = words.model.text(words.vocabulary.encode([q.phrase.words for q in questions]))
        return words.model.score(phrases[:, None], vectors, regions.is_there[chosen])[:, 0]


def meant_places(questions: list[Question], num_regions: int) -> Int[Tensor, "questions"]:
    """The place of what was meant among the scores; "none" is the last."""
    return torch.tensor([num_regions if q.meant == NONE else q.meant for q in questions])


def fit_calibration(logits: Float[Tensor, "questions answers"], meant: Int[Tensor, "questions"]) -> Calibration:
    """Temperature and the weight of "none" under which what was meant is likeliest."""
    temperature, none = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([temperature, none], lr=0.5, max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        moved = torch.cat([logits[:, :-1], logits[:, -1:] + none], -1)
        loss = torch.nn.functional.cross_entropy(moved / temperature.exp(), meant)
        loss.backward()
        return loss

    optimizer.step(closure)
    return Calibration(float(temperature.detach().exp()), float(none.detach()))


def expected_error(score: Float[Tensor, "answers"], is_right: Bool[Tensor, "answers"], bins: int = BINS) -> float:
    """Expected calibration error over bins of equally many answers."""
    order = torch.argsort(score)
    found = 0.0
    for part in torch.tensor_split(order, bins):
        if len(part):
            found += len(part) / len(score) * abs(float(score[part].mean() - is_right[part].float().mean()))
    return found


def with_calibration(words: Words, kind: str, regions: WordRegions, questions: list[Question]) -> Words:
    """The same words, calibrated for one kind of features."""
    logits = answer_logits(words, kind, regions, questions)
    fitted = fit_calibration(logits, meant_places(questions, regions.is_there.shape[1]))
    return replace(words, calibration=words.calibration | {kind: fitted})


def error_of(words: Words, kind: str, regions: WordRegions, questions: list[Question]) -> float:
    """ECE of the best answer, "none" among the answers."""
    score, best = shares(answer_logits(words, kind, regions, questions), words.calibration[kind]).max(-1)
    return expected_error(score, best == meant_places(questions, regions.is_there.shape[1]))
