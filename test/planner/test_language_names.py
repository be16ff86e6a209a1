"""Names of a site that are near in meaning are told to the operator, and never driven to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.benchmarks.places import site_of
from physical_ai_core.errors import DependencyError
from physical_ai_core.goal import PlaceTarget, Question, Refusal, RefusalReason
from physical_ai_core.site import Site
from physical_ai_planner.language.compact import read
from physical_ai_planner.language.ground import ground
from physical_ai_planner.language.left_out import unread_number
from physical_ai_planner.language.likeness import Likeness
from physical_ai_planner.language.names import NameBook


def judge(tmp_path: Path) -> Likeness:
    try:
        return Likeness([f"{n}" for n in ("wash bay", "canteen", "charger", "main gate", "食堂", "工具庫")], tmp_path)
    except DependencyError as error:
        pytest.skip(f"names near in meaning cannot be tried: {error}")


def test_words_that_hold_no_name_are_refused_and_the_nearest_meanings_named(tmp_path: Path) -> None:
    judge(tmp_path)
    site = site_of(12)
    reply = ground(read("go <where things get painted>"), site, NameBook(site, lambda names: Likeness(names, tmp_path)))
    assert isinstance(reply, Refusal)
    assert reply.reason is RefusalReason.UNKNOWN_PLACE
    assert "paint shop" in reply.text.en
    assert "塗装場" in reply.text.ja


def test_without_a_judge_of_meaning_the_refusal_is_plain() -> None:
    site = site_of(12)
    reply = ground(read("go <the dining hall>"), site, NameBook(site))
    assert isinstance(reply, Refusal)
    assert "meaning" not in reply.text.en


def test_a_spoilt_cache_of_meanings_is_made_anew(tmp_path: Path) -> None:
    first = judge(tmp_path).nearest("where people eat")
    (kept,) = tmp_path.glob("*.npy")
    kept.write_bytes(b"no array")
    assert judge(tmp_path).nearest("where people eat") == first
    assert len(np.load(kept)) == 6


NAMES = {
    "dock_1": ("dock A", "1号ドック"), "dock_2": ("dock B", "2号ドック"), "pump_1": ("pump 1", "第1ポンプ"),
    "pump_2": ("pump 2", "第2ポンプ"), "pump_10": ("pump 10", "第10ポンプ"), "main": ("main gate", "正門"),
    "back": ("back gate", "裏門"), "desk": ("reception", "受付"), "row": ("row thirteen", "13列目"),
    "cold": ("cold store", "冷凍庫"),
}  # fmt: skip


def book() -> tuple[Site, NameBook]:
    gate = site_of(12).places["gate"]
    places = {k: gate.model_copy(update={"names": {"en": (en,), "ja": (ja,)}}) for k, (en, ja) in NAMES.items()}
    site = site_of(12).model_copy(update={"places": places, "start": "main"})
    return site, NameBook(site)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("ドック1", "dock_1"), ("ポンプ2号", "pump_2"), ("2番ポンプ", "pump_2"), ("受け付け", "desk"),
        ("十三列目", "row"), ("冷凍庫の中", "cold"), ("第1ポンプ", "pump_1"), ("第十ポンプ", "pump_10"),
    ],
)  # fmt: skip
def test_a_japanese_name_is_found_in_the_other_ways_to_write_it(words: str, key: str) -> None:
    assert book()[1].find(words, frozenset({"place"})).sure == (key,)


def test_a_single_sign_is_asked_about_and_never_driven_to() -> None:
    found = book()[1].find("門", frozenset({"place"}))
    assert found.sure == ()
    assert found.maybe == ("main", "back")


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("go <dock A>; go <B>", ["dock_1", "dock_2"]),
        ("inspect <1>; inspect <pump 2>", ["pump_1", "pump_2"]),
        ("inspect <第1>; inspect <第2ポンプ>", ["pump_1", "pump_2"]),
    ],
)
def test_a_list_that_shares_its_word_means_places_of_one_kind(line: str, keys: list[str]) -> None:
    steps = ground(read(line), *book())
    assert isinstance(steps, tuple)
    assert [step.target.name for step in steps if isinstance(step.target, PlaceTarget)] == keys


def test_a_word_without_a_label_is_asked_about_though_its_neighbour_is_plain() -> None:
    assert isinstance(ground(read("go <pump>; go <pump 2>"), *book()), Question)


@pytest.mark.parametrize(
    ("sentence", "line", "left"),
    [
        ("2周、やっぱり3周して", "patrol <周> laps <3周>", None),
        ("第1ポンプ、あ、違う、第2ポンプに行って", "go <第2ポンプ>", None),
        ("go to dock 2, no, dock 3", "go <dock 3>", None),
        ("go to dock 3, not 2", "go <dock 3>", None),
        ("go to dock 3 at 2 m/s", "go <dock 3>", "2"),
        ("2 m, no more than 1 m/s", "go forward <1 m>", "2"),
        ("5秒待って3番へ", "go <3番>", "5"),
        ("charge until 100 percent", "dock charge until full", None),
        ("100%になるまで充電して", "dock charge until full", None),
    ],
)
def test_a_number_that_was_taken_back_is_not_missed_and_any_other_is(
    sentence: str, line: str, left: str | None
) -> None:
    assert unread_number(sentence, read(line)) == left


@pytest.mark.parametrize(
    ("key", "others"),
    [("pump_1", ("pump_2",)), ("bay_a", ("bay_b",)), ("gate", ())],
)
def test_the_other_one_is_of_the_same_kind_and_differs_by_its_label(key: str, others: Sequence[str]) -> None:
    names = {"pump_1": "pump 1", "pump_2": "pump 2", "bay_a": "bay A", "bay_b": "bay B", "gate": "gate"}
    site = site_of(12)
    places = {k: site.places["gate"].model_copy(update={"names": {"en": (n,)}}) for k, n in names.items()}
    assert NameBook(site.model_copy(update={"places": places})).beside(key) == others
