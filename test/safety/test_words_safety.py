"""Whatever the gate answers a person has words for it, in both languages."""

from __future__ import annotations

import itertools

import pytest

from physical_ai_core import graph
from physical_ai_core.goal import Words
from physical_ai_safety import words
from physical_ai_safety.ladder import Causes, Latched, reset
from physical_ai_safety.people_say import NOBODY, Note, hand_back, take_over
from physical_ai_safety.words import CAUSED_BY, TEXT

BOTH = (False, True)


def test_every_answer_to_a_reset_has_words() -> None:
    whys = {
        reset(Latched(*held), Causes(*causes), at_rest)[1]
        for held in itertools.product(BOTH, repeat=4)
        for causes in itertools.product(BOTH, repeat=3)
        for at_rest in (None, *BOTH)
    }
    assert whys | {"free"} == set(words.RESET)


def test_every_answer_to_who_drives_has_words() -> None:
    driven = NOBODY._replace(driver="ann")
    whys = {take_over(driven, name, silent, 0.0)[2] for name in ("", "bob", "ann") for silent in BOTH}
    assert take_over(NOBODY, "", False, 1.0)[1] == (Note(1.0, "denied", "takeover", "", "", ""),)
    whys |= {hand_back(driven, name, rests, 0.0)[2] for name in ("bob", "ann") for rests in BOTH}
    assert (whys - {""}) | {"took", "gave", "form"} == set(words.DRIVER)


@pytest.mark.parametrize("table", [words.TEXT, words.DRIVER, words.RESET])
def test_english_is_english_and_japanese_is_japanese(table: dict[str, Words]) -> None:
    for said in table.values():
        assert said.en.isascii() and not said.ja.isascii()
        assert words.both(said) == f"{said.en} / {said.ja}"


def test_the_causes_with_an_input_of_their_own_are_rules() -> None:
    assert set(words.CAUSED_BY) <= set(words.TEXT)


def test_what_causes_a_rule_is_an_input_of_the_gate_or_nothing_that_was_heard() -> None:
    heard = {topic.name for topic in graph.TOPICS if "safety_gate" in topic.hears}
    assert set(CAUSED_BY) <= set(TEXT) and {cause for cause in CAUSED_BY.values() if cause} <= heard
    silent = {rule for rule, cause in CAUSED_BY.items() if not cause}
    assert silent == {"waiting", "start", "intruder", "hold", "fault"}
