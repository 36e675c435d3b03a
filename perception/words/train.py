"""Train the two towers: torch, numpy and safetensors alone, minutes on one core.

In:  files of WordRegions, one for each kind of features (agent/word_regions.py), and scenes to calibrate on.
Out: one safetensors file: weights in half precision, the vocabulary, the calibration.

Usage: python -m verbot.perception.words.train --train described=FILE … --choose described=FILE … \
           --lexicon planning/data/lexicon.toml --out FILE

Three losses: among all regions of a batch the phrase finds those of which it is true and the region finds the phrases
that are true of it (InfoNCE both ways, near misses counting double), and in its own scene the phrase finds the one
that was meant, or that none is.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .calibration import error_of, with_calibration
from .phrases import PhraseBook, load_phrases
from .questions import Question, Questioner, ask_many, is_unseen_pair
from .tokens import Vocabulary, make_vocabulary
from .towers import TwoTowers
from .weights import Words, load_words, save_words
from .word_regions import WordRegions, load_word_regions

SCENES, EACH = 40, 8
RATE = 3e-3
HARD = math.log(2.0)
CONTRAST_WEIGHT = 0.5
DRAWS_FOR_WORDS = 60000


@dataclass(frozen=True, slots=True)
class Corpus:
    """One kind of features to train on."""

    kind: str
    regions: WordRegions
    questioner: Questioner
    usable: list[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions of some scenes; `truth` holds for every question and every region of the batch."""

    regions: WordRegions
    ids: Tensor
    scene: Tensor
    truth: Float[Tensor, "questions regions"]
    misses: Float[Tensor, "questions regions"]
    target: Float[Tensor, "questions answers"]


def make_corpus(kind: str, regions: WordRegions, book: PhraseBook) -> Corpus:
    """Things of pairs that are held out are taken out of the scenes."""
    unseen = is_unseen_pair(regions.things, book)
    regions = replace(regions, is_there=regions.is_there & ~unseen)
    questioner = Questioner(regions.things, book, ~unseen)
    usable = torch.nonzero((regions.is_there & regions.things.is_known).any(1))[:, 0].tolist()
    return Corpus(kind, regions, questioner, usable)


