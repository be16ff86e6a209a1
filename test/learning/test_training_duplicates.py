"""Near-duplicates: what is near is found whatever its dress, what is not is not, and by brute force the same."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from physical_ai_learning.training.duplicates import Paths, aligned, folded, grams, near_paths, near_sentences

SAID = ["go", "to", "the", "dock", "gate", "then", "wait", "slowly", "north", "stop", "please"]
words = st.lists(st.sampled_from(SAID), max_size=8)
texts = st.lists(words.map(" ".join), min_size=1, max_size=12)


@given(texts, texts, st.floats(0.3, 1.0))
@settings(max_examples=60)
def test_the_nearest_sentence_is_the_one_brute_force_finds(test: list[str], train: list[str], near: float) -> None:
    found = {pair.test: pair.likeness for pair in near_sentences(test, train, near).pairs}
    for text in test:
        mine = grams(folded(text))
        others = [grams(folded(other)) for other in train]
        best = max(len(mine & other) / len(mine | other) for other in others)
        assert found.get(text, 0.0) == pytest.approx(best if best >= near else 0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Go to Dock B!", "go to dock b"), ("Ｄｏｃｋ　Ｂ", "dock b"), ("第2ポンプへ、行って。", "第２ポンプへ行って")],
)
def test_case_width_and_punctuation_make_no_other_sentence(one: str, other: str) -> None:
    found = near_sentences([one], [other])
    assert (found.same, found.near) == (1, 1)


def test_another_number_is_near_and_another_order_is_not() -> None:
    found = near_sentences(["go to the loading dock number 22", "wait here"], ["go to the loading dock number 23"])
    assert (found.test, found.train, found.same, found.near) == (2, 1, 0, 1)
    assert found.pairs[0].train.endswith("23")
    repeated = near_sentences(["あ" * 200], ["あ" * 20])
    assert repeated.near == 0, "how often counts"


def bends(count: int, seed: int) -> np.ndarray:
    """Curved walks of 20 points at 0.4 s."""
    rng = np.random.default_rng(seed)
    t = 0.4 * np.arange(20)
    turn = rng.uniform(0.1, 0.4, (count, 1)) * rng.choice([-1, 1], (count, 1))
    speed = rng.uniform(0.8, 1.6, (count, 1))
    found: np.ndarray = np.stack([speed / turn * np.sin(turn * t), speed / turn * (1 - np.cos(turn * t))], axis=-1)
    return found


def moved(paths: np.ndarray, angle: float, by: tuple[float, float]) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    found: np.ndarray = paths @ np.array([[c, s], [-s, c]]) + np.array(by)
    return found


@given(st.floats(-3.0, 3.0), st.tuples(st.floats(-50, 50), st.floats(-50, 50)), st.integers(0, 100))
@settings(max_examples=40)
def test_a_walk_moved_and_turned_is_the_same_walk(angle: float, by: tuple[float, float], seed: int) -> None:
    paths = bends(6, seed)
    assert np.allclose(aligned(paths, 7), aligned(moved(paths, angle, by), 7), atol=1e-9)
    test = Paths(moved(paths[2:3], angle, by), ["a 1"])
    found = near_paths(test, Paths(paths, [f"b {k}" for k in range(6)]), now=7)
    assert found.near == 1 and found.pairs[0].train == "b 2"


def test_paths_within_the_tolerance_are_those_that_brute_force_finds() -> None:
    rng = np.random.default_rng(3)
    train = bends(200, 1)
    test = np.concatenate([train[:40] + rng.normal(0.0, 0.006, (40, 20, 2)), bends(40, 2)])
    found = near_paths(Paths(test, ["t"] * 80), Paths(train, ["l"] * 200), now=7, tolerance_m=0.03)
    away = np.linalg.norm(aligned(test, 7)[:, None] - aligned(train, 7), axis=-1).max(axis=-1).min(axis=1)
    assert found.near == int((away <= 0.03).sum()) and 0 < found.near < 80


def test_standing_and_going_straight_are_told_apart_from_what_is_near() -> None:
    still = np.zeros((3, 20, 2)) + np.arange(3.0)[:, None, None]
    straight = np.arange(20.0)[None, :, None] * np.array([0.5, 0.2])
    both = Paths(np.concatenate([still, straight]), ["w"] * 4)
    found = near_paths(both, both, now=7)
    assert found.near == 0 and found.notes["plain_ones_near"] == found.notes["plain_ones"] == 4


def test_a_walker_recorded_twice_is_told() -> None:
    windows = bends(4, 5)
    found = near_paths(Paths(windows, ["x 1"] * 4), Paths(moved(windows, 1.0, (3.0, 4.0)), ["y 9"] * 4), now=7)
    assert found.notes["walkers_likely_the_same"] == 1
    assert json.dumps(found.data()) and "walkers likely the same 1" in found.line()


def test_the_command_compares_files_and_leaves_the_pairs(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="extra `language`: training needs torch")
    from physical_ai_cli.main import app

    (tmp_path / "some.jsonl").write_text('{"text": "WAIT."}\n{"text": "qwertz uiop asdf"}\n', encoding="utf-8")
    asked = ["train", "check-duplicates", "--sentences", str(tmp_path / "some.jsonl"), "--drawn", "600"]
    done = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "found.json")])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["some"]
    assert (report["test"], report["train"], report["same"]) == (2, 600, 1)
