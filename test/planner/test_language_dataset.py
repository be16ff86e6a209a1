# ruff: noqa: E501  (tables of examples read better long)
"""The generator of training sentences: what it writes can be read, is quoted from the sentence, and splits do not touch."""

import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from physical_ai_learning.language import (
    english,
    english_orders,
    english_replies,
    english_talk,
    japanese,
    japanese_orders,
    japanese_replies,
    japanese_steps,
    japanese_talk,
)
from physical_ai_learning.language.dataset import LONGER, MIX, Example, examples, spans
from physical_ai_learning.language.english_forms import gerund, participle
from physical_ai_learning.language.japanese_forms import forms
from physical_ai_learning.language.phrases import Phrases, split_phrases
from physical_ai_planner.language import compact, quantities
from physical_ai_planner.language.forbidden import is_forbidden
from physical_ai_planner.language.normalise import normalise

COUNT = 3000
MODULES = (english, english_orders, english_replies, english_talk, japanese, japanese_orders, japanese_replies, japanese_steps, japanese_talk)


@pytest.fixture(scope="module")
def drawn() -> list[Example]:
    return [*itertools.islice(examples(5, "train", "en"), COUNT), *itertools.islice(examples(5, "train", "ja"), COUNT)]


def all_phrases() -> list[Phrases]:
    found: list[object] = [value for module in MODULES for value in vars(module).values()]
    flat: list[Phrases] = []
    while found:
        value = found.pop()
        if isinstance(value, Phrases):
            flat.append(value)
        elif isinstance(value, dict):
            found += value.values()
        elif isinstance(value, (list, tuple)):
            found += value
    return flat


def test_every_goal_line_is_read_back_as_it_was_written(drawn: list[Example]) -> None:
    for example in drawn:
        assert compact.write(compact.read(example.target)) == example.target, example


def test_quoted_words_and_clauses_stand_in_the_sentence(drawn: list[Example]) -> None:
    for example in drawn:
        assert normalise(example.text) == example.text
        assert all(words in example.text for words in spans(example.target)), example
        assert example.clauses and all(piece in example.text for piece in example.clauses), example


def test_sentences_of_several_steps_mostly_have_a_clause_for_each_step(drawn: list[Example]) -> None:
    sequences = [e for e in drawn if e.category in ("sequence", "list", "reordered")]
    assert sum(len(e.clauses) > 1 for e in sequences) > 0.97 * len(sequences)


def test_clauses_are_in_the_order_of_the_goal() -> None:
    reordered = [e for e in itertools.islice(examples(2, "train", "en"), 4000) if e.category == "reordered"]
    assert any(e.text.find(e.clauses[0]) > e.text.find(e.clauses[1]) for e in reordered)
    for e in reordered:
        first = spans(e.target.split("; ")[0])
        assert all(words in e.clauses[0] for words in first), e


def test_every_quoted_amount_can_be_read(drawn: list[Example]) -> None:
    for example in drawn:
        goal = compact.read(example.target)
        if not isinstance(goal, compact.Plan):
            continue
        assert goal.again is None or quantities.count(goal.again), example
        for draft in goal.drafts:
            assert draft.laps is None or quantities.count(draft.laps), example
            assert draft.clearance is None or quantities.length_m(draft.clearance), example
            assert draft.speed is None or quantities.speed_mps(draft.speed, 1.5) is not None, example
            assert draft.duration is None or quantities.duration_s(draft.duration), example
            if isinstance(draft.aim, compact.Spot):
                assert quantities.position_m(draft.aim.words), example
            if isinstance(draft.aim, (compact.Named, compact.Pointed)) and draft.aim.distance:
                assert quantities.length_m(draft.aim.distance), example
            if isinstance(draft.aim, compact.Move) and draft.aim.amount:
                reader = quantities.angle_rad if draft.aim.direction.startswith("turn") else quantities.length_m
                assert reader(draft.aim.amount), example


def test_no_goal_is_trained_on_that_plain_code_refuses(drawn: list[Example]) -> None:
    assert not [e for e in drawn if not e.target.startswith(("no ", "ask ")) and is_forbidden(e.text)]


def test_draws_repeat_by_seed_and_differ_between_seeds() -> None:
    def first(seed: int) -> list[Example]:
        return list(itertools.islice(examples(seed, "train"), 60))

    assert first(3) == first(3)
    assert first(3) != first(4)


def test_no_phrase_of_the_test_split_is_a_phrase_of_training() -> None:
    lists = [p for p in all_phrases() if p.split]
    assert len(lists) > 80
    train = {part for p in lists for part in p.of["train"]}
    test = {part for p in lists for part in p.of["test"]}
    assert test and not train & test


