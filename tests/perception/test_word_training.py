"""What the words are trained and measured on."""

from pathlib import Path

import numpy as np
import torch
from verbot.perception.words.attributes import COLORS, SHAPES, Things, attribute_table
from verbot.perception.words.phrases import PhraseBook, load_phrases
from verbot.perception.words.questions import NONE, ask_many, is_unseen_pair
from verbot.perception.words.tokens import make_vocabulary, split_tokens
from verbot.perception.words.towers import Layout
from verbot.perception.words.train import Corpus, learn_vocabulary, make_corpus, train
from verbot.perception.words.weights import load_words
from verbot.perception.words.word_regions import WordRegions
from verbot.planning.lexicon import load_lexicon

BOOK = load_phrases()
LAYOUT = Layout(3 + len(SHAPES) + len(COLORS), 3 + len(SHAPES), 3 + len(SHAPES) + len(COLORS))


def made_scenes(num: int, seed: int, book: PhraseBook = BOOK) -> WordRegions:
    """Scenes whose features tell shape, colour and size outright."""
    rng = np.random.default_rng(seed)
    shape = torch.as_tensor(rng.integers(0, len(SHAPES) - 1, (num, 5)))
    color = torch.as_tensor(rng.integers(0, len(COLORS), (num, 5)))
    size_m = torch.as_tensor(rng.uniform(0.03, 0.2, (num, 5, 3)), dtype=torch.float32)
    one_hot = torch.nn.functional.one_hot
    features = torch.cat(
        [(size_m / 0.05).log(), one_hot(shape, len(SHAPES)).float(), one_hot(color, len(COLORS)).float()], -1
    )
    there = torch.ones(num, 5, dtype=torch.bool)
    zeros = torch.zeros(num, dtype=torch.long)
    return WordRegions(features, there, Things(shape, color, size_m, there), zeros, zeros, LAYOUT)


def made_corpus() -> Corpus:
    return make_corpus("made", made_scenes(60, 0), BOOK)


def test_held_out_wording_is_never_a_trained_one() -> None:
    for said in BOOK.languages.values():
        for kind in ("templates", "with_color_after", "something"):
            assert not set(said[kind]) & set(said["held_out"][kind])
        for name, clauses in said["held_out"]["after"].items():
            assert not set(clauses) & set(said["after"].get(name, []))


def test_training_neither_shows_nor_names_the_pairs_that_are_held_out() -> None:
    corpus = made_corpus()
    assert not (is_unseen_pair(corpus.regions.things, BOOK) & corpus.regions.is_there).any()
    asked = ask_many(corpus.questioner, corpus.usable, 20, np.random.default_rng(0))
    assert len(asked) > 500
    assert not any(BOOK.is_held(question.phrase) for question in asked)


def test_a_question_is_true_of_exactly_what_it_fits() -> None:
    corpus = made_corpus()
    for question in ask_many(corpus.questioner, corpus.usable, 4, np.random.default_rng(1)):
        truth = corpus.questioner.truth(question.phrase, question.scene)
        assert all(truth[k] == 1.0 for k in question.fits)
        assert question.meant in question.fits or (question.meant == NONE and not question.fits)


def test_big_and_small_are_meant_among_one_shape_and_say_nothing_of_what_is_alone() -> None:
    size_m = torch.tensor([[[0.03] * 3, [0.05] * 3, [0.20] * 3]])
    things = Things(torch.tensor([[0, 0, 2]]), torch.tensor([[0, 0, 0]]), size_m, torch.ones(1, 3, dtype=torch.bool))
    table = attribute_table(things, BOOK.attributes)[0]
    small, large = (table[:, BOOK.names.index(name)].tolist() for name in ("small", "large"))
    assert small == [1.0, 0.0, 1.0]
    assert large == [0.0, 1.0, 1.0]


def test_chinese_is_cut_into_characters_and_english_into_words() -> None:
    assert split_tokens("The RED 碗, please") == ["the", "red", "碗", "please"]


def test_unknown_chinese_that_stands_together_is_one_word() -> None:
    assert make_vocabulary(["红色的碗"]).unknown("红色的茶壶") == ("茶壶",)


def test_the_towers_know_every_color_and_noun_of_the_lexicon_that_cameras_tell() -> None:
    vocabulary, lexicon = load_words().vocabulary, load_lexicon()
    phrases = [p for p, meanings in lexicon.phrases["nouns"].items() if meanings[0] in SHAPES]
    phrases += list(lexicon.phrases["colors"])
    assert [p for p in phrases if vocabulary.unknown(" ".join(p))] == []


def test_training_learns_what_features_tell() -> None:
    corpus = made_corpus()
    vocabulary = learn_vocabulary([corpus], np.random.default_rng(0))
    torch.set_num_threads(1)
    before, after = (train([corpus], vocabulary, steps, 0) for steps in (1, 60))

    def right(model: torch.nn.Module) -> float:
        asked = ask_many(corpus.questioner, corpus.usable, 4, np.random.default_rng(5), changed=False, language="en")
        asked = [q for q in asked if len(q.fits) == 1]
        scenes = [q.scene for q in asked]
        with torch.no_grad():
            vectors = model.region_tower("made")(corpus.regions.features, corpus.regions.is_there)[scenes]
            phrases = model.text(vocabulary.encode([q.phrase.words for q in asked]))
            found = (vectors @ phrases[..., None])[..., 0].argmax(1)
        return float((found == torch.tensor([q.meant for q in asked])).float().mean())

    assert right(after) > 0.5
    assert right(after) > right(before) + 0.15


def test_phrases_with_the_lexicon_hold_its_words() -> None:
    lexicon = Path(__file__).parents[2] / "planning" / "data" / "lexicon.toml"
    book = load_phrases(lexicon=lexicon)
    assert "vermilion" in book.languages["en"]["colors"]["red"]
    assert "crate" not in book.languages["en"]["nouns"]["tray"]


def test_towers_for_new_features_leave_the_words_as_they_are() -> None:
    corpus = made_corpus()
    vocabulary = learn_vocabulary([corpus], np.random.default_rng(0))
    first = train([corpus], vocabulary, 3, 0)
    own = Corpus("own", corpus.regions, corpus.questioner, corpus.usable)
    both = train([own], vocabulary, 3, 1, first)
    assert set(both.kinds) == {"made", "own"}
    kept = first.state_dict()
    assert all(torch.equal(both.state_dict()[name], value) for name, value in kept.items())