def learn_vocabulary(corpora: list[Corpus], rng: np.random.Generator) -> Vocabulary:
    """Every word that training will say."""
    said: set[str] = set()
    for corpus in corpora:
        scenes = rng.choice(corpus.usable, DRAWS_FOR_WORDS // len(corpora)).tolist()
        said |= {question.phrase.words for question in ask_many(corpus.questioner, scenes, 1, rng)}
    return make_vocabulary(said)


def draw_batch(corpus: Corpus, vocabulary: Vocabulary, rng: np.random.Generator) -> Batch:
    """Some scenes and what is asked of them."""
    chosen = rng.choice(corpus.usable, min(SCENES, len(corpus.usable)), replace=False).tolist()
    questions = ask_many(corpus.questioner, chosen, EACH, rng)
    place = {scene: number for number, scene in enumerate(chosen)}
    return make_batch(corpus, chosen, questions, [place[q.scene] for q in questions], vocabulary)


def make_batch(
    corpus: Corpus, chosen: list[int], questions: list[Question], scene: list[int], vocabulary: Vocabulary
) -> Batch:
    """Truth of every question for every region, in its own scene and in the others."""
    regions = corpus.regions.take(torch.tensor(chosen))
    table = corpus.questioner.table[chosen].flatten(0, 1)
    ids = vocabulary.encode([q.phrase.words for q in questions])
    truth = torch.zeros(len(questions), len(table))
    misses = torch.zeros(len(questions), len(table))
    for number, question in enumerate(questions):
        asked = table[:, corpus.questioner.columns(question.phrase)]
        truth[number] = asked.amin(1)
        misses[number] = (asked == 0.0).sum(1)
    target = torch.zeros(len(questions), regions.is_there.shape[1] + 1)
    for number, question in enumerate(questions):
        for region in question.fits:
            target[number, region] = 1.0 / len(question.fits)
        if not question.fits:
            target[number, -1] = 1.0
    return Batch(regions, ids, torch.tensor(scene), truth, misses, target)


def loss_of(model: TwoTowers, kind: str, batch: Batch) -> Float[Tensor, ""]:
    """In the scene, and across the batch both ways."""
    vectors = model.region_tower(kind)(batch.regions.features, batch.regions.is_there)
    phrases = model.text(batch.ids)
    own = vectors[batch.scene]
    logits = model.score(phrases[:, None], own, batch.regions.is_there[batch.scene])[:, 0]
    in_scene = -(batch.target * functional.log_softmax(logits, -1)).sum(-1).mean()
    is_there = batch.regions.is_there.flatten()
    logits = model.scale * phrases @ vectors.flatten(0, 1)[is_there].T
    truth, misses = batch.truth[:, is_there], batch.misses[:, is_there]
    return in_scene + CONTRAST_WEIGHT * (_contrast(logits, truth, misses) + _contrast(logits.T, truth.T, misses.T))


def _contrast(logits: Tensor, truth: Tensor, misses: Tensor) -> Float[Tensor, ""]:
    """Each that is right against all that are wrong; what misses by one word counts double, what is unclear nothing."""
    wrong = (logits + HARD * (misses == 1.0)).masked_fill(truth != 0.0, -torch.inf)
    against = torch.logsumexp(torch.cat([wrong, torch.full_like(wrong[:, :1], -20.0)], 1), 1, keepdim=True)
    right = truth == 1.0
    each = functional.softplus(against - logits) * right
    counts = right.sum(1)
    return (each.sum(1) / counts.clamp_min(1))[counts > 0].mean()


def train(
    corpora: list[Corpus], vocabulary: Vocabulary, steps: int, seed: int, onto: TwoTowers | None = None
) -> TwoTowers:
    """Adam with a falling rate; kinds of features take turns. `onto` keeps its words and gets region towers more."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    kinds = {corpus.kind: corpus.regions.layout for corpus in corpora}
    model = TwoTowers(len(vocabulary.words), kinds if onto is None else onto.kinds | kinds)
    if onto is not None:
        retrained = tuple(f"regions.{kind}." for kind in kinds)
        kept = {name: value for name, value in onto.state_dict().items() if not name.startswith(retrained)}
        model.load_state_dict(kept, strict=False)
        model.requires_grad_(False)
        for kind in kinds:
            model.region_tower(kind).requires_grad_(True)
    for corpus in corpora:
        rows = corpus.regions.features[corpus.regions.is_there]
        tower = model.region_tower(corpus.kind)
        tower.middle.copy_(rows.mean(0))
        tower.spread.copy_(rows.std(0).clamp_min(0.05))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], RATE, weight_decay=1e-3)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)
    recent: list[float] = []
    for step in range(steps):
        corpus = corpora[step % len(corpora)]
        loss = loss_of(model, corpus.kind, draw_batch(corpus, vocabulary, rng))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        falling.step()
        recent.append(float(loss.detach()))
        if step % 100 == 99:
            print(f"step {step + 1} of {steps}: loss {np.mean(recent[-100:]):.3f}", flush=True)
    return model.eval()


def load_corpora(given: list[str], book: PhraseBook) -> list[Corpus]:
    """Of KIND=FILE."""
    pairs = [text.partition("=") for text in given]
    return [make_corpus(kind, load_word_regions(Path(path)), book) for kind, _, path in pairs]


def main() -> int:
    """Train, calibrate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", required=True, metavar="KIND=FILE")
    parser.add_argument("--choose", nargs="+", required=True, metavar="KIND=FILE")
    parser.add_argument("--lexicon", type=Path)
    parser.add_argument("--onto", type=Path, metavar="FILE", help="keep its words, train region towers alone")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    book = load_phrases(lexicon=args.lexicon)
    corpora = load_corpora(args.train, book)
    onto = load_words(args.onto) if args.onto is not None else None
    vocabulary = onto.vocabulary if onto else learn_vocabulary(corpora, np.random.default_rng([args.seed, 0]))
    print(f"{len(vocabulary.words)} words, {sum(len(c.usable) for c in corpora)} scenes")
    model = train(corpora, vocabulary, args.steps, args.seed, onto.model if onto else None)
    words = Words(model, vocabulary, dict(onto.calibration) if onto else {})
    for corpus in load_corpora(args.choose, book):
        questions = ask_many(corpus.questioner, corpus.usable, 12, np.random.default_rng([args.seed, 2]))
        words = with_calibration(words, corpus.kind, corpus.regions, questions)
        error = error_of(words, corpus.kind, corpus.regions, questions)
        print(f"{corpus.kind}: {words.calibration[corpus.kind]}, calibration error {error:.3f}")
    print(f"sha256 {save_words(args.out, words)}, {args.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
