# ruff: noqa: E501  (tables of examples read better long)
"""Spoken amounts in both languages."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_learning.language.dataset import examples
from physical_ai_planner.language.compact import Move, Named, Plan, read
from physical_ai_planner.language.quantities import (
    angle_rad,
    count,
    duration_s,
    kanji_number,
    length_m,
    position_m,
    speed_mps,
)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("30 seconds", 30), ("30秒", 30), ("三十秒間", 30), ("1分半", 90), ("two and a half minutes", 150), ("1時間30分", 5400), ("a minute", 60),
        ("half a minute", 30), ("three minutes", 180), ("forty seconds", 40), ("一分三十秒", 90), ("15分くらい", 900), ("2.5 minutes", 150), ("1h", 3600), ("三時間", 10800),
        ("a moment", None), ("数秒", None), ("", None), ("30", None), ("100 hours", None), ("0 seconds", None),
    ],
)  # fmt: skip
def test_durations(words: str, seconds: float | None) -> None:
    assert duration_s(words) == seconds


@pytest.mark.parametrize(
    ("words", "metres"),
    [("2 m", 2), ("2m", 2), ("50センチ", 0.5), ("三メートル", 3), ("half a metre", 0.5), ("1.5メートル", 1.5), ("a bit", 0.5), ("少し", 0.5), ("one and a half meters", 1.5), ("2", None), ("far", None)],
)
def test_lengths(words: str, metres: float | None) -> None:
    assert length_m(words) == metres


@pytest.mark.parametrize(("words", "degrees"), [("90 degrees", 90), ("四十五度", 45), ("半回転", 180), ("1回転", 360), ("around", 180), ("half a turn", 180), ("forty-five degrees", 45), ("north", None)])
def test_angles(words: str, degrees: float | None) -> None:
    angle = angle_rad(words)
    assert angle == (None if degrees is None else pytest.approx(math.radians(degrees)))


@pytest.mark.parametrize(("words", "times"), [("twice", 2), ("三周", 3), ("3 times", 3), ("ten laps", 10), ("一回だけ", 1), ("often", None), ("0 times", None), ("2.5回", None)])
def test_counts(words: str, times: int | None) -> None:
    assert count(words) == times


@pytest.mark.parametrize(
    ("words", "speed"),
    [("0.5 m/s", 0.5), ("毎秒0.3メートル", 0.3), ("時速3.6キロ", 1.0), ("half speed", 0.75), ("50%", 0.75), ("秒速50センチ", 0.5), ("半分の速度", 0.75), ("150%", None), ("0 m/s", None), ("fast", None)],
)
def test_speeds(words: str, speed: float | None) -> None:
    found = speed_mps(words, 1.5)
    assert found == (None if speed is None else pytest.approx(speed))


@settings(deadline=None)  # machines under load
@given(st.integers(1, 99))
def test_kanji_numbers_of_two_digits(n: int) -> None:
    digits = "〇一二三四五六七八九"
    tens, ones = divmod(n, 10)
    word = (digits[tens] if tens > 1 else "") + ("十" if tens else "") + (digits[ones] if ones else "")
    assert kanji_number(word) == n


@settings(deadline=None)  # machines under load
@given(st.text(max_size=30))
def test_no_text_makes_a_reader_fail_or_return_an_impossible_amount(words: str) -> None:
    for value in (duration_s(words), length_m(words), angle_rad(words), speed_mps(words, 1.5)):
        assert value is None or (math.isfinite(value) and value >= 0.0)
    assert count(words) is None or 1 <= count(words) <= 1000


def test_every_amount_that_is_trained_on_can_be_read() -> None:
    for example in itertools.islice(examples(11, "train"), 3000):
        compact = read(example.target)
        for draft in compact.drafts if isinstance(compact, Plan) else ():
            assert draft.laps is None or count(draft.laps), example
            assert draft.clearance is None or length_m(draft.clearance), example
            assert draft.speed is None or speed_mps(draft.speed, 1.5) is not None or "0.0" in draft.speed, example
            assert draft.duration is None or duration_s(draft.duration) or "h" in draft.duration.lower() or "時間" in draft.duration, example
            if isinstance(draft.aim, Named) and draft.aim.distance:
                assert length_m(draft.aim.distance) is not None, example
            if isinstance(draft.aim, Move) and draft.aim.amount:
                reader = angle_rad if draft.aim.direction.startswith("turn") else length_m
                assert reader(draft.aim.amount) is not None, example


@pytest.mark.parametrize(
    ("words", "mps"),
    [("時速一・五キロ", 1.5 / 3.6), ("毎分30メートル", 0.5), ("0.5メートル", 0.5), ("30 m per minute", 0.5), ("fast", None)],
)
def test_speeds_said_in_other_ways(words: str, mps: float | None) -> None:
    assert speed_mps(words, 2.0) == (mps if mps is None else pytest.approx(mps))


@pytest.mark.parametrize(
    ("words", "point"),
    [("x 3, y -4.5", (3, -4.5)), ("(3, 4)", (3, 4)), ("エックス十、ワイ二十", (10, 20)), ("x 3", None), ("1 2 3", None), ("1e9, 3e9", None)],
)
def test_points_of_the_map(words: str, point: tuple[float, float] | None) -> None:
    assert position_m(words) == point


def test_amounts_that_are_written_in_kana_as_they_are_said() -> None:
    assert length_m("にめーとる") == 2.0 and length_m("ゴジュッセンチ") == 0.5 and length_m("にじゅってんごめーとる") == 20.5
    assert duration_s("いちじかんさんじゅっぷん") == 5400.0 and duration_s("にふんはん") == 150.0
    assert angle_rad("きゅうじゅうど") == pytest.approx(math.pi / 2) and count("さんしゅう") == 3
    assert speed_mps("まいびょうれいてんごめーとる", 2.0) == 0.5 and speed_mps("じそくにきろ", 2.0) == pytest.approx(2 / 3.6)
    assert all(length_m(words) is None for words in ("にし", "しろ", "さんせい", "に", "めーとる"))


@given(st.integers(1, 9), st.integers(1, 9))
def test_kana_numbers_of_two_digits_are_the_kanji_ones(tens: int, ones: int) -> None:
    said = ("", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう")
    assert length_m(f"{said[tens] if tens > 1 else ''}じゅう{said[ones]}めーとる") == 10 * tens + ones


@pytest.mark.parametrize(
    ("words", "metres"),
    [
        ("four, metres", 4.0),
        ("six, I mean seven, metres", 7.0),
        ("5メートル、違う、6メートル", 6.0),
        ("5メートルじゃなくて6メートル", 6.0),
        ("2,5 metres", 2.5),
        ("six rather than seven metres", None),
    ],
)
def test_of_an_amount_that_is_corrected_the_last_word_counts(words: str, metres: float | None) -> None:
    assert length_m(words) == metres
