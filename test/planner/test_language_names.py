"""Names of a site that are near in meaning are told to the operator, and never driven to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.benchmarks.places import site_of
from physical_ai_core.errors import DependencyError
from physical_ai_core.goal import Refusal, RefusalReason
from physical_ai_planner.language.compact import read
from physical_ai_planner.language.ground import ground
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


@pytest.mark.parametrize(
    ("key", "others"),
    [("pump_1", ("pump_2",)), ("bay_a", ("bay_b",)), ("gate", ())],
)
def test_the_other_one_is_of_the_same_kind_and_differs_by_its_label(key: str, others: Sequence[str]) -> None:
    names = {"pump_1": "pump 1", "pump_2": "pump 2", "bay_a": "bay A", "bay_b": "bay B", "gate": "gate"}
    site = site_of(12)
    places = {k: site.places["gate"].model_copy(update={"names": {"en": (n,)}}) for k, n in names.items()}
    assert NameBook(site.model_copy(update={"places": places})).beside(key) == others
