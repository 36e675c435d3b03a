"""What sentences are read as, and what is answered to those that cannot be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verbot.planning.language import Parsed, parse
from verbot.planning.lexicon import LexiconError, load_lexicon, split_words
from verbot.planning.types import TABLE, Predicate, Problem, ProblemKind

PLACES = {
    "in": Predicate.IN,
    "into": Predicate.IN,
    "inside": Predicate.IN,
    "on": Predicate.ON,
    "onto": Predicate.ON,
    "on top of": Predicate.ON,
    "left of": Predicate.LEFT_OF,
    "to the left of": Predicate.LEFT_OF,
    "on the left side of": Predicate.LEFT_OF,
    "right of": Predicate.RIGHT_OF,
    "to the right of": Predicate.RIGHT_OF,
    "in front of": Predicate.IN_FRONT_OF,
    "behind": Predicate.BEHIND,
    "next to": Predicate.NEXT_TO,
    "beside": Predicate.NEXT_TO,
    "near": Predicate.NEXT_TO,
}


def clauses(command):
    parsed = parse(command)
    assert isinstance(parsed, Parsed), parsed
    return parsed.readings[0]


def only(command):
    (clause,) = clauses(command)
    return clause


@pytest.mark.parametrize(("words", "predicate"), PLACES.items())
@pytest.mark.parametrize("verb", ["put", "place", "move", "set", "drop", "bring"])
def test_place_verbs_work_with_every_place(verb, words, predicate):
    clause = only(f"{verb} the red block {words} the green bowl")
    assert clause.predicate is predicate
    assert (clause.moved[0].color, clause.moved[0].noun) == ("red", "block")
    assert (clause.target.color, clause.target.noun) == ("green", "bowl")


@pytest.mark.parametrize("verb", ["pick up", "grab", "lift", "take"])
def test_picking_up_has_no_place(verb):
    clause = only(f"{verb} the blue mug")
    assert clause.predicate is None
    assert clause.moved[0].noun == "mug"


def test_particle_may_follow_the_object():
    assert only("pick the blue mug up").predicate is None
    down = only("put the blue mug down")
    assert (down.predicate, down.target.noun) == (Predicate.ON, TABLE)


@pytest.mark.parametrize(
    ("words", "side"),
    [
        ("to the left side", "left"),
        ("to the left", "left"),
        ("to the right side of the table", "right"),
        ("on the back side of the table", "back"),
        ("to the left of the table", "left"),
        ("to the front", "front"),
    ],
)
def test_sides_of_the_table(words, side):
    clause = only(f"move the red block {words}")
    assert (clause.predicate, clause.side) == (Predicate.AT_SIDE, side)


def test_stacking_is_told_from_putting():
    assert only("stack the red cube on the blue brick").stacked
    assert not only("put the red cube on the blue brick").stacked


@pytest.mark.parametrize(
    ("word", "noun"), [("cube", "block"), ("box", "box"), ("brick", "block"), ("cup", "mug"), ("can", "cylinder")]
)
def test_nouns_have_synonyms(word, noun):
    assert only(f"pick up the {word}").moved[0].noun == noun


@pytest.mark.parametrize(
    ("word", "color"),
    [("crimson", "red"), ("emerald", "green"), ("turquoise", "cyan"), ("violet", "purple"), ("navy blue", "blue")],
)
def test_colors_have_synonyms(word, color):
    assert only(f"pick up the {word} block").moved[0].color == color


def test_size_relation_and_superlative_tell_objects_apart():
    block = only("pick up the small red block nearest the bowl").moved[0]
    assert (block.size, block.color) == ("small", "red")
    assert block.where[0].relation == "nearest"
    assert only("pick up the leftmost mug").moved[0].superlative == "leftmost"
    assert only("pick up the block on the left").moved[0].superlative == "leftmost"
    assert only("pick up the largest block").moved[0].superlative == "largest"
    assert only("pick up the nearest block to the bowl").moved[0].nearest_to.noun == "bowl"
    assert only("pick up the block which is left of the bowl").moved[0].where[0].relation == Predicate.LEFT_OF


@pytest.mark.parametrize("words", ["all blocks", "all the blocks", "every block", "each block", "the blocks"])
def test_all_and_every_mean_all(words):
    assert only(f"put {words} in the tray").moved[0].quantifier == "all"


def test_everything_is_all_objects():
    thing = only("put everything in the tray").moved[0]
    assert (thing.quantifier, thing.noun) == ("all", "object")


@pytest.mark.parametrize(
    ("joint", "later"), [(" and ", False), (", ", False), (" then ", True), (", then ", True), (" and then ", True)]
)
def test_chains_of_clauses(joint, later):
    first, second = clauses(f"put the red block in the bowl{joint}put the blue block on the plate")
    assert (first.predicate, second.predicate) == (Predicate.IN, Predicate.ON)
    assert second.later is later


def test_verb_may_be_left_out_in_a_chain():
    first, second = clauses("put the red block in the bowl and the blue block on the plate")
    assert second.moved[0].color == "blue"
    assert (first.predicate, second.predicate) == (Predicate.IN, Predicate.ON)


def test_chain_of_four_and_sentences():
    assert len(clauses("pick up the mug, put it on the plate. Then lift the red block and put it in the bowl")) == 4


def test_list_of_objects_shares_a_place():
    clause = only("put the red block, the blue block and the mug in the tray")
    assert [r.color or r.noun for r in clause.moved] == ["red", "blue", "mug"]


def test_pronoun_is_kept_for_grounding():
    _, second = clauses("pick up the red block and put it in the bowl")
    assert second.moved[0].quantifier == "it"


def test_taking_out_names_the_source():
    clause = only("take the red block out of the bowl")
    assert clause.source.noun == "bowl"
    assert (clause.predicate, clause.target.noun) == (Predicate.ON, TABLE)


def test_place_phrase_can_belong_to_the_object():
    parsed = parse("put the block on the plate in the bowl")
    assert isinstance(parsed, Parsed)
    first, second = (reading[0] for reading in parsed.readings)
    assert (first.moved[0].where[0].target.noun, first.target.noun) == ("plate", "bowl")
    assert (second.moved[0].where, second.predicate) == ((), Predicate.ON)


@pytest.mark.parametrize(
    "said",
    [
        "Please put the red block in the bowl.",
        "could you put the RED block in the bowl, please?",
        "Robot, put the red block in the bowl now!",
        "  put   red block in bowl ",
        "I'd like you to put the red block in the bowl",
    ],
)
def test_politeness_case_and_punctuation_change_nothing(said):
    clause = only(said)
    assert (clause.predicate, clause.moved[0].color, clause.target.noun) == (Predicate.IN, "red", "bowl")


@pytest.mark.parametrize("said", ["", "   ", "?!", "..."])
def test_empty_command_is_empty(said):
    problem = parse(said)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.EMPTY


def test_unknown_word_is_named_with_the_nearest_known():
    problem = parse("put the red blokc in the bowl")
    assert problem.kind is ProblemKind.UNKNOWN_WORD
    assert "'blokc'" in problem.message
    assert "block" in problem.candidates
    assert "'flurb'" in parse("put the flurb in the bowl").message


@pytest.mark.parametrize(
    "said",
    ["red", "put the red block", "the bowl in", "put in the bowl", "stack the mug", "please", "left of right of"],
)
def test_known_words_without_meaning_get_an_example(said):
    problem = parse(said)
    assert problem.kind is ProblemKind.NOT_UNDERSTOOD
    assert "put the red block in the green bowl" in problem.message


def test_endless_command_is_refused():
    assert parse("put the red block in the bowl and " * 40).kind is ProblemKind.NOT_UNDERSTOOD


WORDS = st.sampled_from([*sorted(load_lexicon().words), *["the", "block", "on", "and", "put", ",", "bowl"] * 60])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=40).map(" ".join)))
def test_anything_typed_is_read_or_answered_in_one_line(said):
    result = parse(said)
    if isinstance(result, Problem):
        assert result.message
        assert "\n" not in result.message
    else:
        assert result.readings


def test_words_are_split_the_same_with_any_apostrophe_and_width():
    assert split_words("I’d PUT it, there.") == ("id", "put", "it", ",", "there")  # noqa: RUF001
    assert split_words("ｐｕｔ") == ("put",)  # noqa: RUF001


def test_lexicon_with_a_missing_section_is_named(tmp_path):
    file = tmp_path / "words.toml"
    file.write_text('[verbs]\npick = ["pick"]\n')
    with pytest.raises(LexiconError, match=r"words.toml: section \[colors\] is missing"):
        load_lexicon(file)
    with pytest.raises(LexiconError, match="readable"):
        load_lexicon(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "said",
    [
        "don't put the red block in the bowl",
        "put the first block in the bowl",
        "put some blocks in the bowl",
        "put two blocks in the bowl",
        "put the red block 5 cm left of the bowl",
        "put the red block to the bowl",
        "put the red block left",
        "put the mug in the middle of the table",
        "put the red block in the bowl before the blue block",
        "throw the red block in the bowl",
    ],
)
def test_what_would_have_to_be_guessed_is_not_understood(said):
    assert isinstance(parse(said), Problem)


def test_taking_something_in_a_bowl_picks_it_up():
    clause = only("take the red block in the bowl")
    assert clause.predicate is None
    assert clause.moved[0].where[0].target.noun == "bowl"
    assert only("take the red block to the left side").side == "left"


def test_taking_off_is_not_putting_on():
    clause = only("take the red block off the plate")
    assert (clause.source.noun, clause.target.noun) == ("plate", TABLE)


def test_first_may_begin_a_chain():
    assert len(clauses("First, put the mug on the tray, then pick up the red block")) == 2


def test_noun_is_shared_in_a_list():
    first, second = only("put the red and blue blocks in the tray").moved
    assert (first.color, first.noun, first.quantifier) == ("red", "block", "all")
    assert (second.color, second.noun, second.quantifier) == ("blue", "block", "all")
    first, second = only("put the red and the blue cube in the tray").moved
    assert (first.noun, first.quantifier, first.words) == ("block", "the", "the red cube")
    assert second.quantifier == "the"