def test_a_test_sentence_holds_at_least_one_phrase_that_training_never_sees() -> None:
    train = {e.text for e in itertools.islice(examples(0, "train"), 4000)}
    test = {e.text for e in itertools.islice(examples(0, "test"), 1000)}
    assert len(test & train) < 0.01 * len(test)


def test_each_key_word_of_the_form_occurs_in_both_languages() -> None:
    words = {*compact.TASK_WORDS, *compact.RELATION_WORDS, *compact.OBJECT_WORDS, *compact.MOVE_WORDS, *compact.EVENT_WORDS, *(d.value for d in compact.Deictic)}
    words |= {"next", "again", "point", "slow", "speed", "clear <>", "avoid", "for <>", "laps", "until", "tool", *(f"ask {w}" for w in compact.QUESTION_WORDS), *(f"no {w}" for w in compact.REFUSAL_WORDS)}
    for language in ("en", "ja"):
        lines = " ; ".join(compact_words(e.target) for e in itertools.islice(examples(9, "train", language), 6000))
        assert {w for w in words if f" {w}" not in f" {lines}"} == set()


def compact_words(target: str) -> str:
    """The line with its quoted words emptied."""
    return re.sub(r"<[^<>]*>", "<>", target)


def test_longer_sentences_can_be_asked_for() -> None:
    def steps(stream: list[Example]) -> float:
        return sum(e.target.count("; ") for e in stream) / len(stream)

    usual = list(itertools.islice(examples(1, "train", mix=replace(MIX, said=0.0)), 1500))
    longer = list(itertools.islice(examples(1, "train", mix=replace(LONGER, said=0.0)), 1500))
    assert steps(longer) > 1.3 * steps(usual)


def test_categories_are_many_and_no_single_one_rules(drawn: list[Example]) -> None:
    counts = Counter(e.category for e in drawn if e.category != "saying")
    assert len(counts) >= 15
    assert counts.most_common(1)[0][1] < 0.3 * len(drawn)


def test_names_are_hardly_ever_the_same(drawn: list[Example]) -> None:
    names = [a.words for e in drawn if isinstance(g := compact.read(e.target), compact.Plan) for d in g.drafts if isinstance(a := d.aim, compact.Named)]
    assert len(set(names)) > 0.7 * len(names)


@pytest.mark.parametrize(
    ("verb", "te", "ta", "order"),
    [("行く5", "行って", "行った", "行け"), ("点検するs", "点検して", "点検した", "点検しろ"), ("戻ってくるk", "戻ってきて", "戻ってきた", "戻ってこい"), ("着ける1", "着けて", "着けた", "着けろ"),
     ("急ぐ5", "急いで", "急いだ", "急げ"), ("進む5", "進んで", "進んだ", "進め"), ("待つ5", "待って", "待った", "待て"), ("動く5", "動いて", "動いた", "動け"), ("来るk", "来て", "来た", "来い")],
)  # fmt: skip
def test_japanese_verbs_are_conjugated(verb: str, te: str, ta: str, order: str) -> None:
    f = forms(verb)
    assert (f.te, f.ta, f.order) == (te, ta, order)


def test_every_japanese_verb_of_the_lists_has_a_known_class() -> None:
    for phrases in (p for name, p in vars(japanese_orders).items() if isinstance(p, Phrases)):
        if all(text[-1] in "51skx" and not text[-2].isascii() for text in phrases.texts):
            for text in phrases.texts:
                if "[" not in text and "{" not in text:
                    kind, word = text[-1], text[:-1]
                    assert kind != "s" or word.endswith("する"), text
                    assert kind != "k" or word.endswith(("くる", "来る")), text
                    assert kind != "1" or word.endswith("る"), text
                    assert kind != "5" or word[-1] in "うくぐすつぬぶむる", text


@pytest.mark.parametrize(("verb", "ing", "done"), [("go to A", "going to A", "gone to A"), ("stop", "stopping", "stopped"), ("drive on", "driving on", "driven on"), ("survey it", "surveying it", "surveyed it"), ("mow it", "mowing it", "mown it"), ("see", "seeing", "seen")])
def test_english_verbs_take_their_forms(verb: str, ing: str, done: str) -> None:
    assert (gerund(verb), participle(verb)) == (ing, done)


def test_phrases_are_split_outside_of_brackets_only() -> None:
    assert split_phrases("a|b (c|d) e\nf") == ["a", "b (c|d) e", "f"]


def test_the_sentences_of_a_seed_are_the_same_in_every_process() -> None:
    program = (
        "import itertools; from physical_ai_learning.language.dataset import examples;"
        "print([(e.text, e.target) for e in itertools.islice(examples(3, 'all'), 800)])"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] and len(said[0]) > 10_000
