"""Whatever the gate answers a person has words for it, in both languages."""

from __future__ import annotations

import itertools

import pytest

from physical_ai_core import graph
from physical_ai_core.goal import Words
from physical_ai_core.reports import Intervention
from physical_ai_safety import words
from physical_ai_safety.ladder import Causes, Latched, reset
from physical_ai_safety.people_say import NOBODY, Note, hand_back, take_over
from physical_ai_safety.rule_forms import RULE_KINDS
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


def test_there_are_words_for_every_rule_of_the_gate_and_for_no_other() -> None:
    of_the_gate = {
        "emergency_stop", "overrun", "bumper", "start", "intruder", "lifted", "dead_man", "waiting", "crew",
        "stale_input", "unsound_input", "stale_command", "refused_command", "pose_lost", "tilt", "limit",
        "acceleration", "stability", "obstacle", "person", "zone", "hold", "fault",
    }  # fmt: skip
    assert set(TEXT) == of_the_gate | set(RULE_KINDS)


def test_the_input_that_a_rule_answers_is_the_one_it_looks_at() -> None:
    assert dict(CAUSED_BY) == {
        "obstacle": "scan", "person": "scan", "zone": "state/odometry", "keep_out": "state/odometry",
        "geofence": "state/odometry", "slope": "imu/data", "pose_lost": "state/map_to_odom", "tilt": "imu/data",
        "overrun": "wheel/odometry", "emergency_stop": "emergency_stop", "bumper": "bumper", "lifted": "lifted",
        "crew": "heartbeat", "dead_man": "cmd_vel_teleop", "stale_command": "cmd_vel_nav",
        "unsound_input": "wheel/odometry", "waiting": "", "start": "", "intruder": "", "hold": "", "fault": "",
    }  # fmt: skip


def test_every_sentence_takes_the_numbers_of_its_rule_and_a_waiting_robot_says_for_whom() -> None:
    numbers = dict.fromkeys(
        ("v_mps", "w_rps", "age_s", "tilt_rad", "free_m", "speed_mps", "distance_m", "persons", "slope_rad", "left_s"),
        0.5,
    )
    for rule in TEXT:
        for line in words.say([Intervention(rule, "named", numbers)], words.IDLE):
            assert line and "{" not in line
    two = [Intervention("lifted", ""), Intervention("waiting", "scan")]
    assert words.say(two, words.IDLE) == ("Waiting for scan.", "scan を待っています。")
    assert words.say([], words.IDLE) == (words.IDLE.en, words.IDLE.ja)
    assert words.quiet("") is words.IDLE and words.quiet("ann").en == "ann has taken over; waiting for a command."
